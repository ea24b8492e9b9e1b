"""This module declares what is recorded of one request."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from app.scim.errors import Code
from app.scim.intended_removals import AccessRemoval, Purpose

CONNECTION = "connection"
"""In `Request.objects` of a request whose key was wrong, and so the key of all problems with the SCIM Key."""
TOKEN = "token"
"""In `Request.path` of a refused request for an access token (/oauth/token)."""
SIMULATED = -1
"""The `cycle_id` of a request that is part of a simulation: such requests are hidden by default and count nowhere."""
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""The form of our ids, and of Entra's objectId and probes, as a pattern for any letter case."""
_GUID = re.compile(GUID, re.IGNORECASE)

Deed = Literal[
    "",  # nothing that could be told, as when no key was right
    "probe",  # a look-up by a random GUID that finds nothing. Entra: Test Connection, and the start of every activity;
    #           by externalId, which may be a GUID (objectId), only where it begins a stretch of activity
    "match",  # a look-up by a matching attribute
    "list",
    "read",
    "schema",  # discovery: /Schemas, /ResourceTypes, /ServiceProviderConfig
    "create",
    "change",
    "confirm",  # a change that changed nothing
    "disable",
    "enable",
    "delete",
    "bulk",
]

KeyFault = Literal[
    "",
    "missing",  # no Authorization header
    "no-bearer",  # another scheme, or no text that can be a token
    "twice-bearer",  # "Bearer Bearer …": the word was pasted along
    "entra-token",  # a JWT: the field Secret Token is empty, so Entra sends a token of its own
    "cut",  # begins like a key of ours, but is incomplete or mistyped
    "stopped",  # a key of ours that was stopped; its id is in `key_id`
    "unknown",  # has the form of a key of ours, but none that is known here
    "expired",  # an access token of ours that has ended
    "client-secret",  # the secret of an OAuth client in place of a key
    "foreign",  # any other token
    "client",  # at the token endpoint: a client and a secret that are not right
    "assertion",  # at the token endpoint: a signed assertion that was not accepted
]

Dialect = Literal["", "default", "compliant"]
"""Entra: `{"op": "Add", … "value": "False"}` is the default one; lower-case verbs and real booleans come with the flag
`aadOptscim062020` in the Tenant URL."""


class DueRemoval(NamedTuple):
    """Access that a refused request was meant to take away from one user; `group_id` is "" but for "leave"."""

    purpose: Purpose
    user_id: str
    group_id: str


def _stored(title: str = "", default: Any = "") -> Any:
    """Return a field that is a column of the request log; with a `title`, it is one of the Activity page too."""
    return field(default=default, metadata={"title": title})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the service provider, or one operation of a bulk request. Texts are "" where there is none.

    `number`: 16 hexadecimal digits, in the log and in the header X-Request-Id of the answer too. `at`: when it came,
    in wire form. `path`: its kind, with an id left out: `Users`, `Users/{id}`, `Users/.search`, `Schemas`, `Bulk`;
    `unknown` below /scim, `outside` where a SCIM client knocked elsewhere, `token` at the token endpoint. `code`,
    `reason` and `attribute` are from the error (app/scim/errors.py); of a "confirm" `attribute` names what was sent and
    is not stored here. `other_id` is the resource that has what must be unique. `cycle_id`: 0 outside of any cycle, or
    `SIMULATED`. `body`: redacted, of requests only of which something was refused.
    """

    id: int = _stored(default=0)
    number: str = _stored("Request ID")
    at: str = _stored("Time")
    method: str = _stored("Method")
    path: str = _stored("Path")
    status: int = _stored("Status", 0)
    duration_ms: float = _stored("Milliseconds", 0.0)
    code: str = _stored("Error code")
    scim_type: str = _stored("scimType")
    reason: str = _stored("Reason")
    attribute: str = _stored("Attribute")
    key_id: str = _stored("Key")
    key_fault: KeyFault = _stored("Key error")
    address: str = _stored("IP address")
    dialect: Dialect = _stored("PATCH style")
    deed: Deed = _stored("Action")
    resource_type: str = _stored("Resource type")
    resource_id: str = _stored("Resource ID")
    resource_name: str = _stored("Resource name")
    other_id: str = _stored("Other resource ID")
    cycle_id: int = _stored("Sync", 0)
    body: str = _stored("Body, redacted")

    # What is not kept of the row, but read by those who tell apart what happened.
    objects: tuple[str, ...] = ()
    """Keys of what the request was about, by which a later request for the same is recognized: `User id <hash>`,
    `User externalId <hash>`, `User userName <hash>`, `Group displayName <hash>`; `connection` for the key."""
    mentioned: tuple[tuple[str, str], ...] = ()
    """Type and id of resources here that a client spoke of."""
    expected: str = ""
    got: str = ""
    """What a refusal expected, and what it says was received instead: of its first mismatch."""
    joined: int = 0
    departed: int = 0
    may_be_probe: bool = False
    """A match by externalId that found nobody: where Entra matches on it, its probes look the same."""
    given: tuple[str, ...] = ()
    """Paths of the attributes that a change gave a value to."""
    left_out: tuple[Mapping[str, Any], ...] = ()
    """What is different in this record for each value that a request which disabled somebody did not store."""
    removals: tuple[AccessRemoval, ...] = ()
    """What a refused request was meant to do, as it says so itself."""
    due: tuple[DueRemoval, ...] = ()
    """The same for each user who was still active, and still in the group, when the request was written down."""
    is_keyless: bool = False
    """It has no token and no other proof of a client at all. Entra always sends one, so anybody may have sent this."""
    is_plain_http: bool = False
    """It came by http from another machine, although the public URL is https."""
    named_ids: Collection[str] = ()
    """Of one that says so: every id in its path, its query and its body, and those of whom its filter found."""
    named_values: Collection[tuple[str, str, str]] = ()
    """Of one that says so: resource type, path and folded value of what names somebody in a filter or a document."""
    sent: Any = field(default=None, repr=False)
    """The JSON of a create or a change, as it came; None for a large one."""

    @property
    def is_refused(self) -> bool:
        return self.status >= 400

    @property
    def error_code(self) -> Code:
        """Why it was refused; where the log has no code, or one of another version, by status and scimType."""
        return Code.of(self.status, self.scim_type, self.code)

    @property
    def is_simulated(self) -> bool:
        """Whether it says that it is part of a simulation, has a valid key, and names nobody else."""
        return self.cycle_id == SIMULATED

    @property
    def has_key(self) -> bool:
        return bool(self.key_id) and not self.key_fault


STORED = tuple(one for one in fields(Request) if "title" in one.metadata)
"""The columns of the request log, in their order."""


def ids_in(text: str) -> set[str]:
    """Return everything in a text that has the form of our ids, in lower case as they are."""
    return {id.lower() for id in _GUID.findall(text)}


def is_id(text: object) -> bool:
    """Whether a text has the form of a GUID, as our ids and Entra's probes have."""
    return isinstance(text, str) and _GUID.fullmatch(text) is not None
