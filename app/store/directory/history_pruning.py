"""This module deletes the history that is too old, in parts, and stores since when it is complete.

What a deletion keeps to put the resource back stays as long as it is kept for that. The newest event stays, since marks
are compared with it, and so does each event whose words are not written yet.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sql
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import sqlite

from app import bounds, clock
from app.store.database.connection import Connection, Row
from app.store.database.list_parameter import many
from app.store.directory.tables import event, job, membership_event

_JOB = "history"
_LAST = select(func.min(job.c.done, select(func.max(event.c.id)).scalar_subquery() - 1)).where(job.c.name == "words")
_PART = (
    select(
        event.c.id,
        event.c.at,
        event.c.resource_id,
        (event.c.joined + event.c.departed).label("links"),
        event.c.deleted.is_not(None).label("rests"),
    )
    .where(event.c.id > bindparam("after"), event.c.id <= bindparam("last"))
    .order_by(event.c.id)
    .limit(bindparam("limit"))
)
_link = membership_event.c
_KEY = sql.tuple_(_link.group_id, _link.event_id, _link.member_id)
_LINKS = tuple(
    select(_link.group_id, _link.event_id, _link.member_id)
    .where(own == bindparam("resource"), _link.event_id == bindparam("event"))
    .limit(bindparam("limit"))
    for own in (_link.group_id, _link.member_id)
)
_UNLINK = tuple(sql.delete(membership_event).where(_KEY.in_(rows)) for rows in _LINKS)
_COMPLETE = select(job.c.done).where(job.c.name == _JOB)
_adding = sqlite.insert(job)
_NOTE = _adding.on_conflict_do_update(index_elements=[job.c.name], set_={"done": _adding.excluded.done})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next part begins: after this event."""

    after: int = 0


def prune(connection: Connection, before: str, place: Place) -> Place | None:
    """Delete a part of the events from before a moment (wire form); return where the next part begins, None at the end.

    A part has at most `bounds.EVENTS_PRUNED_AT_ONCE` events, or as many memberships of one event.
    """
    last = connection.execute(_LAST).scalar() or 0
    limits = {"after": place.after, "last": last, "limit": bounds.EVENTS_PRUNED_AT_ONCE}
    rows = connection.execute(_PART, limits).all()
    old = [row for row in rows if row.at < before]
    due: list[Row] = []
    links = 0
    for row in (row for row in old if not row.rests):
        links += row.links
        if links > bounds.EVENTS_PRUNED_AT_ONCE and due:
            break
        if row.links and not _unlink(connection, row):
            break
        due.append(row)
    else:
        _delete(connection, due, before)
        return Place(rows[-1].id) if old else None
    _delete(connection, due, before)
    return Place(due[-1].id) if due else place


def complete_since(connection: Connection) -> str:
    """Return the moment (wire form) from which on no event is deleted; "" if none was."""
    seconds = connection.execute(_COMPLETE).scalar()
    return clock.to_wire(datetime.fromtimestamp(seconds, UTC)) if seconds else ""


def _unlink(connection: Connection, row: Row) -> bool:
    """Delete memberships of an event, of the group or of the member; return whether all of them are deleted."""
    parameters = {"resource": row.resource_id, "event": row.id, "limit": bounds.EVENTS_PRUNED_AT_ONCE}
    gone = [connection.execute(statement, parameters).rowcount for statement in _UNLINK]
    return max(gone) < bounds.EVENTS_PRUNED_AT_ONCE


def _delete(connection: Connection, due: list[Row], before: str) -> None:
    if due:
        connection.execute(sql.delete(event).where(event.c.id.in_(many([row.id for row in due]))))
        seconds = -(-datetime.fromisoformat(before).timestamp() // 1)
        connection.execute(_NOTE, {"name": _JOB, "done": int(seconds)})
