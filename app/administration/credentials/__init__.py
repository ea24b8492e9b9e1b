"""This package manages the credentials for SCIM: SCIM Keys, OAuth clients, access tokens."""
