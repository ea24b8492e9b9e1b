"""This package groups requests into Entra's cycles and judges their regularity."""
