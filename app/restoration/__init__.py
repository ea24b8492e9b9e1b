"""This package restores a copy: it stages it, compares it with the present database, and puts it in place."""
