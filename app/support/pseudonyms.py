"""This module replaces what names people, addresses and keys by pseudonyms."""

import hashlib
import hmac


class Pseudonyms:
    """Pseudonyms by a key that stays in the data folder: one value has the same one in every bundle of the folder.

    Without the key a reader cannot tell whether a pseudonym is that of a name.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"recnice support bundle", hashlib.sha256)

    def of(self, kind: str, value: str) -> str:
        """Return a pseudonym such as `user-6f1c09a2b3d4`; "" for ""."""
        text = f"{kind}\0{value}".encode(errors="surrogatepass")
        return f"{kind}-{hmac.digest(self._key, text, hashlib.sha256).hex()[:12]}" if value else ""
