"""The line to the provider: what the whole process keeps of it, and how many requests may wait for it at a time.

A provider that hangs holds no more than `bounds.PROVIDER_TALKS` threads, and a few more wait; the others go on serving
everybody else, and so does whoever signs in with a password. Not here: the protocol (app/openid).
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app import bounds
from app.administration.places import Full, Places, Terms
from app.administration.sealing import Sealer
from app.administration.single_sign_on.refusals import NoPlace
from app.openid import code_flow
from app.openid import provider as openid
from app.openid.code_flow import Client, Ticket
from app.openid.id_token import Claims
from app.openid.keys import Keys
from app.openid.provider import Issuer, Provider, Providers


def _terms() -> Terms:
    return Terms(
        bounds.PROVIDER_TALKS,
        bounds.PROVIDER_TALKS_WAITING,
        bounds.PROVIDER_WAIT_S,
        bounds.PROVIDER_TALKS_WAITING_OF_ONE,
    )


class Line:
    """`sealer` seals client secrets, `redirect_uri` is where providers send people back to. Threads share it."""

    def __init__(self, ca_file: Path | None, sealer: Sealer, redirect_uri: str) -> None:
        self.sealer = sealer
        self.redirect_uri = redirect_uri
        self._ca_file = ca_file
        self._providers = Providers(ca_file)
        self._keys = Keys(ca_file)
        self._places = Places(_terms)
        self._caller = ""

    def for_caller(self, caller: str) -> "Line":
        """Return the same line for a caller, who has one place at a time; without one only places count."""
        line = copy.copy(self)
        line._caller = caller
        return line

    def check(self, issuer: Issuer) -> Provider:
        """Read the discovery document anew; what was kept is forgotten. Raises ProviderError, Unreachable."""
        with self._place():
            found = openid.discover(issuer, self._ca_file)
            self._providers, self._keys = Providers(self._ca_file), Keys(self._ca_file)
            return found

    def find(self, issuer: Issuer) -> Provider:
        """The provider as it is kept, or discovered. Raises ProviderError, Unreachable."""
        if (kept := self._providers.kept(issuer)) is not None:
            return kept
        with self._place():
            return self._providers.find(issuer)

    def begin(self, issuer: Issuer, client_id: str, prompt: str = "", max_age: int | None = None) -> tuple[str, Ticket]:
        """Where to send the browser, and the ticket to come back with. Raises ProviderError, Unreachable."""
        return code_flow.begin(self.find(issuer), Client(client_id, ""), self.redirect_uri, prompt, max_age)

    def read_answer(self, issuer: Issuer, ticket: Ticket, parameters: Mapping[str, str]) -> str:
        """The code that the browser brought back. Raises ProviderError, Unreachable."""
        return code_flow.read_answer(self.find(issuer), ticket, parameters)

    def finish(self, issuer: Issuer, client_id: str, sealed_secret: str, ticket: Ticket, code: str) -> Claims:
        """Who signed in. Raises ProviderError, Unreachable."""
        client = Client(client_id, self.sealer.open(sealed_secret) or "")
        with self._place():
            return code_flow.finish(self._providers.find(issuer), client, ticket, code, self._keys)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Few wait for a place, and not for long: whoever waits holds a thread as well. Raises NoPlace."""
        try:
            with self._places.taken(self._caller):
                yield
        except Full:
            raise NoPlace from None
