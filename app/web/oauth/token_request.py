"""This module reads a token request and how its client authenticates.

The request is untrusted input of any form.
"""

import base64
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from flask import Request

from app import bounds
from app.web.oauth.errors import CLIENT_CREDENTIALS, FORM, JWT_BEARER, NoToken, TokenCode

KNOWN = frozenset({"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"})
"""The parameters that are read; others are ignored (RFC 6749 §3.2)."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A client and its proof: a `secret` or an `assertion`. Values that were not sent are ""."""

    client_id: str = ""
    secret: str = ""
    assertion: str = ""
    has_proof: bool = True


def read_request(request: Request) -> TokenRequest:
    """Return the client and its proof. Raises NoToken for a malformed request and for several proofs."""
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
    """Return the parameters that have a value. Raises NoToken for a malformed form and for repeated parameters.

    A parameter without a value counts as omitted (RFC 6749 §3.2), but still as a repetition.
    """
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
    """Return the client of a Basic header, without proof if the header is unreadable.

    Both halves are form-urlencoded before they are joined (RFC 6749 §2.3.1). Raises NoToken for another `client_id` in
    the form.
    """
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
