"""This package stores the request log, a database file of its own."""
