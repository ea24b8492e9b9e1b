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
"""What an assertion may have as `typ` (RFC 7523; draft-ietf-oauth-rfc7523bis), in small letters."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """`jti` is unique among the issuer's tokens; after `expires` the assertion is refused in any case."""

    jti: str
    expires: datetime


def verify_assertion(text: str, provider: Signer, subject: str, audiences: Collection[str], keys: Keys) -> Assertion:
    """Raises ProviderError unless this provider made the assertion for `subject` and for one of `audiences`."""
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
