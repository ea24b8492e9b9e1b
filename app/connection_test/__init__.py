"""This package tests the way from the public URL to the server, through the reverse proxy."""
