"""This package connects to SQLite, runs transactions and migrates the database file."""
