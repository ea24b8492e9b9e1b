"""This package manages administrators, sign-in, credentials, roles, the IP allow list and the audit."""
