"""This package manages and enforces the list of IP addresses that may call SCIM."""
