"""This module reads what deletions keep, and deletes it.

A deletion is *kept* while its event has the resource: until it is purged, or the resource is put back.

See also: history_rows.py (`record_deletion` writes it), resource_rows.py (`put_back`).
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, exists, func, select, text, update

from app import bounds
from app.scim.differences import all_cleared
from app.store.database.connection import Connection
from app.store.database.list_parameter import many, many_named
from app.store.directory import filter_sql, history_rows
from app.store.directory.tables import event, membership_event, resource

STAND_IN_ID = "erased-person-"
"""What the id of an erased user begins with where it is still stored."""
# As text: only INDEXED BY makes SQLite read the partial index instead of all events.
_NEWEST = text("SELECT id FROM event INDEXED BY event_deletion WHERE verb = 'delete' AND id < :before ORDER BY id DESC")
_COLUMNS = [event.c[name] for name in ("id", "at", "request", "actor", "resource_type", "resource_id", "name")]
_COLUMNS += [event.c[name] for name in ("version", "position", "departed", "is_simulated")]
_KEPT = select(*_COLUMNS, event.c.deleted).where(event.c.verb == "delete", event.c.deleted.is_not(None))
_AMONG = _KEPT.where(event.c.id.in_(many_named("ids"))).order_by(event.c.id.desc())
_OF_RESOURCE = _KEPT.where(event.c.resource_id == bindparam("id"))
_IS_ERASED = event.c.resource_id.startswith(STAND_IN_ID)
_IS_PURGED = event.c.deleted.is_(None) & event.c.changes.is_(None) & ~_IS_ERASED
_AGES = select(event.c.id, event.c.at, event.c.deleted.is_not(None), _IS_PURGED).where(
    event.c.id.in_(many_named("ids"))
)
_PURGE = update(event).where(event.c.id.in_(many_named("ids"))).values(deleted=None, changes=None)
_END = (
    update(event)
    .where(event.c.id == bindparam("event_id"))
    .values(deleted=None, changes=func.coalesce(event.c.changes, bindparam("stored")))
)
_link = membership_event.c


@dataclass(frozen=True, slots=True)
class KeptDeletion:
    """A deletion that can be undone: its event, and what it keeps of the resource.

    `at` and `created` are in wire form. `departed` is how many memberships ended with it. `shelf` has the
    undeclared values.
    """

    event_id: int
    at: str
    request: str
    actor: str
    resource_type: str
    resource_id: str
    name: str
    version: int
    position: int
    departed: int
    is_simulated: bool
    created: str
    document: Mapping[str, Any]
    shelf: Mapping[str, Any]


def find(connection: Connection, resource_id: str) -> KeptDeletion | None:
    """Return the deletion of a resource, or None if it is here, was purged or never existed."""
    row = connection.execute(_OF_RESOURCE, {"id": resource_id}).first()
    return _kept(row) if row else None


def page(
    connection: Connection, words: Collection[str], before: int | None, limit: int, resource_type: str = ""
) -> list[KeptDeletion]:
    """Return kept deletions whose names have all words, ASCII case-insensitively, newest first.

    `before`: the event id of the last one seen. Those of simulations are left out.
    """
    condition = [event.c.name.icontains(word, autoescape=True) for word in words]
    condition += [event.c.resource_type == resource_type] if resource_type else []
    query = _AMONG.where(~event.c.is_simulated, *condition)
    found: list[KeptDeletion] = []
    for ids, _ in _unpurged(connection, before):
        found += map(_kept, connection.execute(query, {"ids": json.dumps(ids)}))
        if len(found) >= limit:
            break
    return found[:limit]


def of_requests(connection: Connection, numbers: Collection[str]) -> Iterator[KeptDeletion]:
    """Yield the kept deletions by these requests, oldest first."""
    query = _KEPT.where(event.c.request.in_(many(numbers))).order_by(event.c.id)
    return map(_kept, connection.execute(query))


def old(connection: Connection, before: str) -> list[int]:
    """Return the event ids of all deletions before a moment (wire form) that still have values, oldest first."""
    ids = [
        id for _, ages in _unpurged(connection, None) for id, at, has_values, _ in ages if has_values and at < before
    ]
    return sorted(ids)


def purge(connection: Connection, event_ids: Collection[int]) -> None:
    """Delete what these deletions keep; their events stay, without values."""
    connection.execute(_PURGE, {"ids": json.dumps(list(event_ids))})


def end(connection: Connection, deletion: KeptDeletion) -> None:
    """Store a deletion that is undone as any other event: with its changes instead of the resource.

    Otherwise a retention of history would keep its memberships longer than later ones, which then would not count.
    """
    changes = history_rows.to_json(all_cleared(deletion.document))
    connection.execute(_END, {"event_id": deletion.event_id, "stored": changes})


def ended_groups(connection: Connection, member_id: str) -> list[str]:
    """Return the ids of the groups whose membership of a resource ended last by a deletion, of either side."""
    return _ended(connection, _link.member_id == member_id, _link.group_id)


def ended_members(connection: Connection, group_id: str) -> list[str]:
    """Return the ids of the members whose membership in a group ended last by a deletion, of either side."""
    return _ended(connection, _link.group_id == group_id, _link.member_id)


def _ended(connection: Connection, mine: Any, other: Any) -> list[str]:
    last = select(other.label("other_id"), func.max(_link.event_id).label("event_id")).where(mine).group_by(other)
    ended = last.subquery("ended")
    query = select(ended.c.other_id).join_from(ended, event, event.c.id == ended.c.event_id)
    is_link = (_link.event_id == ended.c.event_id) & (other == ended.c.other_id) & mine
    query = query.join(membership_event, is_link).where(event.c.verb == "delete", ~_link.has_joined)
    return sorted(connection.execute(query).scalars())


def possible_members(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return which of these ids a group can have as members: existing ones, and those that no resource ever had."""
    listed = func.json_each(bindparam("ids")).table_valued("value").c.value
    is_here = exists().where(resource.c.id == listed, resource.c.type.in_(filter_sql.MEMBER_TYPES))
    was_here = exists().where(event.c.resource_id == listed)
    query = select(listed).where(is_here | ~was_here)
    return set(connection.execute(query, {"ids": json.dumps(list(ids))}).scalars())


def _unpurged(connection: Connection, before: int | None) -> Iterator[tuple[list[int], list[Any]]]:
    """Yield portions of deletions, newest first: their event ids, and the rows of `_AGES`.

    The oldest are purged first, so the first portion in which all are purged is the last. Undone and erased ones
    are not purged: they can be newer than one that is kept.
    """
    newest = {"before": bounds.INTEGER_MAXIMUM if before is None else before}
    ids = iter(connection.execute(_NEWEST, newest).scalars())
    while portion := list(islice(ids, bounds.DELETIONS_READ_AT_ONCE)):
        ages = list(connection.tuples(_AGES, {"ids": json.dumps(portion)}))
        if all(is_purged for *_, is_purged in ages):
            return
        yield portion, ages


def _kept(row: Any) -> KeptDeletion:
    *values, deleted = row
    kept = json.loads(deleted)
    return KeptDeletion(*(*values, kept["created"], kept["document"], kept.get("shelf") or {}))
