"""This package holds what opens SCIM: SCIM Keys, OAuth clients, access tokens."""
