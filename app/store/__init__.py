"""This package stores everything in two SQLite files: the directory, and the request log."""
