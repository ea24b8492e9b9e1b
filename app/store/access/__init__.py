"""This package stores who may do what: administrators, credentials, roles, the audit."""
