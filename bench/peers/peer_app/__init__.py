"""This package is the Django application of django_scim2_peer.py."""
