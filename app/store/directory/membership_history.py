"""This module reads who joined and left which group from the history."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy import bindparam, func, select

from app.store.database.connection import Connection
from app.store.directory.history_rows import is_later
from app.store.directory.tables import event, membership_event


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """One joining or leaving of a group."""

    event_id: int
    at: str
    request: str
    actor: str
    group_id: str
    member_id: str
    has_joined: bool


_link = membership_event.c
_LINK_COLUMNS = (_link.event_id, event.c.at, event.c.request, event.c.actor, _link.group_id, _link.member_id)
_LINKS = select(*_LINK_COLUMNS, _link.has_joined).join_from(membership_event, event, _link.event_id == event.c.id)
_OF_EVENT = _LINKS.where(event.c.id == bindparam("id"))
_SOME = (
    _OF_EVENT.where(_link.group_id == event.c.resource_id)
    .union_all(_OF_EVENT.where(_link.member_id == event.c.resource_id, _link.group_id != event.c.resource_id))
    .order_by("group_id", "member_id")
    .limit(bindparam("limit"))
)
_WITHOUT_EVENT = select(func.count()).where(_link.event_id.not_in(select(event.c.id)))
_NO_LIMIT = 2**62


def of_group(
    connection: Connection, group_id: str, before: int | None, limit: int, beyond: str = ""
) -> list[MembershipChange]:
    """Return who joined and left a group, newest first; `before` is the event id of the last one seen.

    One event may have thousands, the highest member's id first. With `beyond`, those of `before` itself whose member's
    id is lower are included.
    """
    return _page(connection, _link.group_id == group_id, _link.member_id, before, limit, beyond)


def of_member(
    connection: Connection, member_id: str, before: int | None, limit: int, beyond: str = ""
) -> list[MembershipChange]:
    """Return which groups a member joined and left, newest first; `beyond` is the id of a group here."""
    return _page(connection, _link.member_id == member_id, _link.group_id, before, limit, beyond)


def groups_before(connection: Connection, member_id: str, since: str | int) -> dict[str, bool]:
    """Return whether a member was in each group that it joined or left after a moment or an event, at that time."""
    return _before(connection, _link.member_id == member_id, _link.group_id, since)


def members_before(connection: Connection, group_id: str, since: str | int) -> dict[str, bool]:
    """Return whether each member that joined or left a group after a moment or an event was in it at that time."""
    return _before(connection, _link.group_id == group_id, _link.member_id, since)


def _before(
    connection: Connection, mine: sql.ColumnElement[bool], other: sql.ColumnElement[str], since: str | int
) -> dict[str, bool]:
    firsts = select(other.label("other_id"), func.min(_link.event_id).label("event_id"))
    firsts = firsts.join_from(membership_event, event, _link.event_id == event.c.id)
    first = firsts.where(mine, is_later(since)).group_by(other).subquery("first")
    is_it = sql.and_(_link.event_id == first.c.event_id, other == first.c.other_id, mine)
    query = select(first.c.other_id, _link.has_joined).join_from(first, membership_event, is_it)
    return {id: not has_joined for id, has_joined in connection.execute(query)}


def of_events(connection: Connection, event_ids: Collection[int], limit_each: int) -> list[MembershipChange]:
    """Return some membership changes of each event; the rest, which may be thousands, is not read."""
    return [link for id in event_ids for link in of_event(connection, id, limit_each)]


def of_event(connection: Connection, event_id: int, limit: int = _NO_LIMIT) -> list[MembershipChange]:
    """Return membership changes of one event, by group and member."""
    return [MembershipChange(*row) for row in connection.execute(_SOME, {"id": event_id, "limit": limit})]


def count_without_event(connection: Connection) -> int:
    """Return how many rows belong to no event; reads all."""
    return int(connection.execute(_WITHOUT_EVENT).scalar_one())


def _page(
    connection: Connection,
    mine: sql.ColumnElement[bool],
    other: sql.ColumnElement[str],
    before: int | None,
    limit: int,
    beyond: str,
) -> list[MembershipChange]:
    """Return a page in the reverse order of an index, from a place in it: only rows of the page are read."""
    query = _LINKS.where(mine)
    if before is not None:
        query = query.where(sql.tuple_(_link.event_id, other) < (before, beyond) if beyond else _link.event_id < before)
    rows = connection.execute(query.order_by(_link.event_id.desc(), other.desc()).limit(limit))
    return [MembershipChange(*row) for row in rows]
