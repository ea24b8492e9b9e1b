"""This package holds the commands, one module per noun."""
