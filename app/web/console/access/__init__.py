"""This package serves the pages about who may sign in and call SCIM."""
