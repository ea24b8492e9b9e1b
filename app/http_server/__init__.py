"""This package turns bytes on a socket into well-formed HTTP requests, and sends their responses."""
