"""This module guards against unusual numbers of removals by clients: it counts them, and raises an alarm.

It changes no answer and delays nothing: a request that disables a user has done so before it is counted. While an alarm
is open, nothing is deleted permanently. The thread of the request log counts, by the events of the history.

See also: app/provisioning/alarm_answers.py (the answers), docs/decisions/0069-an-alarm-delays-nothing.md.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import bounds, clock
from app.observation.cycles import detection
from app.observation.cycles.detection import PAUSE_S, seconds_between
from app.scim.errors import ScimError
from app.scim.resource_types import USER
from app.store.access import role_rows
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import guard_rows as rows
from app.store.directory import history_rows, resource_counts
from app.store.directory.guard_rows import TO_COME, AlarmRow, Departure, GroupRow, Removal

Alarm = AlarmRow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is usual (app/settings.py, `guard_…`): 0 in a number switches its rule off, and 0 percent adds nothing."""

    people: int = 20
    people_percent: int = 5
    members: int = 20
    members_percent: int = 50
    learning_days: int = 7

    def of_people(self, active: int, known: int) -> int:
        """Return how many of `active` people may be disabled or deleted without an alarm; `known`: all users."""
        percent = self.people_percent if known >= bounds.GUARD_SHARE_FROM else 0
        return max(self.people, active * percent // 100)

    def is_much_of_group(self, lost: int, size: int) -> bool:
        """Return whether a group of this size that lost so many members raises an alarm."""
        return 0 < self.members < lost and lost * 100 > size * self.members_percent

    def is_learning(self, first_change: str, now: datetime) -> bool:
        """Return whether a client's first change (wire form) was so recently that an alarm would be no news."""
        days = timedelta(days=self.learning_days)
        return bool(days) and now < datetime.fromisoformat(first_change) + days


class Guard:
    """The guard of one application. Call `count` in one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._read = 0
        self._has_noted = False  # a failure of the last run is still noted

    def count(self) -> None:
        """Count all events that were not counted yet, and raise an alarm if they are unusual.

        Needs an application context. Without a removal among them nothing is written. Raises UNAVAILABLE.
        """
        while self._count_some():
            pass

    def _count_some(self) -> bool:
        """Count some events; return whether there are more."""
        with directory_database.reading() as connection:
            mark = rows.mark(connection)
            # Another database, such as an older copy, has other events: what was read of the former does not count.
            is_known = mark.counted <= self._read <= mark.newest
            after = self._read if is_known else min(mark.counted, mark.newest)
            up_to = min(mark.newest, after + bounds.GUARD_EVENTS_AT_ONCE)
            if mark.counted <= after == up_to:
                return False
            removals = rows.removals(connection, after, up_to)
            departures = rows.departures(connection, after, up_to)
            began = "" if mark.first_change else rows.first_of_client(connection, after, up_to) or ""
        is_noted = 0 <= up_to - mark.counted < bounds.GUARD_EVENTS_UNNOTED and self._has_noted
        if removals or departures or began or not is_noted:
            self._store(removals, departures, up_to, began)
        self._read, self._has_noted = up_to, True
        return up_to < mark.newest

    def _store(
        self, removals: Sequence[Removal], departures: Sequence[Departure], up_to: int, first_change: str
    ) -> None:
        now = clock.utc_now()
        with directory_database.writing() as connection:
            rows.write_mark(connection, up_to, first_change)
            rows.forget_alarms(connection, _days_before(now, bounds.GUARD_DAYS))
            if removals or departures:
                _Count(connection, self._limits, now, _cycle_start(now)).add(removals, departures)


class _Count:
    """What clients removed since `since`, in a write transaction; all that is older and belongs to no alarm is gone."""

    def __init__(self, connection: Connection, limits: Limits, now: datetime, cycle_start: str) -> None:
        self._connection = connection
        self._limits = limits
        self._now = now
        self._cycle_start = cycle_start
        self._day_ago = _days_before(now, 1)
        self._since = min(self._day_ago, cycle_start or self._day_ago)
        rows.forget_before(connection, self._since, _days_before(now, bounds.GUARD_DAYS))

    def add(self, removals: Sequence[Removal], departures: Sequence[Departure]) -> None:
        """Add removals to the open alarm, or to what may become one."""
        connection = self._connection
        alarm_id = rows.open_alarm_id(connection)
        # An administrator has said of this sync that what it removes is meant, so it raises no second alarm for it.
        is_answerable = bool(self._cycle_start) and not alarm_id
        answered = rows.passed_over(connection, self._cycle_start, self._day_ago) if is_answerable else None
        mapped = {rule.value for rule in role_rows.mapping(connection) if rule.source == "group"}
        vanished = {one.group_id for one in departures if one.is_deleted} & mapped
        known = {one.group_id for one in rows.groups_of(connection, alarm_id)} if alarm_id else set()
        judged: list[Departure] = []
        others: list[Departure] = []
        for one in departures:
            is_judged = one.group_id not in known and (not answered or one.group_id in vanished)
            (judged if is_judged else others).append(one)
        target = alarm_id or answered or TO_COME
        rows.add(connection, target, removals, others)
        rows.add(connection, TO_COME, (), judged)
        groups = [*filter(None, (self._judge(id, vanished) for id in sorted({one.group_id for one in judged})))]
        people_limit = self._exceeded() if target == TO_COME and removals else None
        last = max([one.at for one in removals] + [one.at for one in departures])
        if target != TO_COME:
            rows.extend(connection, target, last, self._cycle_start)
        if not alarm_id and (groups or people_limit is not None):
            alarm_id = self._raise(last, people_limit)
        for group in groups:
            rows.take_group(connection, alarm_id or TO_COME, group)
        if suspicious := sum(one.kind == "delete-active" for one in removals):
            log.warning("users were deleted while they were active: %d", suspicious)

    def _judge(self, group_id: str, vanished: Collection[str]) -> GroupRow | None:
        """Return a group that lost an unusual number of members, or that is deleted and gave a role."""
        has_role, size = group_id in vanished, rows.size_of(self._connection, group_id) or 0
        most = rows.departed(self._connection, group_id)  # who left twice is counted twice, so no more can be lost
        if not has_role and not self._limits.is_much_of_group(most, size + most):
            return None
        lost = rows.count_lost(self._connection, group_id)
        is_unusual = has_role or self._limits.is_much_of_group(lost, size + lost)
        return GroupRow(group_id, lost, size + lost, has_role) if is_unusual else None

    def _exceeded(self) -> int | None:
        """Return how many people would have been usual, None if there are not more."""
        people, were_active, deleted = rows.people_since(self._connection, self._since)
        present = resource_counts.count_all(self._connection)[USER.name]
        limit = self._limits.of_people(present.active + were_active, present.total + deleted)
        return limit if self._limits.people and people > limit else None

    def _raise(self, last: str, people_limit: int | None) -> int:
        """Raise an alarm with all whom clients removed; return its id."""
        now = clock.to_wire(self._now)
        alarm_id = rows.raise_alarm(self._connection, now, last, self._cycle_start, people_limit)
        rows.take_people(self._connection, alarm_id, self._since)
        first_change = rows.mark(self._connection).first_change or now
        if self._limits.is_learning(first_change, self._now):
            rows.answer(self._connection, alarm_id, now, "learning", "")
        else:
            log.warning("the guard raised an alarm: users or groups were removed in an unusual number")
        return alarm_id


def _days_before(now: datetime, days: int) -> str:
    return clock.to_wire(now - timedelta(days=days))


def _cycle_start(now: datetime) -> str:
    """Return when the present cycle began (wire form); "" if there is none, as while the log cannot be read."""
    with suppress(ScimError):
        for cycle in detection.latest(1):
            if abs(seconds_between(cycle.ended, clock.to_wire(now))) < PAUSE_S:
                return cycle.started
    return ""


@dataclass(frozen=True, slots=True)
class Person:
    """A user of an alarm: `name` is the last one; `is_deleted`: by a client, whatever happened to the user since."""

    id: str
    name: str
    at: str
    is_deleted: bool
    was_active: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group of an alarm with its last name: it lost `lost` of `size` members; `has_role`: it gave a role."""

    id: str
    name: str
    lost: int
    size: int
    has_role: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What the guard knows: the open alarm, the last answered ones, and the last deletions of active people.

    `people`: how many were disabled or deleted in a day without an alarm; `limit`: how many would be usual, None if
    they are not counted; `learning_until` (wire form): "" after it, and None before a client's first change.
    """

    open: Alarm | None
    answered: Sequence[Alarm]
    suspicious: Sequence[Person]
    people: int
    limit: int | None
    learning_until: str | None


def open_alarm() -> Alarm | None:
    """Return the alarm that waits for an answer, or None. Needs an application context."""
    with directory_database.reading_once() as connection:
        return rows.open_alarm(connection)


def find_alarm(alarm_id: int) -> Alarm | None:
    """Return an alarm by its id, or None."""
    with directory_database.reading_once() as connection:
        return rows.find_alarm(connection, alarm_id)


def overview(limits: Limits) -> Overview:
    """Return what the page of the guard shows."""
    now = clock.utc_now()
    with directory_database.reading() as connection:
        people, were_active, deleted = rows.people_since(connection, _days_before(now, 1))
        present = resource_counts.count_all(connection)[USER.name]
        limit = limits.of_people(present.active + were_active, present.total + deleted) if limits.people else None
        first_change = rows.mark(connection).first_change
        learning_until: str | None = "" if first_change else None
        if first_change and limits.is_learning(first_change, now):
            learning_until = clock.to_wire(datetime.fromisoformat(first_change) + timedelta(days=limits.learning_days))
        return Overview(
            rows.open_alarm(connection),
            rows.answered_alarms(connection, bounds.GUARD_ALARMS_SHOWN),
            _named(connection, rows.suspicious(connection, bounds.CONSOLE_PAGE_SIZE)),
            people,
            limit,
            learning_until,
        )


def people_of(alarm: Alarm, skip: int, limit: int) -> list[Person]:
    """Return users of an alarm by id."""
    with directory_database.reading() as connection:
        return _named(connection, rows.people_of(connection, alarm.id, skip, limit))


def groups_of(alarm: Alarm) -> list[Group]:
    """Return the groups of an alarm, those with a role first."""
    with directory_database.reading() as connection:
        groups = rows.groups_of(connection, alarm.id)
        names = history_rows.last_known(connection, [one.group_id for one in groups])
    named = (Group(one.group_id, _name(names, one.group_id), one.lost, one.size, one.has_role) for one in groups)
    return sorted(named, key=lambda one: (not one.has_role, one.name))


def _named(connection: Connection, removals: Sequence[Removal]) -> list[Person]:
    names = history_rows.last_known(connection, [one.resource_id for one in removals])
    return [
        Person(one.resource_id, _name(names, one.resource_id), one.at, one.kind != "disable", one.kind != "delete")
        for one in removals
    ]


def _name(names: Mapping[str, tuple[str, str]], id: str) -> str:
    """Return the last name of a resource; its id where the history no longer has it."""
    return names.get(id, ("", id))[1]
