"""This module encrypts secrets that must be decrypted again, such as a provider's client secret.

The key is derived from the secret of the data folder (`recnice.secret`). The method is Fernet (AES-CBC with
HMAC-SHA256) of the package cryptography.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from app import clock

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class Sealer:
    """An encryptor of texts for one purpose. It does not decrypt texts that were encrypted for another purpose."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._key = hmac.digest(secret, b"recnice sealing " + purpose.encode(), hashlib.sha256)

    def seal(self, text: str) -> str:
        """Return the encrypted text, different each time. It contains the time of encryption."""
        return self._fernet().encrypt_at_time(text.encode(), self._now()).decode()

    def open(self, sealed: str, seconds: int | None = None) -> str | None:
        """Return the decrypted text; None if this server did not encrypt it, or encrypted it over `seconds` ago."""
        from cryptography.fernet import InvalidToken

        token = sealed.encode("utf-8", "replace")
        try:
            if seconds is None:
                return self._fernet().decrypt(token).decode()
            return self._fernet().decrypt_at_time(token, ttl=seconds, current_time=self._now()).decode()
        except InvalidToken:
            return None

    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        return Fernet(base64.urlsafe_b64encode(self._key))

    @staticmethod
    def _now() -> int:
        return int(clock.utc_now().timestamp())
