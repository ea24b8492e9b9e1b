"""This module hashes a secret that this server generated, with SHA-256.

Only for secrets of 112 random bits or more (keys, session tokens, setup codes, recovery codes; NIST SP 800-63B
requires a salt below that). Never for passwords.
"""

import hashlib


def hash_secret(secret: str) -> str:
    """Return the hash as 64 hexadecimal digits. Accepts any text."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
