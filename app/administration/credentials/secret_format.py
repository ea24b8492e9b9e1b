"""This module creates secrets for programs, with a prefix for their kind and a checksum.

With prefix and checksum, a secret scanner finds a leaked secret, and a mistyped one is detected without a lookup.

    secret = beginning 43base64url "_" 6hexdig     32 random bytes, then the last 24 bits of their CRC-32
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass

PREFIX = "rcn_"
SHOWN_AFTER = 4
"""The number of characters after the beginning that may be displayed to identify a secret."""
_REST = re.compile(r"([A-Za-z0-9_-]{43})_([0-9a-f]{6})\Z")


@dataclass(frozen=True, slots=True)
class SecretForm:
    """One kind of secret; `beginning` is the prefix of all secrets of this kind."""

    beginning: str

    def make(self) -> str:
        """Return a new secret."""
        random = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        return f"{self.beginning}{random}_{_checksum(random)}"

    def fits(self, text: str) -> bool:
        """Return whether a text has the form of this kind, including a valid checksum. Accepts any text."""
        parts = _REST.match(text, len(self.beginning)) if text.startswith(self.beginning) else None
        return parts is not None and _checksum(parts[1]) == parts[2]

    def is_begun(self, text: str) -> bool:
        """Return whether a text looks like a truncated or mistyped secret of this kind."""
        lower = text.lower()
        return self.beginning in lower or (len(text) >= len(PREFIX) and self.beginning.startswith(lower))

    def prefix(self, text: str) -> str:
        """Return the first characters of a secret, which may be displayed."""
        return text[: len(self.beginning) + SHOWN_AFTER]


SCIM_KEY = SecretForm(f"{PREFIX}scim_")
CLIENT_SECRET = SecretForm(f"{PREFIX}oas_")
ACCESS_TOKEN = SecretForm(f"{PREFIX}oat_")


def _checksum(random: str) -> str:
    return f"{binascii.crc32(random.encode()) & 0xFFFFFF:06x}"
