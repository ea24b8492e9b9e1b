"""This package records requests for the request log."""
