"""This module runs the authorization code flow with PKCE (OpenID Connect Core 1.0 §3.1, RFC 7636).

`begin` returns the authorization URL and a ticket. The caller keeps the ticket with the browser's session and uses it
once, in `read_answer` and `finish`.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from app import bounds, clock
from app.openid import id_token, signed_token
from app.openid.errors import CLIENT_ERRORS, ProviderCode, ProviderError, safe_error
from app.openid.provider import Provider
from app.openid.signing_keys import Keys

SCOPE = "openid profile"
RANDOM_BYTES = 32
_CODE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class OpenIdClient:
    """This server's registration at the provider."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The values that bind the provider's answer to the request; `dataclasses.asdict` makes it serializable to JSON."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str
    max_age: int | None = None


def begin(
    provider: Provider, client: OpenIdClient, redirect_uri: str, prompt: str = "", max_age: int | None = None
) -> tuple[str, Ticket]:
    """Return the authorization URL for the browser, and the ticket. `max_age` in seconds demands a fresh sign-in."""
    from authlib.integrations.requests_client import OAuth2Session

    state, nonce, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
    more: dict[str, str | int] = {"nonce": nonce}
    if prompt:
        more["prompt"] = prompt
    if max_age is not None:
        more["max_age"] = max_age
    with OAuth2Session(
        client.client_id, scope=SCOPE, redirect_uri=redirect_uri, code_challenge_method="S256"
    ) as session:
        address, _ = session.create_authorization_url(
            provider.authorization_endpoint, state=state, code_verifier=verifier, **more
        )
    return str(address), Ticket(state, nonce, verifier, redirect_uri, max_age)


def read_answer(provider: Provider, ticket: Ticket, parameters: Mapping[str, str]) -> str:
    """Return the code in the browser's redirect (RFC 6749 §4.1.2, RFC 9207). Raises ProviderError."""
    if not signed_token.is_same(parameters.get("state"), ticket.state):
        raise ProviderError(ProviderCode.WRONG_STATE)
    if parameters.get("iss", provider.issuer.address) != provider.issuer.address:
        raise ProviderError(ProviderCode.WRONG_ISSUER)
    if "error" in parameters:
        error, hint = safe_error(parameters["error"], parameters.get("error_description"))
        raise ProviderError(ProviderCode.SIGN_IN_REFUSED, error=error, hint=hint)
    return _checked_code(parameters.get("code"))


def finish(provider: Provider, client: OpenIdClient, ticket: Ticket, code: str, keys: Keys) -> id_token.Claims:
    """Exchange the code and return the claims of the user who signed in. Raises ProviderError.

    If `max_age` was demanded and the provider sends `auth_time`, it is checked. Entra sends it only if that is
    configured there, so a caller that depends on it must check that it is not None.
    """
    text = _fetch_id_token(provider, client, ticket, _checked_code(code), keys)
    claims = id_token.verify(text, provider, client.client_id, ticket.nonce, keys)
    if ticket.max_age is not None and claims.auth_time is not None:
        age = clock.utc_now().timestamp() - claims.auth_time
        if age > ticket.max_age + bounds.TOKEN_LEEWAY_S:
            raise ProviderError(ProviderCode.SIGNED_IN_LONG_AGO)
    return claims


def _checked_code(code: object) -> str:
    if not isinstance(code, str) or len(code) > bounds.AUTHORIZATION_CODE_LENGTH or not _CODE.fullmatch(code):
        raise ProviderError(ProviderCode.NO_CODE)
    return code


def _fetch_id_token(provider: Provider, client: OpenIdClient, ticket: Ticket, code: str, keys: Keys) -> str:
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.requests_client import OAuth2Session

    from app.openid import https_transport

    name, secret = client.client_id, client.secret
    if provider.client_auth == "client_secret_basic":
        name, secret = quote_plus(name), quote_plus(secret)  # RFC 6749 §2.3.1; Authlib does not do it
    with OAuth2Session(name, secret, token_endpoint_auth_method=provider.client_auth) as session:
        https_transport.bind(session, provider.token_endpoint, "token answer", keys.ca_file)
        try:
            answer = session.fetch_token(
                provider.token_endpoint,
                grant_type="authorization_code",
                code=code,
                redirect_uri=ticket.redirect_uri,
                code_verifier=ticket.verifier,
            )
        except OAuthError as refusal:
            error, hint = safe_error(refusal.error, refusal.description)
            is_of_client = isinstance(refusal.error, str) and refusal.error in CLIENT_ERRORS
            refused = ProviderCode.CLIENT_REFUSED if is_of_client else ProviderCode.TOKEN_REFUSED
            raise ProviderError(refused, error=error, hint=hint) from None
        except (ValueError, TypeError, OverflowError):  # Authlib on an `expires_in` that is not a number
            raise ProviderError(ProviderCode.NO_ID_TOKEN) from None
    text = answer.get("id_token")
    if not isinstance(text, str):
        raise ProviderError(ProviderCode.NO_ID_TOKEN)
    return text
