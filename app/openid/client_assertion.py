"""This module reads and checks the claims of a client assertion (RFC 7523 §3).

Entra calls it workload identity federation. Its tokens have `uti` where others have `jti`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from app import bounds, clock
from app.openid import signed_token
from app.openid.errors import ProviderCode, ProviderError
from app.openid.provider import Signer
from app.openid.signing_keys import Keys

TYPES = signed_token.JWT | {"client-authentication+jwt"}
"""The allowed values of an assertion's `typ` (RFC 7523; draft-ietf-oauth-rfc7523bis), in lower case."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified client assertion. `jti` is unique among the issuer's tokens; after `expires` it is always refused."""

    jti: str
    expires: datetime


def verify_assertion(text: str, provider: Signer, subject: str, audiences: Collection[str], keys: Keys) -> Assertion:
    """Return an assertion that this provider issued for `subject` and one of `audiences`; else raise ProviderError."""
    claims = signed_token.read_claims(text, provider, keys, TYPES)
    signed_token.check_audience(claims, audiences)
    if not subject or signed_token.read_text(claims, "sub") != subject:
        raise ProviderError(ProviderCode.WRONG_SUBJECT)
    identifier = signed_token.read_text(claims, "jti") or signed_token.read_text(claims, "uti")
    if not identifier:
        raise ProviderError(ProviderCode.NO_IDENTIFIER)
    expires = signed_token.read_time(claims, "exp") or 0.0
    if expires > clock.utc_now().timestamp() + bounds.ASSERTION_S + bounds.TOKEN_LEEWAY_S:
        raise ProviderError(ProviderCode.TOO_LONG_LIVED)
    return Assertion(identifier, datetime.fromtimestamp(expires + bounds.TOKEN_LEEWAY_S, UTC))
