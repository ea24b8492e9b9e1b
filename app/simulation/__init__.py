"""This package plays Microsoft Entra against a SCIM service over HTTP and checks every answer.

This package knows it only by its address.
"""
