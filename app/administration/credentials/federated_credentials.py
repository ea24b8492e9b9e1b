"""This module verifies a client's signed assertion against its federated credentials (RFC 7523 §2.2).

Nothing is fetched unless the assertion has the issuer, subject and audience of a federated credential. So other
clients cannot make this server send requests.
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
    """An assertion is invalid. The text is one sentence, for the log only."""


class SignerAway(Exception):  # noqa: N818
    """An assertion cannot be verified at the moment. The text is one sentence, for the log only."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The claims of an assertion before its verification."""

    issuer: str
    subject: str
    audience: str


def read_claimed(text: str) -> Claimed | None:
    """Return the unverified claims of an assertion; None for any other text."""
    parts = text.split(".") if len(text) <= bounds.TOKEN_LENGTH and text.isascii() else []
    try:
        claims = read_object(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))) if len(parts) == 3 else {}
    except ValueError:
        return None
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    identifiers = (claims.get("iss"), claims.get("sub"), audience)
    if not all(isinstance(one, str) and 0 < len(one) <= bounds.PROVIDER_ADDRESS_LENGTH for one in identifiers):
        return None
    issuer, subject, audience = (str(one) for one in identifiers)
    # JSON can contain a lone surrogate, which the database cannot store.
    is_text = not any("\ud800" <= character <= "\udfff" for character in issuer + subject + audience)
    return Claimed(issuer, subject, audience) if is_text else None


class Signers:
    """A verifier of assertions, with cached metadata of the issuers.

    Thread-safe; at most `bounds.ASSERTIONS_AT_ONCE` threads verify at the same time.
    """

    def __init__(self, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._signers = Cache[provider.Issuer, provider.Signer](lambda one: provider.discover_signer(one, ca_file))
        self._keys = Keys(ca_file)
        self._places = threading.BoundedSemaphore(bounds.ASSERTIONS_AT_ONCE)

    def check(self, issuer: provider.Issuer) -> str:
        """Fetch the document and the keys of an issuer, and return its exact identifier. Raises ProviderError."""
        signer = provider.discover_signer(issuer, self._ca_file)
        self._keys.check(signer.jwks_uri)
        return signer.issuer.address

    def verify(self, text: str, trusted: Claimed) -> Assertion:
        """Verify an assertion against the claims of a federated credential. Waits at most for two fetches.

        Raises:
            AssertionRefused: the assertion is invalid, or the issuer is misconfigured.
            SignerAway: the issuer is not available, or too many assertions are being verified.
        """
        if not self._places.acquire(blocking=False):
            raise SignerAway("Too many signed assertions are being checked.")
        try:
            signer = self._signers.get(provider.read_issuer(trusted.issuer))
            return verify_assertion(text, signer, trusted.subject, [trusted.audience], self._keys)
        except ProviderError as error:
            if error.about is About.PROVIDER:
                raise SignerAway(str(error)) from None
            raise AssertionRefused(str(error)) from None
        finally:
            self._places.release()
