"""This package finds users and groups for the console, with their history."""
