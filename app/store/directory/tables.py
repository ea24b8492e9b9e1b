"""This module declares the tables of users, groups, memberships and their history.

The migrations hold the same as frozen SQL, and a test compares the two. Moments are text in the form of
`app.clock.to_wire`, whose order is the order of time.
"""

from __future__ import annotations

from sqlalchemy import Index, text

from app.store.database.columns import ZERO, numbers, switches, texts
from app.store.database.directory_database import directory_table

DISABLED = "json_extract(document, '$.active') = 0"
ACTIVE = f"({DISABLED}) IS NOT TRUE"
"""Whether a row of `resource` is of a disabled, or an active, resource. One without a value for `active` is active, as
in app/scim/resource_types.py:is_active."""

resource = directory_table(
    "resource",
    *numbers("position", primary_key=True),
    *texts("id", unique=True),
    *texts("type", "document", "search"),
    *numbers("version"),
    *texts("created", "last_modified"),
    *texts("shelf", nullable=True),
    *numbers("members", server_default=ZERO),
    Index("resource_type_position", "type", "position"),
    Index("resource_type_last_modified", "type", "last_modified"),
    Index("resource_disabled", "type", "position", "id", sqlite_where=text(DISABLED)),
    sqlite_autoincrement=True,
)
"""A User, a Group or one of a custom type. `document` is sent out as it stands, or read to leave values out;
`search` is its folded copy, for filters and order only. `shelf` is JSON text in the shape of a document: the values
that were stored under a declaration which is gone.

`position` gives lists their order; `members` is how many members a group has. A rowid table on purpose: such long
rows would not fit well into WITHOUT ROWID."""

lookup = directory_table(
    "lookup",
    *texts("type", "attribute", "value", primary_key=True),
    *texts("resource_id", parent="resource.id", primary_key=True),
    *switches("is_unique"),
    Index("lookup_unique", "type", "attribute", "value", unique=True, sqlite_where=text("is_unique = 1")),
    Index("lookup_resource_id", "resource_id"),
    sqlite_with_rowid=False,
)
"""One folded value of an attribute that a client may match on; `attribute` is its path, like `emails.value`."""

membership = directory_table(
    "membership",
    *texts("group_id", parent="resource.id", primary_key=True),
    *texts("member_id", primary_key=True),
    *switches("is_absolute", "is_unresolved", server_default=ZERO),
    Index("membership_member_id", "member_id"),
    Index("membership_unresolved", "group_id", "member_id", sqlite_where=text("is_unresolved = 1")),
    sqlite_with_rowid=False,
)
"""Who is in which group. `member_id` may be an id that no resource has: it was sent, so it is kept.

`is_absolute`: the client named the member's address in full, so it is answered with the address in full.
`is_unresolved`: no user or group has the id. Ids are never used again, and a resource that is deleted leaves its
groups, so only the creation of a resource whose id was told before (Bulk) changes it."""

population = directory_table(
    "population",
    *texts("type", primary_key=True),
    *numbers("total"),
    *numbers("active", server_default=ZERO),
    sqlite_with_rowid=False,
)
"""How many resources of a type there are, and how many are not disabled: to count a million for
`totalResults` takes longer than the page."""

coverage = directory_table(
    "coverage",
    *texts("type", "attribute", primary_key=True),
    *numbers("filled"),
    sqlite_with_rowid=False,
)
"""How many resources of a type have a value at a mapped path (app/scim/recnice_mapping.py)."""

strict_attribute = directory_table(
    "strict_attribute",
    *texts("type", "attribute", primary_key=True),
    *texts("since", "set_by"),
    sqlite_with_rowid=False,
)
"""A mapped path without which a resource is refused."""

event = directory_table(
    "event",
    *numbers("id", primary_key=True),
    *texts("at", "request", "actor", "verb", "resource_type", "resource_id", "name"),
    *numbers("version", "joined", "departed"),
    *switches("is_simulated", server_default=ZERO),
    Index("event_resource_id", "resource_id", "id"),
    Index("event_request", "request"),
    Index("event_at", "at"),
    Index("event_deletion", "resource_type", "name", sqlite_where=text("verb = 'delete'")),
    sqlite_autoincrement=True,
)
"""What one request did to one resource, written in the same transaction; it outlives the resource.

`request` is the request's number, `actor` who asked, like `key 1a2b3c4d`. `joined` and `departed` count the rows of
`membership_event`. `is_simulated`: a simulation did it, to resources that belong to a simulation alone."""

change = directory_table(
    "change",
    *numbers("event_id", parent="event.id", primary_key=True),
    *texts("attribute", primary_key=True),
    *texts("old", "new", nullable=True),
    sqlite_with_rowid=False,
)
"""An attribute before and after an event, as JSON; NULL where it had no value."""

membership_event = directory_table(
    "membership_event",
    *numbers("event_id", parent="event.id", primary_key=True),
    *texts("group_id", "member_id", primary_key=True),
    *switches("has_joined"),
    Index("membership_event_group_id", "group_id", "event_id"),
    Index("membership_event_member_id", "member_id", "event_id"),
    sqlite_with_rowid=False,
)
"""Somebody joined a group or left it. Of a deleted user, the groups that lost it stand under its own event."""

derivation = directory_table(
    "derivation",
    *texts("type", primary_key=True),
    *texts("fingerprint"),
    sqlite_with_rowid=False,
)
"""By which declarations the rows of a resource type were last derived (ResourceType.fingerprint).

It stays while the type is not declared, and so do the type's rows."""

declared_attribute = directory_table(
    "declared_attribute",
    *texts("type", "urn", "attribute", primary_key=True),
    *texts("missing_since", nullable=True),
    *numbers("resources", server_default=ZERO),
    sqlite_with_rowid=False,
)
"""An attribute of an own schema that was declared; the attribute "" stands for the schema itself.

`missing_since`: the start that found it declared no longer; NULL for one that is declared. `resources`: how many
resources of the type had a value of what was missing of the schema then."""
