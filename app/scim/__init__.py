"""This package implements SCIM 2.0 without storage or HTTP: schemas, filters, PATCH (RFC 7643, RFC 7644)."""
