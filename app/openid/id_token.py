"""This module verifies an ID token (OpenID Connect Core 1.0 §2 and §3.1.3.7).

A user is identified by `issuer` and `subject`, at Entra by `tenant` and `object_id`. Names are for display only: users
can change them, so names neither identify a user nor grant rights.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app import bounds
from app.openid import signed_token
from app.openid.errors import ProviderCode, ProviderError
from app.openid.provider import Provider
from app.openid.signing_keys import Keys


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified claims of an ID token. `tenant`, `object_id`, `name` and `username` are "" if absent.

    `auth_time` is when the user authenticated, in seconds since 1970, if the provider sends it. `shown` has all claims
    but the nonce as bounded text for display.
    """

    issuer: str
    subject: str
    tenant: str
    object_id: str
    name: str
    username: str
    auth_time: int | None
    shown: Mapping[str, str]


def verify(text: str, provider: Provider, client_id: str, nonce: str, keys: Keys) -> Claims:
    """Return a token's claims if this provider issued it for this client in this sign-in; else raise ProviderError."""
    claims = signed_token.read_claims(text, provider, keys)
    if (
        signed_token.read_time(claims, "iat") is None
    ):  # required in an ID token, optional in other tokens (RFC 7519 §4.1.6)
        raise signed_token.malformed("iat")
    signed_token.check_audience(claims, (client_id,))
    if claims.get("azp", client_id) != client_id:
        raise ProviderError(ProviderCode.WRONG_AUDIENCE)
    if not nonce or not signed_token.is_same(claims.get("nonce"), nonce):
        raise ProviderError(ProviderCode.WRONG_NONCE)
    if not (subject := signed_token.read_text(claims, "sub")):
        raise signed_token.malformed("sub")
    auth_time = signed_token.read_time(claims, "auth_time")
    return Claims(
        issuer=provider.issuer.address,
        subject=subject,
        tenant=provider.issuer.tenant,
        object_id=signed_token.read_text(claims, "oid"),
        name=_shown(claims.get("name", "")),
        username=_shown(claims.get("preferred_username", "")),
        auth_time=None if auth_time is None else int(auth_time),
        shown=MappingProxyType(
            {_shown(name): _shown(claims[name]) for name in sorted(claims)[: bounds.CLAIMS_SHOWN] if name != "nonce"}
        ),
    )


def _shown(value: Any) -> str:
    """Return any value as one readable line of limited length."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > bounds.CLAIM_SHOWN_LENGTH:
        text = text[: bounds.CLAIM_SHOWN_LENGTH - 1] + "…"
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
