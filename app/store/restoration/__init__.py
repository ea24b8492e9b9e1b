"""This package compares a copy of the directory with the present database, and keeps in it what must not go back."""
