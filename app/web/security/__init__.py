"""This package decides who may send which request, and protects browsers."""
