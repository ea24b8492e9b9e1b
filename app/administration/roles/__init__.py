"""This package assigns console roles to users."""
