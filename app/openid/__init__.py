"""This package implements OpenID Connect and JWT client assertions as a relying party.

Nothing foreign is imported before it is needed: the libraries are heavy and most starts of the program never speak
to a provider.
"""
