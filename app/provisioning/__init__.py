"""This package does what clients ask of resources, in transactions."""
