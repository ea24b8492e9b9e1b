"""This module makes secrets for programs, with a prefix that tells their kind and a checksum.

By its fixed beginning and checksum a secret scanner finds one that leaked, and a typing error needs no look-up.

    secret = beginning 43base64url "_" 6hexdig     32 random bytes, then the last 24 bits of their CRC-32
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass

OURS = "rcn_"
SHOWN_AFTER = 4
"""So many characters after the beginning may be shown, to know a secret by."""
_REST = re.compile(r"([A-Za-z0-9_-]{43})_([0-9a-f]{6})\Z")


@dataclass(frozen=True, slots=True)
class SecretForm:
    """One kind of secret; `beginning` is the same for all of the kind."""

    beginning: str

    def make(self) -> str:
        """A new one."""
        random = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        return f"{self.beginning}{random}_{_checksum(random)}"

    def fits(self, text: str) -> bool:
        """Whether a text has the form, checksum included. Any text may come."""
        found = _REST.match(text, len(self.beginning)) if text.startswith(self.beginning) else None
        return found is not None and _checksum(found[1]) == found[2]

    def is_begun(self, text: str) -> bool:
        """Whether a text looks like one that was cut or mistyped."""
        lower = text.lower()
        return self.beginning in lower or (len(text) >= len(OURS) and self.beginning.startswith(lower))

    def prefix(self, text: str) -> str:
        """The first characters of one, as they may be shown."""
        return text[: len(self.beginning) + SHOWN_AFTER]


SCIM_KEY = SecretForm(f"{OURS}scim_")
CLIENT_SECRET = SecretForm(f"{OURS}oas_")
ACCESS_TOKEN = SecretForm(f"{OURS}oat_")


def _checksum(random: str) -> str:
    return f"{binascii.crc32(random.encode()) & 0xFFFFFF:06x}"
