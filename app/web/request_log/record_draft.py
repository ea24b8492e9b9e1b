"""This module collects what is known about the current request until it is recorded."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import WSGIEnvironment

from flask import request

from app import bounds
from app.random_values import ValuesInAdvance, random_digits
from app.request_record import KeyFault, RequestAction
from app.scim.bulk_message import BulkOperation
from app.scim.disabling import LeftOut
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.simulation import simulation_header

PLACE = "recnice.draft"
"""The key of the draft in the WSGI environment."""
_MARK = "HTTP_" + simulation_header.HEADER.upper().replace("-", "_")


_last_beginning = 0


def new_number() -> str:
    """Return a request ID.

    The first half of its digits grows with time, and the other half is random, in order: so the indexes of request IDs
    grow at their end, and a write touches no page of its own in them.
    """
    return _numbers.take()


def _more_numbers() -> list[str]:
    global _last_beginning
    half = bounds.REQUEST_NUMBER_BYTES
    _last_beginning = max(_last_beginning + 1, time.time_ns() >> 26)  # in steps of 67 ms
    beginning = f"{_last_beginning:0{half}x}"[-half:]
    return [beginning + end for end in sorted(set(random_digits(half)), reverse=True)]


_numbers = ValuesInAdvance(_more_numbers)


@dataclass(slots=True, kw_only=True)
class Draft:
    """What is known about one request, or one operation of a bulk request; fields are as in `request_record.Request`.

    `number` is set at once, so that log, response and history agree. `path` is without the sub-path; `query` is only
    searched for names of secrets and for ids. `has_proof`: whether the Authorization header may contain a key, or a
    client's secret at the token endpoint. `is_marked`: whether the request says that it is part of a simulation. `body`
    is what was read of it, as received; `sent` is its JSON, None if there is none or it is unreadable, and `sent_bytes`
    its length. `parts` are the operations of a bulk request; `undone` are those that were skipped because this one was
    refused.
    """

    number: str = field(default_factory=lambda: new_number())
    at: str = ""
    method: str = ""
    path: str = ""
    query: str = ""
    address: str = ""
    has_proof: bool = False
    is_plain_http: bool = False
    is_marked: bool = False
    status: int = 0
    key_id: str = ""
    key_fault: KeyFault = ""
    body: bytes = b""
    resource_type: ResourceType | None = None
    resource_id: str = ""
    resource_name: str = ""
    action: RequestAction = ""
    objects: Iterable[str] = ()
    resources: tuple[tuple[str, str], ...] = ()
    named_ids: tuple[str, ...] = ()
    named_values: tuple[tuple[str, str, str], ...] = ()
    unindexed: tuple[tuple[str, str], ...] = ()
    may_be_probe: bool = False
    joined: int = 0
    departed: int = 0
    assigned_paths: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    error: ScimError | None = None
    sent: Any = None
    sent_bytes: int = 0
    undone: tuple[BulkOperation, ...] = ()
    parts: list["Draft"] = field(default_factory=list)

    @property
    def has_key(self) -> bool:
        return bool(self.key_id) and not self.key_fault


def of(environ: WSGIEnvironment) -> Draft:
    """Return the draft of a request; create one if there is none."""
    draft: Draft | None = environ.get(PLACE)
    if draft is None:
        draft = environ[PLACE] = Draft(is_marked=bool(environ.get(_MARK)))
    return draft


def renew(environ: WSGIEnvironment) -> None:
    """Let the record of a request begin again, with the same number and time."""
    draft = of(environ)
    environ[PLACE] = Draft(number=draft.number, at=draft.at, is_marked=draft.is_marked)


def current() -> Draft:
    """Return the draft of the current request."""
    return of(request.environ)
