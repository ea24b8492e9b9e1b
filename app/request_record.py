"""This module declares what is recorded of one request."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, NamedTuple

from app.scim.errors import Code
from app.scim.intended_removals import AccessRemoval, Purpose

CONNECTION = "connection"
"""The value in `Request.objects` of a request with an invalid key, and so the object of all problems with keys."""
TOKEN = "token"
"""The `Request.path` of a refused request for an access token (/oauth/token)."""
SIMULATED = -1
"""The `cycle_id` of a request that is part of a simulation: such requests are hidden by default and count nowhere."""
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""The form of resource ids, and of Entra's objectId and probes, as a pattern to match case-insensitively."""
_GUID = re.compile(GUID, re.IGNORECASE)

RequestAction = Literal[
    "",  # unknown, for example because no key was valid
    "probe",  # a lookup by a random GUID that finds nothing. Entra: Test Connection, and the start of every activity;
    #           by externalId, which may be a GUID (objectId), only where it begins a stretch of activity
    "match",  # a lookup by a matching attribute
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
    "no-bearer",  # another scheme, or a text that cannot be a token
    "twice-bearer",  # "Bearer Bearer …": "Bearer" was pasted together with the key
    "entra-token",  # a JWT: the field Secret Token is empty, so Entra sends its own token
    "cut",  # begins like a SCIM Key, but is incomplete or mistyped
    "stopped",  # a revoked key; its id is in `key_id`
    "unknown",  # has the form of a SCIM Key, but is not stored
    "expired",  # an access token of this server that has expired
    "client-secret",  # the secret of an OAuth client instead of a key
    "foreign",  # any other token
    "client",  # at the token endpoint: an invalid client or secret
    "assertion",  # at the token endpoint: a signed assertion that was not accepted
]

Dialect = Literal["", "default", "compliant"]
"""The PATCH style. Entra: `{"op": "Add", … "value": "False"}` is the default; with the flag `aadOptscim062020` in the
Tenant URL, Entra sends lower-case verbs and real booleans (compliant)."""


class DueRemoval(NamedTuple):
    """The access of one user that a refused request was meant to remove; `group_id` is "" except for "leave"."""

    purpose: Purpose
    user_id: str
    group_id: str


def _stored(title: str = "", default: Any = "", column: str = "") -> Any:
    """Return a field that is a column of the request log; with a `title`, also a column of the Activity page.

    `column`: the name of the column if it is not the field's.
    """
    return field(default=default, metadata={"title": title, "column": column})


@dataclass(slots=True, kw_only=True)  # frozen, it would take three times as long to create
class Request:
    """One request to the service provider, or one operation of a bulk request. Missing texts are "".

    `number` is the request ID: 16 hexadecimal digits, also in the response header X-Request-Id. `at` is the time of
    receipt in wire form. `path` is the kind of path, without ids: `Users`, `Users/{id}`, `Users/.search`, `Schemas`,
    `Bulk`; `unknown` for other paths below /scim, `outside` for a SCIM client at another path, `token` at the token
    endpoint. `code`, `reason` and `attribute` are from the error (app/scim/errors.py); for a "confirm", `attribute`
    names what the client sent and the server does not store. `other_id` is the resource that has the value that must
    be unique. `cycle_id` is 0 outside of any cycle, or `SIMULATED`. `body` is redacted, and stored only for requests
    of which something was refused.
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
    action: RequestAction = _stored("Action", column="deed")
    resource_type: str = _stored("Resource type")
    resource_id: str = _stored("Resource ID")
    resource_name: str = _stored("Resource name")
    other_id: str = _stored("Other resource ID")
    cycle_id: int = _stored("Sync", 0)
    body: str = _stored("Body, redacted")

    # These fields are not stored; the observation modules read them to classify the request.
    objects: Iterable[str] = ()
    """Keys of the objects of the request, by which a later request for the same object is recognized: `User id <hash>`,
    `User externalId <hash>`, `User userName <hash>`, `Group displayName <hash>`; `connection` for the SCIM Key. They
    may be hashed only when they are iterated over, since they matter only while a problem is open."""
    resources: tuple[tuple[str, str], ...] = ()
    """Type and id of stored resources that the request mentions."""
    unindexed: tuple[tuple[str, str], ...] = ()
    """Type and path of the attributes by which a search read each resource of the type."""
    expected: str = ""
    got: str = ""
    """The received value as the error describes it; with `expected`, the first mismatch of a refused request."""
    joined: int = 0
    departed: int = 0
    may_be_probe: bool = False
    """Whether it is a match by externalId without a result: where Entra matches on externalId, its probes look the
    same."""
    assigned_paths: tuple[str, ...] = ()
    """The paths of the attributes to which a change assigned values."""
    left_out: tuple[Mapping[str, Any], ...] = ()
    """The fields that differ from this record, for each value that a request which disabled a user did not store."""
    removals: tuple[AccessRemoval, ...] = ()
    """The removals of access that a refused request requested."""
    due: tuple[DueRemoval, ...] = ()
    """The same per user who was still active, and still in the group, when the request was recorded."""
    is_keyless: bool = False
    """Whether it has no credential at all. Entra always sends one, so any client may have sent this request."""
    is_plain_http: bool = False
    """Whether it was received over http from another host, although the public URL is https."""
    named_ids: Collection[str] = ()
    """For a request that claims to be simulated: every id in its path, query and body, and of its filter's results."""
    named_values: Collection[tuple[str, str, str]] = ()
    """For a request that claims to be simulated: resource type, path and normalized value of each value in a filter or
    a document that identifies a resource."""
    sent: Any = field(default=None, repr=False)
    """The JSON of a create or a change, as received; None for a large one."""

    @property
    def is_refused(self) -> bool:
        return self.status >= 400

    @property
    def error_code(self) -> Code:
        """The reason for the refusal; by status and scimType if the log has no code, or a code of another version."""
        return Code.of(self.status, self.scim_type, self.code)

    @property
    def is_simulated(self) -> bool:
        """Whether it claims to be part of a simulation, has a valid key, and names no resource outside of it."""
        return self.cycle_id == SIMULATED

    @property
    def has_key(self) -> bool:
        return bool(self.key_id) and not self.key_fault


STORED = tuple(one for one in fields(Request) if "title" in one.metadata)
"""The fields that are columns of the request log, in order."""


def column_of(stored: Field[Any]) -> str:
    """Return the name of the column of a stored field, which is also its name in exports."""
    return str(stored.metadata["column"] or stored.name)


def ids_in(text: str) -> set[str]:
    """Return all parts of a text that have the form of a resource id, in lower case as ids are stored."""
    return {id.lower() for id in _GUID.findall(text)}


def is_id(text: object) -> bool:
    """Return whether a text has the form of a GUID, like resource ids and Entra's probes."""
    return isinstance(text, str) and _GUID.fullmatch(text) is not None
