"""What clients remove is counted once, over syncs and a day, and an alarm is raised above what is usual.

Real files, in this process, with a clock that the test turns.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.administration.audit import HOST
from app.administration.roles import role_mapping
from app.observation import guard
from app.observation.guard import Guard, Limits
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.derived_values import DerivedValues
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, USER, ResourceType
from app.store.database import directory_database, sqlite_driver
from app.store.directory import guard_rows, membership_rows, resource_rows
from app.store.request_log import cycle_rows, log_database, log_database_file
from tests.cheap import make_database
from tests.examples import examples
from tests.statements import recorded

CLIENT = Author("abc123", "key 1a2b3c4d")
OWNER = Author("", "operator eva")
SIMULATION = Author("abc124", "key 1a2b3c4d", is_marked=True)
SETTLED = Limits(learning_days=0)
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass
class World:
    """A directory, and Entra's syncs of it; `guard` counts as the thread of the request log does."""

    guard: Guard
    now: datetime = BEGIN
    people: list[str] = field(default_factory=list)
    cycle_id: int = 0

    def created(self, count: int) -> list[str]:
        """Return the ids of new people. In one transaction: as requests they would take most of the time."""
        ids = [resource_operations.new_id() for _ in range(count)]
        with directory_database.writing() as connection:
            for id in ids:
                document = {"schemas": [USER.schema.urn], "id": id, "userName": f"{id}@recnice.com", "active": True}
                resource_rows.insert(connection, DerivedValues(USER, document))
        self.people += ids
        return ids

    def group(self, members: Iterable[str] = (), author: Author = CLIENT) -> str:
        body = {"displayName": resource_operations.new_id(), "members": [{"value": id} for id in members]}
        return resource_operations.create(GROUP, body, author).record.id

    def change(self, id: str, *operation: Any, author: Author = CLIENT, of: ResourceType = USER) -> None:
        resource_operations.change(of, id, [Operation(*operation)], author)

    def disable(self, ids: Iterable[str], author: Author = CLIENT) -> None:
        for id in ids:
            self.change(id, "replace", "active", False, author=author)

    def enable(self, id: str) -> None:
        self.change(id, "replace", "active", True)

    def delete(self, ids: Iterable[str], author: Author = CLIENT) -> None:
        for id in ids:
            resource_operations.delete(USER, id, author)

    def leave(self, group_id: str, ids: Iterable[str], author: Author = CLIENT) -> None:
        members = [{"value": id} for id in ids]
        self.change(group_id, "remove", "members", members, author=author, of=GROUP)

    def sync(self, minutes: float = 40) -> None:
        """Let a new sync begin after so many minutes."""
        self.now += timedelta(minutes=minutes)
        with log_database.writing() as connection:
            moment = clock.to_wire(self.now)
            self.cycle_id = cycle_rows.add(connection, {"started": moment, "ended": moment})

    def go_on(self, minutes: float) -> None:
        """Let the same sync go on for so many minutes."""
        self.now += timedelta(minutes=minutes)
        with log_database.writing() as connection:
            cycle_rows.write(connection, self.cycle_id, {"ended": clock.to_wire(self.now)})

    def alarm(self) -> guard.Alarm | None:
        """Count, and return the open alarm."""
        self.guard.count()
        return guard.open_alarm()

    def answer(self, answer: guard_rows.Answer = "meant") -> None:
        alarm = guard.open_alarm()
        assert alarm
        with directory_database.writing() as connection:
            assert guard_rows.answer(connection, alarm.id, clock.to_wire(self.now), answer, "operator eva")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """Both files, inside the context of an application."""
    app = Flask(__name__)
    directory_database.file.init_app(app, sqlite_driver.address(make_database(tmp_path / "recnice.sqlite3")))
    log = tmp_path / "recnice-requests.sqlite3"
    log_database_file.prepare(log)
    log_database.file.init_app(app, sqlite_driver.address(log))
    with app.app_context():
        yield app
        directory_database.file.close()
        log_database.file.close()


@pytest.fixture
def world(app: Flask, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(Guard(SETTLED))
    monkeypatch.setattr(clock, "utc_now", lambda: world.now)
    world.sync()
    return world


@pytest.mark.parametrize(("number", "is_unusual"), [(19, False), (20, False), (21, True)])
def test_more_than_twenty_disables_in_a_sync_raise_an_alarm(world: World, number: int, is_unusual: bool):
    world.disable(world.created(30)[:number])
    alarm = world.alarm()
    assert bool(alarm) == is_unusual
    if alarm:
        assert (alarm.people, alarm.people_limit, alarm.groups) == (21, 20, 0)
        assert {one.id for one in guard.people_of(alarm, 0, 50)} == set(world.people[:21])


def test_disables_and_deletes_are_added_up_and_a_person_counts_once(world: World):
    people = world.created(21)
    world.disable(people[:15])
    for _ in range(10):
        world.enable(people[0])
        world.disable(people[:1])
    world.delete(people[10:20])
    assert world.alarm() is None, "15 disabled, and 10 deleted, five of whom were disabled: 20 people"
    world.delete(people[20:])
    assert (alarm := world.alarm()) and alarm.people == 21
    kinds = {one.id: (one.is_deleted, one.was_active) for one in guard.people_of(alarm, 0, 50)}
    assert kinds[people[0]] == (False, True), "disabled"
    assert kinds[people[10]] == (True, False), "deleted after it was disabled"
    assert kinds[people[20]] == (True, True), "deleted while it was active"


def test_a_slow_drip_over_three_syncs_raises_an_alarm_but_not_over_two_days(world: World):
    people = world.created(60)
    for part in range(3):
        world.disable(people[part * 15 : part * 15 + 15])
        assert bool(world.alarm()) == (part == 1), "15 and 15 are more than 20"
        if part == 1:
            world.answer()
        world.sync()
    assert world.alarm() is None, "the last 15 are counted anew"
    world.now += timedelta(hours=25)
    world.sync()
    world.disable(people[45:])
    assert world.alarm() is None, "15 within a day"


def test_a_sync_that_lasts_longer_than_a_day_is_added_up_as_a_whole(world: World):
    people = world.created(22)
    for day in range(2):
        world.disable(people[day * 11 : day * 11 + 11])
        assert bool(world.alarm()) == (day == 1)
        for _ in range(200):
            world.go_on(9)


@pytest.mark.parametrize(("number", "is_unusual"), [(50, False), (51, True)])
def test_of_a_thousand_people_five_percent_are_usual(world: World, number: int, is_unusual: bool):
    world.disable(world.created(1_000)[:number])
    assert bool(world.alarm()) == is_unusual


def test_a_share_counts_from_a_hundred_people():
    limits = Limits(people=1, people_percent=50)
    assert [limits.of_people(99, 99), limits.of_people(100, 100), limits.of_people(40, 100)] == [1, 50, 20]
    assert Limits(people_percent=0).of_people(100_000, 100_000) == 20


def test_zero_switches_a_rule_off(world: World):
    world.guard = Guard(Limits(people=0, members=0, learning_days=0))
    people = world.created(30)
    group = world.group(people)
    world.disable(people[:25])
    world.leave(group, people)
    assert world.alarm() is None


def test_a_group_that_loses_all_its_members_raises_an_alarm(world: World):
    people = world.created(42)
    small, half, large = world.group(people[:20]), world.group(people), world.group(people[:21])
    world.leave(small, people[:20])
    world.leave(half, people[:21])
    assert world.alarm() is None, "not more than 20, and not more than a half"
    world.leave(large, people[:21])
    alarm = world.alarm()
    assert alarm and (alarm.people, alarm.groups, alarm.people_limit) == (0, 1, None)
    [lost] = guard.groups_of(alarm)
    assert (lost.id, lost.lost, lost.size, lost.has_role) == (large, 21, 21, False)
    world.leave(half, people[21:22])
    assert (alarm := world.alarm()) and {one.id: one.lost for one in guard.groups_of(alarm)} == {large: 21, half: 22}


def test_members_are_counted_once_and_those_who_are_back_are_not_lost(world: World):
    people = world.created(24)
    group = world.group(people)
    for _ in range(3):
        world.leave(group, people[:12])
        assert world.alarm() is None
        world.change(group, "add", "members", [{"value": id} for id in people[:12]], of=GROUP)
    for id in people:
        world.leave(group, [id])
    assert (alarm := world.alarm()) and [(one.lost, one.size) for one in guard.groups_of(alarm)] == [(24, 24)]


def test_a_deletion_takes_members_too(world: World):
    people = world.created(100)
    by_users, by_itself = world.group(people[:25]), world.group(people[:30])
    world.guard = Guard(Limits(people=0, learning_days=0))
    world.delete(people[:25])
    resource_operations.delete(GROUP, by_itself, CLIENT)
    alarm = world.alarm()
    assert alarm and {one.id: (one.lost, one.size) for one in guard.groups_of(alarm)} == {
        by_users: (25, 25),
        by_itself: (30, 30),
    }


def test_a_group_with_a_role_raises_an_alarm_when_it_vanishes_also_in_a_sync_that_was_meant(world: World):
    people = world.created(25)
    other, admins = world.group(people[:3]), world.group(people[:2])
    lines = [("group", admins, "viewer")]
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
    resource_operations.delete(GROUP, other, CLIENT)
    assert world.alarm() is None
    world.disable(people[2:])
    assert world.alarm()
    world.answer()
    resource_operations.delete(GROUP, admins, CLIENT)
    alarm = world.alarm()
    assert alarm and alarm.has_role_group
    assert [(one.id, one.lost, one.has_role) for one in guard.groups_of(alarm)] == [(admins, 2, True)]


def test_simulations_and_administrators_are_not_counted(world: World):
    people = world.created(50)
    world.disable(people[:25], OWNER)
    world.leave(world.group(people), people, OWNER)
    with directory_database.writing() as connection:
        simulated = connection.exec_driver_sql("SELECT count(*) FROM event WHERE is_simulated = 1").scalar_one()
    assert simulated == 0
    made = [resource_operations.create(USER, {"userName": f"s{one}"}, SIMULATION).record.id for one in range(25)]
    group = world.group(made, SIMULATION)
    world.leave(group, made, SIMULATION)
    world.disable(made, SIMULATION)
    world.delete(made, SIMULATION)
    assert world.alarm() is None
    with directory_database.reading() as connection:
        assert guard_rows.mark(connection).first_change == clock.to_wire(world.now), "the group is a client's"


def test_the_first_week_only_counts(world: World):
    world.guard = Guard(Limits())
    people = world.created(100)
    world.disable(people[:25])
    assert world.alarm() is None
    assert not guard_rows_say_so()
    shown = guard.overview(Limits())
    assert [(one.answer, one.people) for one in shown.answered] == [("learning", 25)]
    assert shown.learning_until and shown.learning_until.startswith("2026-03-09T08:40")
    world.sync(7 * 24 * 60 - 1)
    world.disable(people[25:45])
    assert world.alarm() is None
    world.sync(15)
    world.disable(people[45:46])
    assert (alarm := world.alarm()) and alarm.people == 21
    assert guard.overview(Limits()).learning_until == ""


def guard_rows_say_so() -> bool:
    """Whether nothing may be deleted for good."""
    with directory_database.reading() as connection:
        return guard_rows.has_open_alarm(connection)


def test_an_alarm_collects_until_it_is_answered_and_then_counts_anew(world: World):
    people = world.created(100)
    world.disable(people[:21])
    assert world.alarm() and guard_rows_say_so()
    world.sync()
    world.disable(people[21:22])
    assert (alarm := world.alarm()) and (alarm.id, alarm.people) == (1, 22)
    world.answer()
    assert not guard_rows_say_so()
    world.disable(people[22:60])
    assert world.alarm() is None, "the same sync"
    world.sync()
    world.disable(people[60:80])
    assert world.alarm() is None, "the sum of the day began anew"
    world.disable(people[80:81])
    assert (alarm := world.alarm()) and (alarm.id, alarm.people) == (2, 21)


def test_after_an_undo_the_same_sync_can_raise_another_alarm(world: World):
    people = world.created(100)
    world.disable(people[:21])
    assert world.alarm()
    world.answer("undone")
    world.disable(people[21:42])
    assert (alarm := world.alarm()) and alarm.id == 2


def test_nothing_is_lost_or_counted_twice_by_a_restart(world: World):
    people = world.created(41)
    world.disable(people[:20])
    assert world.alarm() is None
    world.guard = Guard(SETTLED)
    world.disable(people[:20])
    world.change(people[40], "replace", "title", "Clerk")
    assert world.alarm() is None
    world.disable(people[20:21])
    world.guard = Guard(SETTLED)
    assert (alarm := world.alarm()) and alarm.people == 21
    world.answer()
    world.guard = Guard(SETTLED)
    assert world.alarm() is None


def test_a_database_that_an_older_copy_replaced_is_counted_from_its_own_end(world: World):
    people = world.created(60)
    world.disable(people[:20])
    assert world.alarm() is None
    with directory_database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM event WHERE id > 5")
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 5 WHERE name = 'event'")
    assert world.alarm() is None
    world.disable(people[20:21])
    assert (alarm := world.alarm()) and alarm.people == 21


def test_without_a_removal_nothing_is_written(world: World):
    people = world.created(3)
    world.change(people[0], "replace", "title", "Clerk")
    world.guard.count()
    for id in people:
        world.change(id, "replace", "title", "Boss")
        with recorded() as statements:
            world.guard.count()
        assert not [sql for sql, _ in statements if not sql.startswith(("SELECT", "WITH", "BEGIN", "ROLLBACK"))]
    with recorded() as statements:
        world.guard.count()
    assert len(statements) <= 3, "nothing new: BEGIN, one look, ROLLBACK"


def test_a_group_that_one_patch_empties_is_read_once(world: World, monkeypatch: pytest.MonkeyPatch):
    size = 5_000
    group = world.group()
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(size)]
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, group, ids)
        record = resource_rows.load(connection, GROUP, group)
        resource_rows.relate(connection, record, size)
    counts: list[int] = []
    count_lost = guard_rows.count_lost
    monkeypatch.setattr(
        guard_rows, "count_lost", lambda *of, **more: counts.append(count_lost(*of, **more)) or counts[-1]
    )
    for start in range(0, 2_500, 250):
        world.leave(group, ids[start : start + 250])
        assert world.alarm() is None
    assert counts == [], "only sums are read until the group may have lost a half"
    resource_operations.change(GROUP, group, [Operation("remove", "members", None)], CLIENT)
    assert (alarm := world.alarm()) and [one.lost for one in guard.groups_of(alarm)] == [size]
    assert counts == [size]


def test_departures_are_not_compared_with_each_other(world: World, monkeypatch: pytest.MonkeyPatch):
    ids = world.created(4)
    group = world.group(ids)
    for id in ids:
        world.leave(group, [id])
    compared: list[object] = []
    monkeypatch.setattr(guard_rows.Departure, "__eq__", lambda one, other: bool(compared.append(other)) or one is other)
    world.guard.count()
    assert not compared, "the time would grow with the square of their number"
    with directory_database.reading() as connection:
        assert guard_rows.departed(connection, group) == len(ids)


def test_every_statement_uses_an_index(world: World):
    people = world.created(30)
    group = world.group(people)
    world.disable(people[:21])
    world.leave(group, people)
    with recorded() as statements:
        alarm = world.alarm()
        assert alarm and (alarm.people, alarm.groups) == (21, 1)
        guard.people_of(alarm, 0, 10)
        guard.groups_of(alarm)
        guard.overview(SETTLED)
        with directory_database.reading() as connection:
            guard_rows.still_disabled(connection, alarm.id, 10)
            guard_rows.lost_members(connection, group, alarm.id, 10)
            guard_rows.deleted_of(connection, alarm.id, 10)
    # Tables of a few rows, and what the statement has put together itself.
    usual = (
        "population",
        "job",
        "installation",
        "role_mapping",
        "generation",
        "guard_alarm",
        "VIRTUAL TABLE",
        "departing",
        "lost",
        "suspicious",
    )
    with directory_database.reading() as connection:
        for statement, parameters in statements:
            if "FROM cycle" not in statement and statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
                values = parameters[0] if parameters and isinstance(parameters[0], list | tuple) else parameters
                plan = connection.driver.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
                scans = [row[3] for row in plan if row[3].startswith("SCAN")]
                assert not [one for one in scans if not any(name in one for name in usual)], (statement, scans)


class Model:
    """A plain reading of the rule for people: sets and loops over everything that happened."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.removed: list[tuple[datetime, str, bool, bool]] = []  # when, who, whether active before, whether deleted
        self.counted = 0
        self.alarm: set[str] | None = None
        self.began = 0  # the removals before it are answered
        self.meant: tuple[datetime, datetime] | None = None  # the sync that was answered, and when

    def count(self, now: datetime, sync_began: datetime | None, present: int, active: int) -> None:
        new, self.counted = self.removed[self.counted :], len(self.removed)
        if not new:
            return
        day_ago = now - timedelta(days=1)
        if self.alarm is not None:
            self.alarm |= {who for _, who, _, _ in new}
            self.last_sync = sync_began
        elif self.meant and self.meant[0] == sync_began and self.meant[1] >= day_ago:
            self.began = self.counted
        else:
            since = min(day_ago, sync_began or now)
            last = {who: of for of in self.removed[self.began :] for who in [of[1]]}
            people = {who: of for who, of in last.items() if of[0] >= since}
            were_active = sum(of[2] for of in people.values())
            were_deleted = sum(of[3] for of in people.values())
            if len(people) > self.limits.of_people(active + were_active, present + were_deleted):
                self.alarm, self.last_sync = set(people), sync_began

    def answer(self, now: datetime, is_meant: bool) -> None:
        self.alarm, self.began = None, self.counted
        if is_meant and self.last_sync:
            self.meant = self.last_sync, now


@pytest.mark.parametrize("seed", range(examples(6)))
def test_the_count_is_that_of_a_simple_model(world: World, monkeypatch: pytest.MonkeyPatch, seed: int):
    monkeypatch.setattr(bounds, "GUARD_SHARE_FROM", 12)
    monkeypatch.setattr(bounds, "GUARD_EVENTS_AT_ONCE", 1_000)
    chance = random.Random(seed)
    limits = Limits(people=chance.randrange(1, 4), people_percent=chance.choice([0, 10, 60]), learning_days=0)
    world.guard, model = Guard(limits), Model(limits)
    active = dict.fromkeys(world.created(16), True)
    sync_began, last_request = world.now, world.now
    raised = 0

    for _ in range(120):
        step = chance.choice(["disable", "disable", "delete", "enable", "other", "count", "time", "sync", "answer"])
        who = chance.choice(sorted(active))
        author = chance.choice([CLIENT, CLIENT, CLIENT, OWNER])
        if step == "disable":
            if active[who] and author == CLIENT:
                model.removed.append((world.now, who, True, False))
            world.disable([who], author)
            active[who] = False
        elif step == "delete" and len(active) > 4:
            if author == CLIENT:
                model.removed.append((world.now, who, active[who], True))
            world.delete([who], author)
            del active[who]
        elif step == "enable":
            world.enable(who)
            active[who] = True
        elif step == "other":
            active |= dict.fromkeys(world.created(1), True)
        elif step == "time":
            world.now += timedelta(minutes=chance.choice([1, 9, 30, 700, 1_500]) + chance.random() / 2)
        elif step == "sync":
            if chance.random() < 0.5 or world.now - last_request >= timedelta(minutes=1):
                world.sync(chance.choice([11, 40, 600]))
                sync_began = world.now
            else:
                world.go_on(chance.choice([0, 5, 9]))
            last_request = world.now
        else:
            is_present = world.now - last_request < timedelta(minutes=10)
            model.count(world.now, sync_began if is_present else None, len(active), sum(active.values()))
            alarm = world.alarm()
            assert (alarm and {one.id for one in guard.people_of(alarm, 0, 99)}) == model.alarm
            raised += bool(alarm)
            if alarm and step == "answer":
                is_meant = chance.random() < 0.5
                model.answer(world.now, is_meant)
                world.answer("meant" if is_meant else "undone")
                if chance.random() < 0.3:
                    world.guard = Guard(limits)
    assert raised or limits.people_percent == 60
