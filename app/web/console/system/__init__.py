"""This package serves help, documentation and health checks."""
