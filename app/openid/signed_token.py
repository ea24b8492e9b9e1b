"""This module verifies the signature of a token and the claims that all tokens share (RFC 7515, RFC 7519)."""

import hmac
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from app import bounds, clock
from app.openid.errors import ProviderCode, ProviderError
from app.openid.json_object import read_object
from app.openid.provider import Signer
from app.openid.signing_keys import Keys

JWT = frozenset({"jwt"})
"""The type of an ordinary token, in lower case."""

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")  # without a signature: to be refused for its alg


def malformed(what: str) -> ProviderError:
    """Return the error for a malformed token; `what` is a fixed word: the name of a claim, or a part of the token."""
    return ProviderError(ProviderCode.MALFORMED, what=what)


def read_claims(text: str, provider: Signer, keys: Keys, types: Collection[str] = JWT) -> dict[str, Any]:
    """Return the claims of a token that this provider signed; of them only issuer, tenant and times are checked.

    `types` are the accepted values of `typ`, in lower case; a token without one is a JWT.
    """
    claims = _verify(text, provider, keys, types)
    if claims.get("iss") != provider.issuer.address:
        raise ProviderError(ProviderCode.WRONG_ISSUER)
    if provider.issuer.tenant and claims.get("tid") != provider.issuer.tenant:
        raise ProviderError(ProviderCode.WRONG_TENANT)
    _check_times(claims)
    return claims


def _verify(text: str, provider: Signer, keys: Keys, types: Collection[str]) -> dict[str, Any]:
    from joserfc import jws
    from joserfc.errors import JoseError

    if not isinstance(text, str) or len(text) > bounds.TOKEN_LENGTH or not _FORM.fullmatch(text):
        raise malformed("three parts")
    algorithm, key_id = _read_header(text.partition(".")[0], provider.issuer.algorithms, types)
    registry = _registry(algorithm)
    try:
        token = jws.extract_compact(text.encode("ascii"), registry=registry)
    except (JoseError, ValueError):
        raise ProviderError(ProviderCode.BAD_SIGNATURE) from None

    def verifies(key: Any) -> bool:
        try:
            return jws.validate_compact(token, key, registry=registry)
        except (JoseError, ValueError):
            return False

    keys.find(provider.jwks_uri, key_id, algorithm, verifies)
    try:
        return read_object(token.payload or b"")
    except ValueError:
        raise malformed("claims") from None


@cache
def _registry(algorithm: str) -> Any:
    """Return joserfc's registry for verification: this algorithm alone, and this server's limit on the size."""
    from joserfc.errors import UnsupportedAlgorithmError
    from joserfc.jws import JWSRegistry

    class Registry(JWSRegistry):
        def get_alg(self, name: str) -> Any:
            # joserfc writes a warning for EdDSA, which RFC 9864 calls Ed25519; issuers still send the old name.
            if name != algorithm:
                raise UnsupportedAlgorithmError(name)
            return self.algorithms[name]

    registry = Registry(strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = bounds.TOKEN_LENGTH
    return registry


def _read_header(part: str, algorithms: Collection[str], types: Collection[str]) -> tuple[str, str | None]:
    """Return the algorithm and the key ID that a token names."""
    try:
        header = read_object(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise malformed("header") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise ProviderError(ProviderCode.ALG_REFUSED)
    if "crit" in header or "b64" in header:
        raise malformed("crit")
    # An access token or a logout token has its own type. RFC 7515 §4.1.9 omits "application/".
    if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in types:
        raise malformed("typ")
    if key_id is not None and not (isinstance(key_id, str) and 0 < len(key_id) <= bounds.PROVIDER_KEY_ID_LENGTH):
        raise malformed("kid")
    return algorithm, key_id


def _check_times(claims: Mapping[str, Any]) -> None:
    now = clock.utc_now().timestamp()
    expires, issued, begins = (read_time(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None:
        raise malformed("exp")
    if now >= expires + bounds.TOKEN_LEEWAY_S:
        raise ProviderError(ProviderCode.EXPIRED)
    if max(issued or 0, begins or 0) > now + bounds.TOKEN_LEEWAY_S:
        raise ProviderError(ProviderCode.NOT_YET)


def read_time(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate (RFC 7519 §2): seconds since 1970, None if the claim is absent."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= bounds.TIME_MAXIMUM:
        raise malformed(name)
    return float(value)


def read_text(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that identifies: bounded printable text; "" if it is absent."""
    value = claims.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= bounds.CLAIM_LENGTH or not value.isprintable():
        raise malformed(name)
    return value


def check_audience(claims: Mapping[str, Any], accepted: Collection[str]) -> None:
    """Require that the token is for one of `accepted`, and for no other audience."""
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(audience, str) or not audience or audience not in accepted:
        raise ProviderError(ProviderCode.WRONG_AUDIENCE)


def is_same(one: object, other: str) -> bool:
    """Return whether a value equals a secret text; an unequal one takes as long as an equal one."""
    return isinstance(one, str) and hmac.compare_digest(
        one.encode("utf-8", "replace"), other.encode("utf-8", "replace")
    )
