"""This module declares the state of a sign-in, which an encrypted cookie keeps while the browser is at the provider."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from app.administration.accounts.sessions import Browser
from app.openid.code_flow import Ticket

Purpose = Literal["sign-in", "proof", "test"]
"""The purpose: a new session, a confirmation of the identity, or a test of the provider."""


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in in progress. `generation`: that of the provider at the start. `next_path`: the page to open at the end.

    `session_id` is the session of a proof or a test, "" for a sign-in.
    """

    ticket: Ticket
    generation: str
    purpose: Purpose
    next_path: str = ""
    session_id: str = ""

    def to_text(self) -> str:
        """Return the text to encrypt."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> "PendingSignIn":
        """Parse a text of `to_text`. Raises ValueError for a text of an incompatible version of the program."""
        try:
            fields = json.loads(text)
            pending = cls(**{**fields, "ticket": Ticket(**fields["ticket"])})
        except (TypeError, KeyError):
            raise ValueError("not a pending sign-in of this version") from None
        if pending.purpose not in get_args(Purpose):
            raise ValueError("not a purpose of this version")
        return pending


@dataclass(frozen=True, slots=True)
class ProviderReturn:
    """A return from the provider: the pending sign-in from the cookie, and the URL's parameters, each only once.

    `number` is the request ID, which the audit entry contains.
    """

    pending: PendingSignIn
    parameters: Mapping[str, str]
    browser: Browser
    number: str
