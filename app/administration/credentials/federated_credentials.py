"""This module verifies a client's signed assertion against its federated credentials (RFC 7523 §2.2).

Nothing is fetched unless the assertion names issuer, subject and audience of a trust: nobody else can make this
server ask anybody.
"""

import threading
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from pathlib import Path

from app import bounds
from app.openid import provider
from app.openid.client_assertion import Assertion, verify_assertion
from app.openid.errors import About, ProviderError
from app.openid.fetch_cache import Cache
from app.openid.json_object import read_object
from app.openid.signing_keys import Keys


class AssertionRefused(Exception):  # noqa: N818
    """An assertion is not right. The text is one plain sentence, for the log only."""


class SignerAway(Exception):  # noqa: N818
    """Whether an assertion is right cannot be told just now. The text is one plain sentence, for the log only."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an assertion says of itself, believed by nobody yet."""

    issuer: str
    subject: str
    audience: str


def read_claimed(text: str) -> Claimed | None:
    """None for a text that cannot be an assertion at all. Any text may come."""
    parts = text.split(".") if len(text) <= bounds.TOKEN_LENGTH and text.isascii() else []
    try:
        claims = read_object(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))) if len(parts) == 3 else {}
    except ValueError:
        return None
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    found = (claims.get("iss"), claims.get("sub"), audience)
    if not all(isinstance(one, str) and 0 < len(one) <= bounds.PROVIDER_ADDRESS_LENGTH for one in found):
        return None
    issuer, subject, audience = (str(one) for one in found)
    # Half of a character can stand in JSON and in no database.
    is_text = not any("\ud800" <= character <= "\udfff" for character in issuer + subject + audience)
    return Claimed(issuer, subject, audience) if is_text else None


class Signers:
    """What was fetched from the issuers. Threads share it; only a few may wait for an issuer at the same time."""

    def __init__(self, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._found = Cache[provider.Issuer, provider.Signer](lambda one: provider.discover_signer(one, ca_file))
        self._keys = Keys(ca_file)
        self._places = threading.BoundedSemaphore(bounds.ASSERTIONS_AT_ONCE)

    def check(self, issuer: provider.Issuer) -> str:
        """Return the issuer's exact text, after its document and its keys were fetched now. Raises ProviderError."""
        found = provider.discover_signer(issuer, self._ca_file)
        self._keys.check(found.jwks_uri)
        return found.issuer.address

    def verify(self, text: str, trusted: Claimed) -> Assertion:
        """Raises AssertionRefused, also where the issuer is wrong in a way that lasts, or SignerAway.

        Waits no longer than the bounds on two fetches.
        """
        if not self._places.acquire(blocking=False):
            raise SignerAway("Too many signed assertions are being checked.")
        try:
            found = self._found.get(provider.read_issuer(trusted.issuer))
            return verify_assertion(text, found, trusted.subject, [trusted.audience], self._keys)
        except ProviderError as error:
            if error.about is About.PROVIDER:
                raise SignerAway(str(error)) from None
            raise AssertionRefused(str(error)) from None
        finally:
            self._places.release()
