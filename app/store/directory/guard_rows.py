"""This module stores what the guard counts: people whom clients disabled or deleted, and members who left groups.

`TO_COME` is the alarm's id of what belongs to none.

See also: app/observation/guard.py (the rule).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Delete, bindparam, delete, exists, func, insert, select, text, tuple_, update
from sqlalchemy.dialects import sqlite

from app import bounds, clock
from app.store.database.connection import Connection
from app.store.directory.tables import (
    event,
    guard_alarm,
    guard_departure,
    guard_group,
    guard_person,
    installation,
    job,
    resource,
)

Kind = Literal["disable", "delete", "delete-active"]
Answer = Literal["meant", "undone", "learning"]
"""How an alarm ended; `learning`: it was raised in the first week, and held nothing."""
ANSWERS: tuple[Answer, ...] = get_args(Answer)
TO_COME = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """The last event that was counted, the newest event, and when a client first changed something ("": not yet)."""

    counted: int
    newest: int
    first_change: str


@dataclass(frozen=True, slots=True)
class Removal:
    """A person whom an event disabled or deleted. `at` is in wire form."""

    resource_id: str
    event_id: int
    at: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Departure:
    """An event by which members left a group; `is_deleted`: because the group was deleted."""

    group_id: str
    event_id: int
    at: str
    departed: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm as stored. `people` and `groups` are counted."""

    id: int
    raised: str
    last: str
    cycle_started: str
    people_limit: int | None
    answered: str | None
    answer: Answer | None
    answered_by: str | None
    people: int
    groups: int
    has_role_group: bool


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of an alarm: how many members it lost, and how many it had before that."""

    group_id: str
    lost: int
    size: int
    has_role: bool


# As text: `json_type` must not see a text that is not JSON, and only CASE fixes that order.
_OF_CLIENTS = "FROM event WHERE id > :after AND id <= :up_to AND is_simulated = 0 AND request <> ''"
_IS_ACTIVE = "CASE WHEN json_valid({0}) THEN coalesce(json_type({0}, '{1}'), '') <> 'false' ELSE TRUE END"
_REMOVALS = text(
    f"""SELECT resource_id, id, at, CASE WHEN verb = 'change' THEN 'disable'
        WHEN {_IS_ACTIVE.format("deleted", "$.document.active")} THEN 'delete-active' ELSE 'delete' END
    {_OF_CLIENTS} AND resource_type = 'User' AND (verb = 'delete' OR (verb = 'change'
        AND changes LIKE '%"active"%' AND NOT {_IS_ACTIVE.format("changes", "$.active[1]")}))
    ORDER BY id"""
)
# A deletion takes the members of a group, and the resource from all groups that it was in.
_DEPARTURES = text(
    f"""WITH departing AS MATERIALIZED (SELECT id, at, verb, resource_type, resource_id, departed {_OF_CLIENTS}
        AND (departed > 0 OR (resource_type = 'Group' AND verb = 'delete')))
    SELECT resource_id, id, at, departed, FALSE FROM departing WHERE verb <> 'delete'
    UNION ALL
    SELECT resource_id, id, at,
        (SELECT count(*) FROM membership_event WHERE group_id = departing.resource_id AND event_id = departing.id), TRUE
    FROM departing WHERE verb = 'delete' AND resource_type = 'Group'
    UNION ALL
    SELECT group_id, id, at, 1, FALSE FROM departing CROSS JOIN membership_event
        ON member_id = departing.resource_id AND event_id = departing.id AND group_id <> departing.resource_id
    WHERE verb = 'delete' ORDER BY 2"""
)
_FIRST_OF_CLIENT = text(f"SELECT min(at) {_OF_CLIENTS}")
# As text: SQLAlchemy would order the columns of the comparison in another way than the key.
_LOST = """FROM (SELECT DISTINCT member_id FROM guard_departure AS departure CROSS JOIN membership_event AS link
        ON link.group_id = departure.group_id AND link.event_id = departure.event_id
    WHERE departure.alarm_id = :alarm_id AND departure.group_id = :group_id AND link.has_joined = 0) AS lost
    WHERE NOT EXISTS (SELECT 1 FROM membership WHERE group_id = :group_id AND member_id = lost.member_id)"""
_COUNT_LOST = text(f"SELECT count(*) {_LOST}")
_LOST_MEMBERS = text(
    f"SELECT member_id {_LOST} AND EXISTS (SELECT 1 FROM resource WHERE id = member_id) ORDER BY 1 LIMIT :limit"
)

_is_job = job.c.name == "guard"
_NEWEST_EVENT = select(func.coalesce(func.max(event.c.id), 0)).scalar_subquery()
_MARK = select(job.c.done, _NEWEST_EVENT, installation.c.first_change).where(_is_job)
_COUNTED = update(job).where(_is_job).values(done=bindparam("up_to"), ran=bindparam("ran"), failure=None)
_BEGAN = update(installation).values(first_change=bindparam("moment"))
_person = sqlite.insert(guard_person)
_PERSON = _person.on_conflict_do_update(
    index_elements=["alarm_id", "resource_id"],
    set_={name: _person.excluded[name] for name in ("event_id", "at", "kind")},
)
_DEPARTED = insert(guard_departure)
_of_alarm: Any = bindparam("alarm_id")
_PEOPLE = select(func.count()).where(guard_person.c.alarm_id == TO_COME, guard_person.c.at >= bindparam("since"))
_WERE_ACTIVE = _PEOPLE.where(guard_person.c.kind != "delete")
_WERE_DELETED = _PEOPLE.where(guard_person.c.kind != "disable")
_DEPARTED_SINCE = select(func.coalesce(func.sum(guard_departure.c.departed), 0)).where(
    guard_departure.c.alarm_id == TO_COME, guard_departure.c.group_id == bindparam("group_id")
)
_SIZE = select(resource.c.members).where(resource.c.id == bindparam("group_id"))
_ALARM = select(
    *(guard_alarm.c[name] for name in AlarmRow.__slots__[:8]),
    select(func.count()).where(guard_person.c.alarm_id == guard_alarm.c.id).scalar_subquery().label("people"),
    select(func.count()).where(guard_group.c.alarm_id == guard_alarm.c.id).scalar_subquery().label("groups"),
    select(func.coalesce(func.max(guard_group.c.has_role), 0))
    .where(guard_group.c.alarm_id == guard_alarm.c.id)
    .scalar_subquery()
    .label("has_role_group"),
)
_is_open = text("answered IS NULL")
"""As in the partial index."""
_OPEN = _ALARM.where(_is_open)
_OPEN_ID = select(guard_alarm.c.id).where(_is_open)
_ANSWERED = (
    _ALARM.where(guard_alarm.c.answered.is_not(None)).order_by(guard_alarm.c.id.desc()).limit(bindparam("limit"))
)
_PASSED_OVER = (
    select(guard_alarm.c.id)
    .where(
        guard_alarm.c.cycle_started == bindparam("cycle_started"),
        guard_alarm.c.answer.in_(("meant", "learning")),
        guard_alarm.c.answered >= bindparam("since"),
    )
    .order_by(guard_alarm.c.id.desc())
    .limit(1)
)
_REMOVALS_OF = select(*(guard_person.c[name] for name in Removal.__slots__)).where(guard_person.c.alarm_id == _of_alarm)
_SUSPICIOUS = (
    select(*(guard_person.c[name] for name in Removal.__slots__))
    .where(text("kind = 'delete-active'"))
    .order_by(guard_person.c.at.desc())
    .limit(bindparam("limit"))
)
_DISABLED = (
    select(guard_person.c.resource_id, event.c.version)
    .join_from(
        guard_person,
        event,  # after a restore, the number may be that of another event
        (event.c.id == guard_person.c.event_id) & (event.c.resource_id == guard_person.c.resource_id),
    )
    .join(resource, (resource.c.id == guard_person.c.resource_id) & (resource.c.version == event.c.version))
    .where(guard_person.c.alarm_id == _of_alarm, guard_person.c.kind == "disable", resource.c.active == 0)
    .order_by(guard_person.c.resource_id)
)
_GROUPS_OF = select(*(guard_group.c[name] for name in GroupRow.__slots__)).where(guard_group.c.alarm_id == _of_alarm)


def mark(connection: Connection) -> Mark:
    """Return how far the events are counted."""
    return Mark(*connection.execute(_MARK).one())


def removals(connection: Connection, after: int, up_to: int) -> list[Removal]:
    """Return whom clients disabled or deleted by these events, oldest first.

    Simulations and administrators are no clients (docs/decisions/0042-a-simulation-counts-nowhere.md).
    """
    return [Removal(*row) for row in connection.tuples(_REMOVALS, {"after": after, "up_to": up_to})]


def departures(connection: Connection, after: int, up_to: int) -> list[Departure]:
    """Return which groups lost members by these events of clients, and which were deleted, oldest first."""
    rows = connection.tuples(_DEPARTURES, {"after": after, "up_to": up_to})
    return [Departure(group, id, at, departed, bool(gone)) for group, id, at, departed, gone in rows]


def first_of_client(connection: Connection, after: int, up_to: int) -> str | None:
    """Return when a client sent the first of these events, None if none did."""
    moment: str | None = connection.execute(_FIRST_OF_CLIENT, {"after": after, "up_to": up_to}).scalar()
    return moment


def write_mark(connection: Connection, up_to: int, first_change: str = "") -> None:
    """Record that all events up to one are counted; with `first_change`, also when a client first changed something."""
    connection.execute(_COUNTED, {"up_to": up_to, "ran": clock.to_wire(clock.utc_now())})
    if first_change:
        connection.execute(_BEGAN, {"moment": first_change})


def add(connection: Connection, alarm_id: int, removals: Iterable[Removal], departures: Iterable[Departure]) -> None:
    """Add removals to an alarm, or to what belongs to none; a person is in it once, with the last removal."""
    people = [{"alarm_id": alarm_id, **{name: getattr(one, name) for name in Removal.__slots__}} for one in removals]
    groups = [
        {
            "alarm_id": alarm_id,
            "group_id": one.group_id,
            "event_id": one.event_id,
            "at": one.at,
            "departed": one.departed,
        }
        for one in departures
        if one.departed
    ]
    for statement, rows in ((_PERSON, people), (_DEPARTED, groups)):
        if rows:
            connection.execute(statement, rows)


def forget_before(connection: Connection, since: str, suspicious_since: str) -> None:
    """Delete what belongs to no alarm and is older than a moment; deletions of active people have another moment."""
    outdated = guard_person.c.alarm_id == TO_COME, guard_person.c.at < since
    connection.execute(delete(guard_person).where(*outdated, guard_person.c.kind != "delete-active"))
    connection.execute(delete(guard_person).where(*outdated, guard_person.c.at < suspicious_since))
    _departures = guard_departure.c.alarm_id == TO_COME, guard_departure.c.at < since
    connection.execute(delete(guard_departure).where(*_departures))


def forget_alarms(connection: Connection, before: str) -> None:
    """Delete a part of what belongs to alarms that were answered before a moment; the alarm itself goes last."""
    query = select(guard_alarm.c.id).where(guard_alarm.c.answered < before).order_by(guard_alarm.c.id).limit(1)
    alarm_id = connection.execute(query).scalar()
    if alarm_id is None:
        return
    for table in (guard_person, guard_departure, guard_group):
        if connection.execute(_some_of(table, alarm_id)).rowcount == bounds.GUARD_ROWS_AT_ONCE:
            return
    connection.execute(delete(guard_alarm).where(guard_alarm.c.id == alarm_id))


def _some_of(table: Any, alarm_id: int) -> Delete:
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(table.c.alarm_id == alarm_id).limit(bounds.GUARD_ROWS_AT_ONCE)
    return delete(table).where(key.in_(some))


def people_since(connection: Connection, since: str) -> tuple[int, int, int]:
    """Return how many people who belong to no alarm were disabled or deleted since a moment.

    The second number is that of those who were active before; the third is that of those who were deleted.
    """
    counted = (connection.execute(one, {"since": since}).scalar() for one in (_PEOPLE, _WERE_ACTIVE, _WERE_DELETED))
    people, active, deleted = map(int, counted)
    return people, active, deleted


def departed(connection: Connection, group_id: str) -> int:
    """Return how often members left a group without an alarm; who left twice is counted twice."""
    return int(connection.execute(_DEPARTED_SINCE, {"group_id": group_id}).scalar_one())


def count_lost(connection: Connection, group_id: str, alarm_id: int = TO_COME) -> int:
    """Return how many members left a group, each once, and are not in it again; reads all who left."""
    return int(connection.execute(_COUNT_LOST, {"alarm_id": alarm_id, "group_id": group_id}).scalar_one())


def lost_members(connection: Connection, group_id: str, alarm_id: int, limit: int) -> list[str]:
    """Return the ids of some of these members who are users or groups now."""
    parameters = {"alarm_id": alarm_id, "group_id": group_id, "limit": limit}
    return list(connection.execute(_LOST_MEMBERS, parameters).scalars())


def size_of(connection: Connection, group_id: str) -> int | None:
    """Return how many members a group has; None if it does not exist."""
    size: int | None = connection.execute(_SIZE, {"group_id": group_id}).scalar()
    return size


def has_open_alarm(connection: Connection) -> bool:
    """Return whether an alarm waits for an answer: nothing may be deleted permanently until then."""
    return open_alarm_id(connection) is not None


def open_alarm_id(connection: Connection) -> int | None:
    """Return the id of the alarm that waits for an answer, or None."""
    alarm_id: int | None = connection.execute(_OPEN_ID).scalar()
    return alarm_id


def open_alarm(connection: Connection) -> AlarmRow | None:
    """Return the alarm that waits for an answer, or None."""
    return next(_alarms(connection.execute(_OPEN)), None)


def answered_alarms(connection: Connection, limit: int) -> list[AlarmRow]:
    """Return the last alarms that were answered, newest first."""
    return list(_alarms(connection.execute(_ANSWERED, {"limit": limit})))


def find_alarm(connection: Connection, alarm_id: int) -> AlarmRow | None:
    """Return an alarm by its id, or None."""
    return next(_alarms(connection.execute(_ALARM.where(guard_alarm.c.id == alarm_id))), None)


def _alarms(rows: Any) -> Iterator[AlarmRow]:
    return (AlarmRow(**row._asdict() | {"has_role_group": bool(row.has_role_group)}) for row in rows)


def passed_over(connection: Connection, cycle_started: str, since: str) -> int | None:
    """Return the alarm of this cycle that was answered with "meant" since a moment, or raised while learning."""
    alarm: int | None = connection.execute(_PASSED_OVER, {"cycle_started": cycle_started, "since": since}).scalar()
    return alarm


def raise_alarm(connection: Connection, at: str, last: str, cycle_started: str, people_limit: int | None) -> int:
    """Write a new alarm and return its id."""
    values = {"raised": at, "last": last, "cycle_started": cycle_started, "people_limit": people_limit}
    return connection.insert(insert(guard_alarm), values)


def extend(connection: Connection, alarm_id: int, last: str, cycle_started: str) -> None:
    """Record that an alarm has more."""
    mine = update(guard_alarm).where(guard_alarm.c.id == alarm_id)
    connection.execute(mine.values(last=last, cycle_started=cycle_started))


def take_people(connection: Connection, alarm_id: int, since: str) -> None:
    """Give an alarm all who were disabled or deleted since a moment and belong to none."""
    mine = update(guard_person).where(guard_person.c.alarm_id == TO_COME, guard_person.c.at >= since)
    connection.execute(mine.values(alarm_id=alarm_id))


def take_group(connection: Connection, alarm_id: int, row: GroupRow) -> None:
    """Give an alarm a group, and those who left it and belong to no alarm."""
    values = {name: getattr(row, name) for name in GroupRow.__slots__}
    added = sqlite.insert(guard_group).values(alarm_id=alarm_id, **values)
    connection.execute(added.on_conflict_do_update(index_elements=["alarm_id", "group_id"], set_=values))
    mine = update(guard_departure).where(
        guard_departure.c.alarm_id == TO_COME, guard_departure.c.group_id == row.group_id
    )
    connection.execute(mine.values(alarm_id=alarm_id))


def answer(connection: Connection, alarm_id: int, at: str, answer: Answer, by: str) -> bool:
    """Record the answer to an alarm; return False if it has one."""
    mine = update(guard_alarm).where(guard_alarm.c.id == alarm_id, guard_alarm.c.answered.is_(None))
    return bool(connection.execute(mine.values(answered=at, answer=answer, answered_by=by)).rowcount)


def people_of(connection: Connection, alarm_id: int, skip: int, limit: int) -> list[Removal]:
    """Return people of an alarm by id."""
    query = _REMOVALS_OF.order_by(guard_person.c.resource_id).offset(skip).limit(limit)
    return [Removal(*row) for row in connection.execute(query, {"alarm_id": alarm_id})]


def deleted_of(connection: Connection, alarm_id: int, limit: int, after: str = "") -> list[str]:
    """Return some ids of resources that are gone, of people whom an alarm has as deleted and of its groups, in order.

    `after`: only ids that follow this one, as in `still_disabled`.
    """
    people = select(guard_person.c.resource_id).where(
        guard_person.c.alarm_id == _of_alarm, guard_person.c.kind != "disable"
    )
    groups = select(guard_group.c.group_id).where(guard_group.c.alarm_id == _of_alarm)
    either = people.union(groups).subquery("lost")
    is_here = exists().where(resource.c.id == either.c.resource_id)
    gone = select(either.c.resource_id).where(~is_here, either.c.resource_id > after)
    gone = gone.order_by(either.c.resource_id).limit(limit)
    return list(connection.execute(gone, {"alarm_id": alarm_id}).scalars())


def suspicious(connection: Connection, limit: int) -> list[Removal]:
    """Return the last deletions of people who were still active, newest first."""
    return [Removal(*row) for row in connection.execute(_SUSPICIOUS, {"limit": limit})]


def still_disabled(connection: Connection, alarm_id: int, limit: int, after: str = "") -> list[tuple[str, int]]:
    """Return id and version of people of an alarm who are disabled and were not changed since, some of them."""
    some = _DISABLED.where(guard_person.c.resource_id > after).limit(limit)
    return [(id, version) for id, version in connection.execute(some, {"alarm_id": alarm_id})]


def groups_of(connection: Connection, alarm_id: int) -> list[GroupRow]:
    """Return the groups of an alarm."""
    return [GroupRow(*row) for row in connection.execute(_GROUPS_OF, {"alarm_id": alarm_id})]
