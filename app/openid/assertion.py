"""A client assertion (RFC 7523 §3): a program shows that it is itself with what its own provider signed.

Entra calls it workload identity federation. Its tokens have `uti` where others have `jti`.
Not here: whether an identifier was seen before; whoever asks keeps them until `expires`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from app import bounds, clock
from app.openid import signed
from app.openid.errors import Code, ProviderError
from app.openid.keys import Keys
from app.openid.provider import Signer

TYPES = signed.JWT | {"client-authentication+jwt"}
"""What an assertion may have as `typ` (RFC 7523; draft-ietf-oauth-rfc7523bis), in small letters."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """`jti` is unique among the issuer's tokens; after `expires` the assertion is refused in any case."""

    jti: str
    expires: datetime


def verify_assertion(text: str, provider: Signer, subject: str, audiences: Collection[str], keys: Keys) -> Assertion:
    """Raises ProviderError unless this provider made the assertion for `subject` and for one of `audiences`."""
    claims = signed.read_claims(text, provider, keys, TYPES)
    signed.check_audience(claims, audiences)
    if not subject or signed.read_text(claims, "sub") != subject:
        raise ProviderError(Code.WRONG_SUBJECT)
    identifier = signed.read_text(claims, "jti") or signed.read_text(claims, "uti")
    if not identifier:
        raise ProviderError(Code.NO_IDENTIFIER)
    expires = signed.read_time(claims, "exp") or 0.0
    if expires > clock.utc_now().timestamp() + bounds.ASSERTION_S + bounds.TOKEN_LEEWAY_S:
        raise ProviderError(Code.TOO_LONG_LIVED)
    return Assertion(identifier, datetime.fromtimestamp(expires + bounds.TOKEN_LEEWAY_S, UTC))
