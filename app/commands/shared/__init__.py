"""This package holds what several commands use."""
