"""This module holds the process's one OpenID client: cached metadata, and a limit on concurrent requests.

A provider that does not respond blocks at most `bounds.PROVIDER_TALKS` threads, and a few more wait. The other threads
continue to serve SCIM, the console and sign-ins with a password.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import bounds, clock
from app.administration.concurrency_limit import Limits, Places
from app.administration.encryption import Sealer
from app.administration.single_sign_on.errors import NoPlace
from app.openid import code_flow
from app.openid import provider as openid
from app.openid.code_flow import OpenIdClient, Ticket
from app.openid.errors import About, ProviderCode, ProviderError
from app.openid.fetch_cache import Cache
from app.openid.id_token import Claims
from app.openid.provider import Issuer, Provider
from app.openid.signing_keys import Keys


def _limits() -> Limits:
    return Limits(
        bounds.PROVIDER_TALKS,
        bounds.PROVIDER_TALKS_WAITING,
        bounds.PROVIDER_WAIT_S,
        bounds.PROVIDER_TALKS_WAITING_OF_ONE,
    )


_AFFECTING_EVERY_USER = frozenset(
    {
        *(ProviderCode.EXPIRED, ProviderCode.NOT_YET, ProviderCode.WRONG_ISSUER, ProviderCode.WRONG_AUDIENCE),
        *(ProviderCode.ALG_REFUSED, ProviderCode.UNKNOWN_KEY, ProviderCode.BAD_SIGNATURE),
    }
)
"""The errors of a token from the provider itself that affect all users: clocks, settings, keys."""


def affects_every_user(error: ProviderError) -> bool:
    """Return whether an error prevents all users from signing in; False if a retry in a minute may succeed."""
    return error.about in (About.PROVIDER, About.SETTING) or (error.code in _AFFECTING_EVERY_USER and not error.passes)


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage of single sign-on: when it began (wire form), and the first error as a sentence for administrators."""

    since: str
    because: str


class _Standing:
    """The state that the clients of all callers share. It is not stored, since the next sign-in detects it again."""

    outage: Outage | None = None


class ProviderClient:
    """The OpenID client. `sealer` encrypts client secrets; providers redirect to `redirect_uri`. Thread-safe."""

    def __init__(self, ca_file: Path | None, sealer: Sealer, redirect_uri: str) -> None:
        self.sealer = sealer
        self.redirect_uri = redirect_uri
        self._ca_file = ca_file
        self._clear()
        # Waits are few and short, since each holds a thread of the server.
        self._places = Places(_limits, NoPlace)
        self._caller = ""
        self._standing = _Standing()

    @property
    def outage(self) -> Outage | None:
        """The current outage according to the latest sign-ins; None if there is none."""
        return self._standing.outage

    def for_caller(self, caller: str) -> "ProviderClient":
        """Return this client for a caller, which has one place at a time; "" has no such limit."""
        client = copy.copy(self)
        client._caller = caller
        return client

    def check(self, issuer: Issuer) -> Provider:
        """Fetch the discovery document again, and clear the cache. Raises ProviderError, Unreachable."""
        with self._places.taken(self._caller):
            provider = openid.discover(issuer, self._ca_file)
            self._clear()
            self._standing.outage = None
            return provider

    def renew(self, issuer: Issuer) -> Provider:
        """Fetch the metadata of the provider again. Raises ProviderError, Unreachable."""
        with self._places.taken(self._caller):
            return self._providers.renew(issuer)

    def find(self, issuer: Issuer) -> Provider:
        """Return the metadata of the provider, cached or fetched. Raises ProviderError, Unreachable."""
        if (kept := self._providers.kept(issuer)) is not None:
            return kept
        with self._places.taken(self._caller):
            return self._providers.get(issuer)

    def begin(self, issuer: Issuer, client_id: str, prompt: str = "", max_age: int | None = None) -> tuple[str, Ticket]:
        """Return the URL for the browser, and the ticket for its return. Raises ProviderError, Unreachable."""
        with self._noting():
            provider = self.find(issuer)
        return code_flow.begin(provider, OpenIdClient(client_id, ""), self.redirect_uri, prompt, max_age)

    def read_answer(self, issuer: Issuer, ticket: Ticket, parameters: Mapping[str, str]) -> str:
        """Return the authorization code from the parameters. Raises ProviderError, Unreachable."""
        return code_flow.read_answer(self.find(issuer), ticket, parameters)

    def finish(self, issuer: Issuer, client_id: str, sealed_secret: str, ticket: Ticket, code: str) -> Claims:
        """Exchange the code, and return the claims of the user. Raises ProviderError, Unreachable."""
        client = OpenIdClient(client_id, self.sealer.open(sealed_secret) or "")
        with self._places.taken(self._caller), self._noting():
            claims = code_flow.finish(self._providers.get(issuer), client, ticket, code, self._keys)
        self._standing.outage = None
        return claims

    def _clear(self) -> None:
        ca_file = self._ca_file
        self._providers = Cache[Issuer, Provider](lambda issuer: openid.discover(issuer, ca_file))
        self._keys = Keys(ca_file)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except ProviderError as error:
            if self._standing.outage is None and affects_every_user(error):
                self._standing.outage = Outage(clock.to_wire(clock.utc_now()), str(error))
            raise
