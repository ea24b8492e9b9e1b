"""This package simulates Microsoft Entra against a SCIM service over HTTP and checks every answer.

It knows the service only by its URL.
"""
