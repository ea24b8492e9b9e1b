"""This package holds what several pages of the console use."""
