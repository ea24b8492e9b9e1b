"""This package signs users in by OpenID Connect."""
