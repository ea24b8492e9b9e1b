"""This package implements OpenID Connect and JWT client assertions as a relying party.

Third-party libraries are imported only when they are needed: they are heavy, and most starts of the program never
contact a provider.
"""
