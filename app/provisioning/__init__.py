"""This package applies clients' operations to resources, in transactions."""
