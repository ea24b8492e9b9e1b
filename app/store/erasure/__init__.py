"""This package erases what the database files have of one user, and finds what is left of it."""
