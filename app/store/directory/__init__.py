"""This package stores users, groups, memberships and their history."""
