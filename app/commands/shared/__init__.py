"""This package contains helpers that several commands use."""
