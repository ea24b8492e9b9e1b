"""This module stores who changed what and when, in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import sqlalchemy as sql
from sqlalchemy import bindparam, func, select

from app import bounds
from app.scim.differences import Change, all_cleared, from_stored, to_stored
from app.scim.projection import compact
from app.store.database.connection import Connection
from app.store.database.list_parameter import many, many_named
from app.store.directory.tables import event, membership, membership_event, resource

Verb = Literal["create", "change", "delete", "put back"]


@dataclass(frozen=True, slots=True)
class Author:
    """The request ID of a change, and its actor: `key 1a2b3c4d`.

    An owner's action in the console has no request ID: `Author("", "operator eva")`. `is_marked`: whether the request
    claims to be part of a simulation. `generation`: the number of the state in which the key was judged
    (app/store/database/remembered_reads.py); None if it need not be the present one.
    """

    request: str
    actor: str
    is_marked: bool = False
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Moves:
    """The members who joined and left one group in one request, without intermediate steps."""

    joined: frozenset[str] = frozenset()
    departed: frozenset[str] = frozenset()

    def then(self, joined: Collection[str] = (), departed: Collection[str] = ()) -> Moves:
        """Return these moves followed by others; a member who joined and left again did neither."""
        gone, come = self.departed.union(departed), self.joined.union(joined)
        return Moves(come - gone, gone - come)

    @property
    def balance(self) -> int:
        """The change of the number of members."""
        return len(self.joined) - len(self.departed)

    def __bool__(self) -> bool:
        return bool(self.joined or self.departed)


@dataclass(slots=True)  # frozen, it would take three times as long to create
class Event:
    """A change of one resource by one request. `at` is in wire form; `id` grows with time.

    `changes` are of whole attributes; a creation has none, since they follow from the later state; a resource that was
    put back has those since it was deleted. `joined` and `departed` count memberships: of a group's members, or, when
    the resource was deleted or put back, also of its groups.
    `is_simulated`: a simulation did it, to resources that belong to a simulation only (`of_others`).
    """

    id: int
    at: str
    request: str
    actor: str
    verb: Verb
    resource_type: str
    resource_id: str
    name: str
    version: int
    joined: int = 0
    departed: int = 0
    is_simulated: bool = False
    changes: tuple[Change, ...] = ()
    position: int = 0


_EVENT_COLUMNS = [event.c[name] for name in (*Event.__slots__, "deleted")]
_CHANGES = Event.__slots__.index("changes")
_EVENTS_OF = (
    select(*_EVENT_COLUMNS)
    .where(event.c.resource_id == bindparam("resource_id"), event.c.id < bindparam("before"))
    .order_by(event.c.id.desc())
    .limit(bindparam("limit"))
)
_NEWEST_EVENT = select(*_EVENT_COLUMNS).where(~event.c.is_simulated).order_by(event.c.id.desc()).limit(1)
_DOCUMENTS_OF = select(resource.c.id, resource.c.type, resource.c.document).where(resource.c.id.in_(many_named("ids")))
_INSERT = sql.insert(event)
_rows = func.json_each(bindparam("rows")).table_valued("value").c.value
_change = func.json_each(event.c.changes).table_valued("key", "value", joins_implicitly=True).c
# As text: CASE fixes the order, since the other functions raise an error for text that is not JSON.
_UNREADABLE = sql.text("""SELECT count(*) FROM event WHERE changes IS NOT NULL AND CASE
    WHEN NOT json_valid(changes) THEN TRUE WHEN json_type(changes) <> 'object' THEN TRUE
    ELSE EXISTS (SELECT 1 FROM json_each(changes)
        WHERE CASE type WHEN 'array' THEN json_array_length(value) = 2
            OR (json_array_length(value) = 3 AND json_type(value, '$[2]') = 'object') END IS NOT TRUE) END""")
_INCOMPLETE = sql.text("""SELECT count(*) FROM event WHERE deleted IS NOT NULL AND CASE
    WHEN NOT json_valid(deleted) THEN TRUE
    WHEN json_type(deleted, '$.created') IS NOT 'text' THEN TRUE
    WHEN coalesce(json_type(deleted, '$.shelf'), 'object') <> 'object' THEN TRUE
    WHEN deleted ->> '$.document.id' IS NOT resource_id THEN TRUE
    ELSE departed <> (SELECT count(*) FROM membership_event
            WHERE group_id = event.resource_id AND event_id = event.id)
        + (SELECT count(*) FROM membership_event
            WHERE member_id = event.resource_id AND event_id = event.id AND group_id <> event.resource_id)
    END""")
_links = sql.insert(membership_event)
_LINK = ["event_id", "group_id", "member_id", "has_joined"]
_INSERT_LINKS = _links.from_select(
    _LINK, select(bindparam("event_id"), bindparam("group_id"), _rows, bindparam("has_joined"))
)
_INSERT_GROUPS = _links.from_select(
    _LINK, select(bindparam("event_id"), _rows, bindparam("member_id"), bindparam("has_joined"))
)
_departures = select(bindparam("event_id"), membership.c.group_id, membership.c.member_id, sql.false())
_GROUP_DEPARTS = _links.from_select(_LINK, _departures.where(membership.c.group_id == bindparam("id")))
_is_of_member = membership.c.member_id == bindparam("id"), membership.c.group_id != bindparam("id")
_MEMBER_DEPARTS = _links.from_select(_LINK, _departures.where(*_is_of_member))
_MEMBERS = select(membership.c.member_id).where(membership.c.group_id == bindparam("id"))


def record(
    connection: Connection,
    author: Author,
    verb: Verb,
    resource: Mapping[str, Any],
    changes: Sequence[Change],
    moves: Moves,
) -> Event:
    """Write an event. `resource`: at, resource_type, resource_id, name, version of the event's row.

    The changes of a creation are not stored: they would double every document.
    """
    id = resource["resource_id"]
    columns = {"joined": len(moves.joined), "departed": len(moves.departed)}
    columns["is_simulated"] = author.is_marked and _is_simulated(connection, verb, id, moves)
    written = _insert(connection, author, verb, resource, changes, columns)
    for ids, has_joined in ((moves.joined, True), (moves.departed, False)):
        if ids:
            link = {"event_id": written.id, "group_id": id, "has_joined": has_joined}
            connection.execute(_INSERT_LINKS, {**link, "rows": json.dumps(sorted(ids))})
    return written


def record_put_back(
    connection: Connection,
    author: Author,
    resource: Mapping[str, Any],
    changes: Sequence[Change],
    group_ids: Collection[str],
    member_ids: Collection[str],
) -> Event:
    """Write the event of a deleted resource that is put back, and all memberships that begin again with it.

    `resource` as in `record`; `changes`: those since it was deleted. `group_ids`: the groups of the resource without
    itself.
    """
    id = resource["resource_id"]
    written = _insert(connection, author, "put back", resource, changes, {"joined": len(group_ids) + len(member_ids)})
    for statement, name, ids in ((_INSERT_GROUPS, "member_id", group_ids), (_INSERT_LINKS, "group_id", member_ids)):
        if ids:
            link = {"event_id": written.id, name: id, "has_joined": True}
            connection.execute(statement, {**link, "rows": json.dumps(sorted(ids))})
    return written


def _is_simulated(connection: Connection, verb: Verb, resource_id: str, moves: Moves) -> bool:
    """Return whether an event about a resource and its members belongs to a simulation, as its request claims."""
    ids = moves.joined | moves.departed
    return not of_others(connection, ids if verb == "create" else {*ids, resource_id})


def record_deletion(
    connection: Connection,
    author: Author,
    resource: Mapping[str, Any],
    changes: Sequence[Change],
    deleted: str,
    group_ids: Collection[str],
    members: int,
) -> Event:
    """Write the event of a deletion and all memberships that end with it. Call it before anything is deleted.

    `resource` as in `record`; `changes` and `deleted` as in the event's row. `group_ids`: the groups of the resource
    without itself; `members`: how many it has.
    """
    id = resource["resource_id"]
    columns = {"departed": len(group_ids) + members, "deleted": deleted}
    if author.is_marked:
        member_ids = connection.execute(_MEMBERS, {"id": id}).scalars()
        columns["is_simulated"] = not of_others(connection, {id, *group_ids, *member_ids})
    written = _insert(connection, author, "delete", resource, changes, columns)
    parameters = {"event_id": written.id, "id": id}
    if group_ids:
        connection.execute(_MEMBER_DEPARTS, parameters)
    if members:
        connection.execute(_GROUP_DEPARTS, parameters)
    return written


def _insert(
    connection: Connection,
    author: Author,
    verb: Verb,
    resource: Mapping[str, Any],
    changes: Sequence[Change],
    columns: Mapping[str, Any],
) -> Event:
    values = {**resource, "request": author.request, "actor": author.actor, "verb": verb}
    values |= {"joined": 0, "departed": 0, "is_simulated": False, "deleted": None, **columns}
    stored = to_json(changes) if changes and verb != "create" else None
    event_id = connection.insert(_INSERT, {**values, "changes": stored})
    del values["deleted"]
    return Event(id=event_id, **values, changes=tuple(changes))


def events_of(connection: Connection, resource_id: str, before: int | None, limit: int) -> list[Event]:
    """Return the events of one resource, newest first, with their changes; `before` is the id of the last one seen."""
    parameters = {"resource_id": resource_id, "before": bounds.INTEGER_MAXIMUM if before is None else before}
    return _events(connection, _EVENTS_OF, parameters | {"limit": limit})


def is_later(since: str | int) -> sql.ColumnElement[bool]:
    """Return the condition for events after a moment (wire form), or after the event with an id."""
    return event.c.at > since if isinstance(since, str) else event.c.id > since


def verb_since(connection: Connection, resource_id: str, since: str | int) -> Verb | None:
    """Return the action of the first event of a resource after a moment or an event, or None."""
    query = select(event.c.verb).where(event.c.resource_id == resource_id, is_later(since))
    verb: Verb | None = connection.execute(query.order_by(event.c.id).limit(1)).scalar()
    return verb


def last_change_of(connection: Connection, resource_id: str, attribute: str) -> tuple[str, Any] | None:
    """Return when an attribute of a resource was last changed (wire form), and the value that it had before.

    None if it has not changed since the creation.
    """
    return next(_changes_of(connection, resource_id, attribute), None)


def last_other_value_of(connection: Connection, resource_id: str, attribute: str, value: Any) -> tuple[str, Any] | None:
    """Return the last value other than `value` and none that an attribute had, and when it was changed (wire form)."""
    former = _changes_of(connection, resource_id, attribute)
    return next(((at, old) for at, old in former if old is not None and old != value), None)


def _changes_of(connection: Connection, resource_id: str, attribute: str) -> Iterator[tuple[str, Any]]:
    """Yield when an attribute was changed, newest first, and the value that it had before."""
    changed = select(event.c.at, _change.value).where(event.c.resource_id == resource_id, _change.key == attribute)
    for row in connection.execute(changed.order_by(event.c.id.desc())):
        yield row.at, json.loads(row.value)[0]


def changes_since(connection: Connection, resource_id: str, since: str | int) -> list[Change]:
    """Return the first change after a moment or an event of each attribute, whose `old` is the value at that time.

    Newest first, the order in which they are undone.
    """
    return _first_changes(connection, sql.and_(event.c.resource_id == resource_id, is_later(since)))


def events_of_requests(connection: Connection, numbers: Collection[str]) -> list[Event]:
    """Return the events of these requests, oldest first, with the changes."""
    query = select(*_EVENT_COLUMNS).where(event.c.request.in_(many(numbers))).order_by(event.c.id)
    return _events(connection, query)


def made_by_simulation(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return which of these resources, also deleted ones, a simulation created and only simulations changed."""
    query = select(event.c.resource_id).where(event.c.resource_id.in_(many(ids))).group_by(event.c.resource_id)
    return set(connection.execute(query.having(func.min(event.c.is_simulated) == 1)).scalars())


def of_others(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return which of these are resources, also deleted ones, that do not belong to a simulation only."""
    here = select(resource.c.id).where(resource.c.id.in_(many(ids)))
    known = here.union(select(event.c.resource_id).where(event.c.resource_id.in_(many(ids))))
    return set(connection.execute(known).scalars()) - made_by_simulation(connection, ids)


def newest_event(connection: Connection) -> Event | None:
    """Return the last event that no simulation caused, or None."""
    return next(iter(_events(connection, _NEWEST_EVENT)), None)


def newest_moment(connection: Connection) -> str:
    """Return when the event that was stored last took place, in wire form; "" if there is none."""
    return connection.execute(select(event.c.at).order_by(event.c.id.desc()).limit(1)).scalar() or ""


def last_known(connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return type and name of resources at their last event, also of deleted ones."""
    newest = select(func.max(event.c.id)).where(event.c.resource_id.in_(many(ids))).group_by(event.c.resource_id)
    named = select(event.c.resource_id, event.c.resource_type, event.c.name).where(event.c.id.in_(newest))
    return {id: (type, name) for id, type, name in connection.execute(named)}


def deletions(connection: Connection, resource_type: str, words: Collection[str], limit: int) -> list[Event]:
    """Return the last deletions of resources of a type whose last name has all words, ASCII case-insensitively.

    Resources that a simulation created and deleted are left out.
    """
    # A literal verb, as in the partial index: with a parameter SQLite would not use the index.
    query = select(*_EVENT_COLUMNS).where(sql.text("verb = 'delete'"), event.c.resource_type == resource_type)
    query = query.where(~event.c.is_simulated)
    query = query.where(*(event.c.name.icontains(word, autoescape=True) for word in words))
    return _events(connection, query.order_by(event.c.id.desc()).limit(limit))


def names_at(connection: Connection, moments: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the names of resources right after events, by the id of the resource and the id of the event.

    A resource whose history starts later has its first name. One without a history is left out.
    """
    pair = func.json_each(json.dumps(list(moments))).table_valued("value")
    resource_id, event_id = (func.json_extract(pair.c.value, f"$[{place}]") for place in range(2))
    own = select(event.c.name).where(event.c.resource_id == resource_id).correlate(pair).limit(1)
    last = own.where(event.c.id <= event_id).order_by(event.c.id.desc()).scalar_subquery()
    first = own.order_by(event.c.id).scalar_subquery()
    rows = connection.execute(select(resource_id, event_id, func.coalesce(last, first)).select_from(pair))
    return {(id, at): name for id, at, name in rows if name is not None}


def groups_now(connection: Connection, member_id: str) -> list[str]:
    """Return the ids of the groups of a member."""
    mine = select(membership.c.group_id).where(membership.c.member_id == member_id)
    return list(connection.execute(mine).scalars())


def members_now(connection: Connection, group_id: str) -> list[str]:
    """Return the ids of the members of a group."""
    return list(connection.execute(_MEMBERS, {"id": group_id}).scalars())


def event_of(connection: Connection, resource_id: str, event_id: int) -> Event | None:
    """Return an event of a resource by its id, or None."""
    found = events_of(connection, resource_id, event_id + 1, 1)
    return next((one for one in found if one.id == event_id), None)


def is_purged(connection: Connection, resource_id: str) -> bool:
    """Return whether the values of a deleted resource are purged."""
    last = next(iter(events_of(connection, resource_id, None, 1)), None)
    return last is not None and last.verb == "delete" and not last.changes


def made_at(connection: Connection, resource_id: str) -> str | None:
    """Return when an existing resource was created; None if it does not exist."""
    query = select(resource.c.created).where(resource.c.id == resource_id)
    created: str | None = connection.execute(query).scalar()
    return created


def documents_of(connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return type and document of the existing resources, by their ids."""
    if not ids:
        return {}
    rows = connection.tuples(_DOCUMENTS_OF, {"ids": json.dumps(list(ids))})
    return {id: (type, json.loads(text)) for id, type, text in rows}


def count_unreadable(connection: Connection) -> int:
    """Return how many events have changes in another form than that of `_to_json`; reads all."""
    return int(connection.execute(_UNREADABLE).scalar_one())


def count_incomplete_deletions(connection: Connection) -> int:
    """Return how many deletions do not have the resource that they deleted, or all its memberships; reads all."""
    return int(connection.execute(_INCOMPLETE).scalar_one())


def _events(connection: Connection, query: sql.Select[Any], parameters: Mapping[str, Any] | None = None) -> list[Event]:
    events = []
    for row in connection.execute(query, parameters):
        *values, deleted = row
        values[_CHANGES] = _changes(values[_CHANGES], deleted)
        events.append(Event(*values))
    return events


def _first_changes(connection: Connection, among: sql.ColumnElement[bool]) -> list[Change]:
    first: dict[str, tuple[int, str, Change]] = {}
    columns = select(event.c.id, event.c.changes, event.c.deleted)
    for event_id, *texts in connection.execute(columns.where(among).order_by(event.c.id)):
        for change in _changes(*texts):
            first.setdefault(change.attribute, (-event_id, change.attribute, change))
    return [change for _, _, change in sorted(first.values())]


def to_json(changes: Sequence[Change]) -> str:
    """Return changes as an event has them."""
    return compact({one.attribute: to_stored(one) for one in sorted(changes, key=attrgetter("attribute"))})


def _changes(changes: str | None, deleted: str | None) -> tuple[Change, ...]:
    """Return the changes of an event, given the columns of this name."""
    if deleted and not changes:
        return all_cleared(json.loads(deleted)["document"])
    values = json.loads(changes) if changes else {}
    return tuple(from_stored(attribute, stored) for attribute, stored in values.items())
