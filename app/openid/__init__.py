"""OpenID Connect and JWT client assertions as they are spoken: to a provider, and read from what it signs.

Not here: who may enter, what is stored, pages. Nothing foreign is imported before it is needed: the libraries are heavy
and most starts of the program never speak to a provider.
"""
