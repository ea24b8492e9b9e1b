"""This package serves the OAuth token endpoint."""
