"""This package contains the commands, one module per noun."""
