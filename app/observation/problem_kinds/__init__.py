"""This package declares every kind of problem, with its explanation and its fix."""
