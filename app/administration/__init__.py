"""This package holds administration: administrators, sign-in, credentials, roles, the IP allow list and the audit."""
