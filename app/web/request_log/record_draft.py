"""This module holds what is known of the current request until it is recorded."""

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import request

from app import bounds
from app.observation.request_record import Deed, Dialect, KeyFault
from app.scim.bulk_message import BulkOperation
from app.scim.disabling import LeftOut
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.simulation import simulation_header

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PLACE = "recnice.draft"
"""Where in the WSGI environment it is."""
_MARK = "HTTP_" + simulation_header.HEADER.upper().replace("-", "_")


@dataclass(slots=True)
class Facts:
    """What one request, or one operation of a bulk request, was about; the words are of `observation.request.Request`.

    `sent` is its JSON as it came, `sent_bytes` as long; None where there was none, or none that could be read. `undone`
    are the operations of a bulk request that were not worked on, since this one was refused.
    """

    resource_type: ResourceType | None = None
    resource_id: str = ""
    resource_name: str = ""
    deed: Deed = ""
    dialect: Dialect = ""
    objects: tuple[str, ...] = ()
    mentioned: tuple[tuple[str, str], ...] = ()
    named_ids: tuple[str, ...] = ()
    named_values: tuple[tuple[str, str, str], ...] = ()
    may_be_probe: bool = False
    joined: int = 0
    departed: int = 0
    given: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    error: ScimError | None = None
    sent: Any = None
    sent_bytes: int = 0
    undone: tuple[BulkOperation, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One operation of a bulk request with its result."""

    method: str
    status: int
    facts: Facts


@dataclass(slots=True)
class Draft:
    """One request. `number` is its own from the beginning, so that the log, the answer and the history agree.

    `body` is what was read of it as it came. `is_marked`: it says that it is part of a simulation.
    """

    number: str = field(default_factory=lambda: secrets.token_hex(bounds.REQUEST_NUMBER_BYTES))
    status: int = 0
    key_id: str = ""
    key_fault: KeyFault = ""
    body: bytes = b""
    facts: Facts = field(default_factory=Facts)
    parts: list[Part] = field(default_factory=list)
    is_marked: bool = False


def of(environ: "WSGIEnvironment") -> Draft:
    """The draft of a request; a new one where nobody observes."""
    if PLACE not in environ:
        environ[PLACE] = Draft(is_marked=bool(environ.get(_MARK)))
    draft: Draft = environ[PLACE]
    return draft


def current() -> Draft:
    """The draft of the request that is being worked on."""
    return of(request.environ)


def facts() -> Facts:
    """What that request is about."""
    return current().facts
