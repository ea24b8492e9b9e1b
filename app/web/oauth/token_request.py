"""This module reads a token request and the way in which its client authenticates.

Anything may come.
"""

import base64
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from flask import Request

from app import bounds
from app.web.oauth.errors import CLIENT_CREDENTIALS, FORM, JWT_BEARER, NoToken, TokenCode

KNOWN = frozenset({"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"})
"""The parameters that mean something here; others are ignored (RFC 6749 §3.2)."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Who asks, and by what it is to be known: a `secret` or an `assertion`. "" for what did not come."""

    client_id: str = ""
    secret: str = ""
    assertion: str = ""
    has_proof: bool = True


def read_request(request: Request) -> TokenRequest:
    """Return who asks, and its proof. Raises NoToken."""
    if not KNOWN.isdisjoint(request.args):
        raise NoToken(TokenCode.IN_URL)
    if request.mimetype != FORM:
        raise NoToken(TokenCode.NO_FORM)
    form = _read_form(request.get_data(cache=False))
    header = request.headers.get("Authorization")
    is_assertion = "client_assertion" in form or "client_assertion_type" in form
    proofs = sum((header is not None, "client_secret" in form, is_assertion))
    if proofs > 1:
        raise NoToken(TokenCode.SEVERAL_PROOFS)
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise NoToken(TokenCode.NO_GRANT_TYPE)
    if grant_type != CLIENT_CREDENTIALS:
        raise NoToken(TokenCode.OTHER_GRANT)
    client_id = form.get("client_id", "")
    if header is not None:
        return _read_basic(header, client_id)
    if is_assertion:
        if form.get("client_assertion_type") != JWT_BEARER or "client_assertion" not in form:
            raise NoToken(TokenCode.NO_ASSERTION)
        return TokenRequest(client_id, assertion=form["client_assertion"])
    return TokenRequest(client_id, form.get("client_secret", ""), has_proof=proofs == 1)


def _read_form(body: bytes) -> dict[str, str]:
    """The parameters that have a value; one without counts as left out (RFC 6749 §3.2), but not as never sent."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=bounds.TOKEN_REQUEST_PARAMETERS,
        )
    except ValueError:
        raise NoToken(TokenCode.MALFORMED_FORM) from None
    if any(times > 1 for times in Counter(name for name, _ in pairs).values()):
        raise NoToken(TokenCode.REPEATED)
    return {name: value for name, value in pairs if value}


def _read_basic(header: str, client_id: str) -> TokenRequest:
    """Both halves are form-urlencoded before they are joined (RFC 6749 §2.3.1). What cannot be read proves nothing."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return TokenRequest(has_proof=False)
    try:
        name, colon, secret = base64.b64decode(encoded.strip(" "), validate=True).decode("ascii").partition(":")
        name, secret = (unquote_plus(half, errors="strict") for half in (name, secret))
    except ValueError:
        return TokenRequest(has_proof=False)
    if client_id not in ("", name):
        raise NoToken(TokenCode.SEVERAL_CLIENTS)
    return TokenRequest(name, secret, has_proof=bool(colon))
