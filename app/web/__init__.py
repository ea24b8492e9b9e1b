"""This package answers HTTP requests: SCIM, OAuth and the console."""
