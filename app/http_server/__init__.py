"""This package turns bytes on a socket into well-formed HTTP requests."""
