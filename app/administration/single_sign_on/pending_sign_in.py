"""This module keeps the state of a sign-in in an encrypted cookie while the browser is at the provider."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from app.administration.accounts.sessions import Browser
from app.openid.code_flow import Ticket

Purpose = Literal["sign-in", "proof", "test"]
"""What it is for: a new session, showing again who one is, or a look at what the provider says."""


@dataclass(frozen=True, slots=True)
class Journey:
    """`generation` is the provider's as it was at the beginning, `wanted` the page to go to at the end.

    `session_id` is the session that a proof or a test belongs to, "" for a sign-in.
    """

    ticket: Ticket
    generation: str
    purpose: Purpose
    wanted: str = ""
    session_id: str = ""

    def to_text(self) -> str:
        """As it is sealed."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> "Journey":
        """From `to_text`, of this version of the program or of another. Raises ValueError."""
        try:
            found = json.loads(text)
            journey = cls(**{**found, "ticket": Ticket(**found["ticket"])})
        except (TypeError, KeyError):
            raise ValueError("not a journey of this version") from None
        if journey.purpose not in get_args(Purpose):
            raise ValueError("not a purpose of this version")
        return journey


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came back: the journey that the cookie holds, the parameters of the address, each once.

    `number` is the request's own, by which its audit entry is found.
    """

    journey: Journey
    parameters: Mapping[str, str]
    browser: Browser
    number: str
