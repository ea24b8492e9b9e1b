"""This package manages administrators, their sign-in and their sessions."""
