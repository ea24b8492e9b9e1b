"""This package holds administrators, their sign-in and their sessions."""
