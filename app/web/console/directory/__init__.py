"""This package serves the pages of users, groups and their attributes."""
