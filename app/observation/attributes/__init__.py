"""This package compares received attributes with Entra's mapping."""
