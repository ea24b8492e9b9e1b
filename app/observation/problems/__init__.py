"""This package tracks problems: what was refused, since when, and whom it affects."""
