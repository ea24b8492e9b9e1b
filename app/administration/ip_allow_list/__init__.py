"""This package holds which IP addresses may call SCIM."""
