"""This package stores the request log, a separate database file."""
