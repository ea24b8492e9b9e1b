"""This package makes the support bundle, which helps to find a fault, without names of users."""
