"""This package serves SCIM over HTTP."""
