"""This module declares the tables of users, groups, memberships and their history.

The migrations contain the same as frozen SQL, and a test compares the two. Moments are text in the form of
`app.clock.to_wire`, whose text order is the order of time.
"""

from sqlalchemy import CheckConstraint, Index, text

from app.store.database.columns import ZERO, numbers, switches, texts
from app.store.database.directory_database import directory_table

DISABLED = "active = 0"
ACTIVE = "active = 1"
"""The SQL conditions for disabled and active rows of `resource`, as in its partial index."""

resource = directory_table(
    "resource",
    *numbers("position", primary_key=True),
    *texts("id", unique=True),
    *texts("type", "document"),
    *numbers("version"),
    *texts("created", "last_modified"),
    *texts("shelf", nullable=True),
    *numbers("members", server_default=ZERO),
    *switches("active"),
    *numbers("filled"),
    Index("resource_type_position", "type", "position", "filled"),
    Index("resource_type_last_modified", "type", "last_modified"),
    Index("resource_disabled", "type", "position", "id", sqlite_where=text(DISABLED)),
    sqlite_autoincrement=True,
)
"""A User, a Group or a resource of a custom type.

`document` is sent as stored, or parsed to leave values out. `shelf` is JSON text in the shape of a document: the
values that were stored under a declaration that no longer exists. `position` is the order of lists; `members` is how
many members a group has. `active`: whether it counts as active (app/scim/resource_types.py:is_active). `filled`: which
mapped paths have a value (app/scim/recnice_mapping.py:filled_mask). A rowid table on purpose: such long rows would not
fit well into WITHOUT ROWID.
"""

lookup = directory_table(
    "lookup",
    *texts("type", "attribute", "value", primary_key=True),
    *numbers("position", primary_key=True),
    sqlite_with_rowid=False,
)
"""One normalized value of an attribute that a client may match on; `attribute` is its path, like `emails.value`.

`position` is that of the resource. The key is the only tree. The writer looks for a unique value before it writes it,
and deletes a resource's rows by the values of its document.
"""

membership = directory_table(
    "membership",
    *texts("group_id", parent="resource.id", primary_key=True),
    *texts("member_id", primary_key=True),
    *switches("is_absolute", "is_unresolved", server_default=ZERO),
    Index("membership_member_id", "member_id"),
    Index("membership_unresolved", "group_id", "member_id", sqlite_where=text("is_unresolved = 1")),
    sqlite_with_rowid=False,
)
"""A membership of a group. `member_id` may be an id that no resource has: it was sent, so it is stored.

`is_absolute`: the client sent the member's full URL, so the response has the full URL. `is_unresolved`: no user or
group has the id. Ids are never used again, and a deleted resource leaves its groups. So only the creation of a resource
whose id was known before (Bulk) changes it.
"""

population = directory_table(
    "population",
    *texts("type", primary_key=True),
    *numbers("total"),
    *numbers("active", server_default=ZERO),
    sqlite_with_rowid=False,
)
"""The number of resources of a type, and of those that are not disabled.

Counting a million for `totalResults` takes longer than the page.
"""

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
    *texts("changes", nullable=True),
    *numbers("position", server_default=ZERO),
    *texts("deleted", nullable=True),
    Index("event_resource_id", "resource_id", "id"),
    Index("event_request", "request"),
    Index("event_deletion", "resource_type", "name", sqlite_where=text("verb = 'delete'")),
    sqlite_autoincrement=True,
)
"""A change of one resource by one request, written in the same transaction; it outlives the resource.

`request` is the request ID, `actor` the client or administrator, like `key 1a2b3c4d`. `joined` and `departed` count
the rows of `membership_event`. `is_simulated`: a simulation did it, to resources that belong to a simulation only.
`changes`: JSON text, {attribute: what differences.to_stored returns}; NULL without changes. `position` is that of the
resource, 0 in events from before it was stored.

`deleted`: in a deletion, what it takes to create the same resource again, in addition to the rows of
`membership_event`: JSON text, {"created": …, "document": …}, with "shelf" if it had one. Its changes follow from the
document, so they are stored only where the document has a value that is never returned. Deletions from before 0013,
and those that were undone, have their changes instead; purged ones have neither.
"""

membership_event = directory_table(
    "membership_event",
    *texts("group_id", primary_key=True),
    *numbers("event_id", primary_key=True),
    *texts("member_id", primary_key=True),
    *switches("has_joined"),
    Index("membership_event_member_id", "member_id", "event_id"),
    sqlite_with_rowid=False,
)
"""One joining or leaving of a group. The groups that lost a deleted user are stored with the user's event.

The event is always one of the group or of the member, so the key and the index find the rows of an event, too.
"""

derivation = directory_table(
    "derivation", *texts("type", primary_key=True), *texts("fingerprint"), sqlite_with_rowid=False
)
"""The declarations that the rows of a resource type were last derived from (ResourceType.fingerprint).

The row stays while the type is not declared, like the type's resources.
"""

declared_attribute = directory_table(
    "declared_attribute",
    *texts("type", "urn", "attribute", primary_key=True),
    *texts("missing_since", nullable=True),
    *numbers("resources", server_default=ZERO),
    sqlite_with_rowid=False,
)
"""An attribute of a custom schema that was declared; the attribute "" means the schema itself.

`missing_since`: the start that no longer found it declared; NULL for a declared one. `resources`: how many resources of
the type then had a value of the missing attributes of the schema.
"""

job = directory_table(
    "job",
    *texts("name", primary_key=True),
    *numbers("done"),
    *texts("ran", server_default=""),
    *texts("failure", nullable=True),
    sqlite_with_rowid=False,
)
"""A background job (app/store/directory/job_rows.py).

`ran`: when it ended last; "" if it has not run yet. `failure`: why it failed then; NULL if it did not. `done`: the last
event that `words` has handled, and that `guard` has counted; those after it wait. Of a scheduled job, when its last run
that succeeded began, or when the server first knew it, in seconds since 1970.

In the row `history` it is since when the history is complete, in seconds since 1970.
"""

installation = directory_table(
    "installation",
    *numbers("id", primary_key=True),
    *texts("instance", "feed_epoch"),
    *texts("secret", "schemas", "first_change", server_default=""),
    CheckConstraint("id = 1"),
)
"""The one row about this data folder.

`instance`: a random text that no other folder has. `feed_epoch`: another random text after each restore, so that who
follows the events knows that some may have been taken back. `secret`, `schemas`: fingerprints of the files that belong
to the database, as they were at the last start; "" before the first one. `first_change`: when a client, and no
simulation, first changed something; "" before it.
"""

guard_alarm = directory_table(
    "guard_alarm",
    *numbers("id", primary_key=True),
    *texts("raised", "last", "cycle_started"),
    *numbers("people_limit", nullable=True),
    *texts("answered", "answer", "answered_by", nullable=True),
    Index("guard_alarm_open", "id", sqlite_where=text("answered IS NULL")),
    sqlite_autoincrement=True,
)
"""An unusual number of removals; at most one is open, which collects all that follow until it is answered.

`last`: the last removal in it. `cycle_started`: of the cycle of that removal, "" if it is unknown. `people_limit`: how
many people would have been usual; NULL if not more were disabled or deleted. `answer`: one of
`app.store.directory.guard_rows.Answer`.
"""

guard_person = directory_table(
    "guard_person",
    *numbers("alarm_id", primary_key=True),
    *texts("resource_id", primary_key=True),
    *numbers("event_id"),
    *texts("at", "kind"),
    Index("guard_person_suspicious", "at", sqlite_where=text("kind = 'delete-active'")),
    sqlite_with_rowid=False,
)
"""A person whom a client disabled or deleted; `alarm_id` is 0 while they belong to no alarm.

`event_id`, `at`: the last time. `kind`: `disable`, `delete`, or `delete-active` for the deletion of one who was
still active.
"""

guard_group = directory_table(
    "guard_group",
    *numbers("alarm_id", primary_key=True),
    *texts("group_id", primary_key=True),
    *numbers("lost", "size"),
    *switches("has_role"),
    sqlite_with_rowid=False,
)
"""A group of an alarm: it lost `lost` of `size` members, or it was deleted although the role mapping names it."""

guard_departure = directory_table(
    "guard_departure",
    *numbers("alarm_id", primary_key=True),
    *texts("group_id", primary_key=True),
    *numbers("event_id", primary_key=True),
    *texts("at"),
    *numbers("departed"),
    sqlite_with_rowid=False,
)
"""An event by which members left a group; `membership_event` has who. `alarm_id` as in `guard_person`."""
