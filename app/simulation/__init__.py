"""What Microsoft Entra does to a SCIM service, played over HTTP, with every answer checked as Entra would.

Not here: anything of the service itself. This package knows it only by its address.
"""
