"""This module holds what is known of the current request until it is recorded."""

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import request

from app import bounds
from app.request_record import Deed, KeyFault
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


@dataclass(slots=True, kw_only=True)
class Draft:
    """What is known of one request, or of one operation of a bulk request; the words are of `request_record.Request`.

    `number` is its own from the beginning, so that the log, the answer and the history agree. `path` is without the
    sub-path; the `query` is only searched for a secret's name and for ids. `has_proof`: whether its Authorization
    header may hold a key, or a client's secret at the token endpoint. `is_marked`: it says that it is part of a
    simulation. `body` is what was read of it as it was received; `sent` is its JSON, `sent_bytes` as long, None where
    there was none, or none that could be read. `parts` are the operations of a bulk request, and `undone` those that
    were not worked on, since this one was refused.
    """

    number: str = field(default_factory=lambda: secrets.token_hex(bounds.REQUEST_NUMBER_BYTES))
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
    deed: Deed = ""
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
    parts: list["Draft"] = field(default_factory=list)

    @property
    def has_key(self) -> bool:
        return bool(self.key_id) and not self.key_fault


def of(environ: "WSGIEnvironment") -> Draft:
    """The draft of a request; a new one where nobody observes."""
    if PLACE not in environ:
        environ[PLACE] = Draft(is_marked=bool(environ.get(_MARK)))
    draft: Draft = environ[PLACE]
    return draft


def current() -> Draft:
    """The draft of the request that is being worked on."""
    return of(request.environ)
