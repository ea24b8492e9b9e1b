"""This package holds which users have which console role."""
