"""This module stores who changed what and when, in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Literal

import sqlalchemy as sql
from sqlalchemy import bindparam, func, select

from app import bounds
from app.scim.differences import Change, from_stored, to_stored
from app.scim.projection import compact
from app.store.database.connection import Connection
from app.store.database.list_parameter import many, many_named
from app.store.directory import membership_history
from app.store.directory.tables import event, membership, membership_event, resource

Verb = Literal["create", "change", "delete"]


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


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one resource by one request. `at` is in wire form; `id` grows with time.

    `changes` are of whole attributes; a creation stores none, since they follow from the later state. `joined` and
    `departed` count memberships: of a group's members, or, when the resource was deleted, of all its groups.
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


_EVENT_COLUMNS = [event.c[name] for name in Event.__slots__]
_CHANGES = Event.__slots__.index("changes")
_EVENTS_OF = (
    select(*_EVENT_COLUMNS)
    .where(event.c.resource_id == bindparam("resource_id"), event.c.id < bindparam("before"))
    .order_by(event.c.id.desc())
    .limit(bindparam("limit"))
)
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
_INSERT_LINKS = sql.insert(membership_event).from_select(
    ["event_id", "group_id", "member_id", "has_joined"],
    select(bindparam("event_id"), bindparam("group_id"), _rows, bindparam("has_joined")),
)
_GROUP_DEPARTS = sql.insert(membership_event).from_select(
    ["event_id", "group_id", "member_id", "has_joined"],
    select(bindparam("event_id"), membership.c.group_id, membership.c.member_id, sql.false()).where(
        membership.c.group_id == bindparam("id")
    ),
)
_MEMBER_DEPARTS = sql.insert(membership_event).from_select(
    ["event_id", "group_id", "member_id", "has_joined"],
    select(bindparam("event_id"), membership.c.group_id, membership.c.member_id, sql.false()).where(
        membership.c.member_id == bindparam("id"), membership.c.group_id != bindparam("id")
    ),
)
_END_MEMBERSHIPS = sql.update(event).where(event.c.id == bindparam("deletion"))


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
    values = {**resource, "request": author.request, "actor": author.actor, "verb": verb}
    values |= {"joined": len(moves.joined), "departed": len(moves.departed)}
    values["is_simulated"] = author.is_marked and _is_simulated(connection, verb, values["resource_id"], moves)
    stored = _to_json(changes) if changes and verb != "create" else None
    event_id = connection.insert(_INSERT, {**values, "changes": stored})
    for ids, has_joined in ((moves.joined, True), (moves.departed, False)):
        if ids:
            link = {"event_id": event_id, "group_id": values["resource_id"], "has_joined": has_joined}
            connection.execute(_INSERT_LINKS, {**link, "rows": json.dumps(sorted(ids))})
    return Event(id=event_id, **values, changes=tuple(changes))


def _is_simulated(connection: Connection, verb: Verb, resource_id: str, moves: Moves) -> bool:
    """Return whether an event about a resource and its members belongs to a simulation, as its request claims."""
    ids = moves.joined | moves.departed
    return not of_others(connection, ids if verb == "create" else {*ids, resource_id})


def record_departures(connection: Connection, deletion: Event, has_members: bool) -> Event:
    """Write, with the event of a deletion, all memberships that end with the resource; return the event with them.

    Call it before they are deleted. `has_members`: whether the resource itself has members.
    """
    parameters = {"event_id": deletion.id, "id": deletion.resource_id}
    ended = connection.execute(_MEMBER_DEPARTS, parameters).rowcount
    if has_members:
        ended += connection.execute(_GROUP_DEPARTS, parameters).rowcount
    if not ended:
        return deletion
    is_simulated = deletion.is_simulated
    if is_simulated:
        links = membership_history.of_event(connection, deletion.id)
        ids = {id for link in links for id in (link.group_id, link.member_id)}
        is_simulated = not of_others(connection, ids)
    connection.execute(_END_MEMBERSHIPS, {"deletion": deletion.id, "departed": ended, "is_simulated": is_simulated})
    return replace(deletion, departed=ended, is_simulated=is_simulated)


def events_of(connection: Connection, resource_id: str, before: int | None, limit: int) -> list[Event]:
    """Return the events of one resource, newest first, with their changes; `before` is the id of the last one seen."""
    parameters = {"resource_id": resource_id, "before": bounds.INTEGER_MAXIMUM if before is None else before}
    return _events(connection, _EVENTS_OF, parameters | {"limit": limit})


def verb_since(connection: Connection, resource_id: str, moment: str) -> Verb | None:
    """Return the action of the first event of a resource after a moment, or None."""
    query = select(event.c.verb).where(event.c.resource_id == resource_id, event.c.at > moment)
    verb: Verb | None = connection.execute(query.order_by(event.c.id).limit(1)).scalar()
    return verb


def last_change_of(connection: Connection, resource_id: str, attribute: str) -> tuple[str, Any] | None:
    """Return when an attribute of a resource was last changed (wire form), and the value that it had before.

    None if it has not changed since the creation.
    """
    changed = select(event.c.at, _change.value).where(event.c.resource_id == resource_id, _change.key == attribute)
    row = connection.execute(changed.order_by(event.c.id.desc()).limit(1)).one_or_none()
    return (row.at, json.loads(row.value)[0]) if row else None


def changes_since(connection: Connection, resource_id: str, moment: str) -> list[Change]:
    """Return the first change after a moment of each attribute, whose `old` is the value at that moment.

    Newest first, the order in which they are undone.
    """
    return _first_changes(connection, sql.and_(event.c.resource_id == resource_id, event.c.at > moment))


def changes_after(connection: Connection, resource_id: str, event_id: int) -> list[Change]:
    """Return the first change after an event of each attribute, in the same way."""
    return _first_changes(connection, sql.and_(event.c.resource_id == resource_id, event.c.id > event_id))


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
    query = select(*_EVENT_COLUMNS).where(~event.c.is_simulated).order_by(event.c.id.desc()).limit(1)
    return next(iter(_events(connection, query)), None)


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


def made_at(connection: Connection, resource_id: str) -> str | None:
    """Return when an existing resource was created; None if it does not exist."""
    query = select(resource.c.created).where(resource.c.id == resource_id)
    created: str | None = connection.execute(query).scalar_one_or_none()
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


def _events(connection: Connection, query: sql.Select[Any], parameters: Mapping[str, Any] | None = None) -> list[Event]:
    events = []
    for row in connection.execute(query, parameters):
        values = list(row)
        values[_CHANGES] = _from_json(row.changes)
        events.append(Event(*values))
    return events


def _first_changes(connection: Connection, among: sql.ColumnElement[bool]) -> list[Change]:
    first: dict[str, tuple[int, str, Change]] = {}
    for event_id, text in connection.execute(select(event.c.id, event.c.changes).where(among).order_by(event.c.id)):
        for change in _from_json(text):
            first.setdefault(change.attribute, (-event_id, change.attribute, change))
    return [change for _, _, change in sorted(first.values())]


def _to_json(changes: Sequence[Change]) -> str:
    return compact({one.attribute: to_stored(one) for one in sorted(changes, key=attrgetter("attribute"))})


def _from_json(text: str | None) -> tuple[Change, ...]:
    values = json.loads(text) if text else {}
    return tuple(from_stored(attribute, stored) for attribute, stored in values.items())
