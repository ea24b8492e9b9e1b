"""What is older than the days that are set is deleted, and what is kept is as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.administration import audit, retention
from app.administration.audit import HOST, Action
from app.jobs import job_list
from app.jobs.scheduler import JobRun, Stopped
from app.observation.directory import history_reader
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.errors import ScimError
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER
from app.settings import Settings
from app.store import integrity_check
from app.store.access import audit_rows
from app.store.database import directory_database
from app.store.directory import word_index
from tests.cheap import make_database
from tests.examples import examples
from tests.statements import recorded
from tests.store.conftest import make_app

AUTHOR = Author("0123456789abcdef", "key 1")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Days:
    """A clock that the test sets: each look at it is a millisecond later."""

    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Days:
    shown = Days()
    monkeypatch.setattr(clock, "utc_now", shown)
    return shown


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = make_app(directory_database.address(make_database(tmp_path / "recnice.sqlite3")))
    with app.app_context():
        yield app
        directory_database.file.close()


def live(days: Days, chance: random.Random, count: int) -> list[tuple[str, str]]:
    """Change users and groups on several days; return type and id of all, also of those that were deleted."""
    users: list[str] = []
    groups: list[str] = []
    for number in range(count):
        days.now += timedelta(hours=chance.randrange(1, 12))
        match chance.randrange(6) if users and groups else number % 2:
            case 0:
                values = {"userName": f"u{number}", "displayName": f"User {number}", "active": True}
                users.append(resource_operations.create(USER, values, AUTHOR).record.id)
            case 1:
                members = [{"value": one} for one in chance.sample(users, chance.randrange(len(users) + 1))]
                values = {"displayName": f"Group {number}", "members": members}
                groups.append(resource_operations.create(GROUP, values, AUTHOR).record.id)
            case 2 | 3:
                change(USER, chance.choice(users), Operation("replace", "title", f"Title {number}"))
            case 4:
                verb = chance.choice(["add", "remove"])
                some = [{"value": one} for one in chance.sample(users, chance.randrange(1, len(users) + 1))]
                change(GROUP, chance.choice(groups), Operation(verb, "members", some))
            case _:
                name = (USER, users) if chance.random() < 0.7 else (GROUP, groups)
                delete(name[0], chance.choice(name[1]))
    return [(USER.name, one) for one in users] + [(GROUP.name, one) for one in groups]


def change(resource_type: Any, id: str, operation: Operation) -> None:
    with suppress(ScimError):  # it is deleted
        resource_operations.change(resource_type, id, [operation], AUTHOR)


def delete(resource_type: Any, id: str) -> None:
    with suppress(ScimError):
        resource_operations.delete(resource_type, id, AUTHOR)


def states(everything: list[tuple[str, str]], moments: list[str]) -> dict[Any, Any]:
    types = {one.name: one for one in RESOURCE_TYPES}
    with directory_database.reading() as connection:
        return {
            (id, moment): history_reader.state_at(connection, types[name], id, moment)
            for name, id in everything
            for moment in moments
        }


def tables() -> dict[str, list[Any]]:
    with directory_database.reading() as connection:
        return {
            name: connection.exec_driver_sql(f"SELECT * FROM {name}").all()
            for name in ("event", "membership_event", "resource", "membership", "audit", "audit_summary")
        }


def never() -> None:
    """The server does not stop."""


@pytest.mark.parametrize("seed", range(examples(3)))
def test_what_is_kept_of_the_history_is_as_it_was(app: Flask, days: Days, monkeypatch: pytest.MonkeyPatch, seed: int):
    chance = random.Random(seed)
    monkeypatch.setattr(bounds, "EVENTS_PRUNED_AT_ONCE", chance.choice([2, 3, 2_000]))
    everything = live(days, chance, 60)
    while word_index.write_due(RESOURCE_TYPES):
        pass
    end = days.now
    kept_days = chance.randrange(3, 12)
    cutoff = end - timedelta(days=kept_days)
    moments = [clock.to_wire(cutoff + (end - cutoff) * step / 9) for step in range(1, 10)]
    before, rows = states(everything, moments), tables()
    days.now = end
    retention.apply(kept_days, 0, never)
    assert states(everything, moments) == before
    after = tables()
    at, rests = 1, -1
    kept = {row for row in rows["event"] if row[at] >= clock.to_wire(cutoff) or row[rests] is not None}
    assert kept <= set(after["event"]) and len(after["event"]) < len(rows["event"])
    assert [row for row in after["event"] if row not in kept] in ([], rows["event"][-1:])
    numbers = {row[0] for row in after["event"]}
    assert [row for row in rows["membership_event"] if row[1] in numbers] == after["membership_event"]
    assert (after["resource"], after["membership"]) == (rows["resource"], rows["membership"])
    assert clock.to_wire(cutoff - timedelta(seconds=5)) < retention.history_is_complete_since()
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []


def test_many_memberships_of_one_event_are_deleted_in_parts(app: Flask, days: Days, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "EVENTS_PRUNED_AT_ONCE", 10)
    members = [{"value": f"00000000-0000-4000-8000-{number:012}"} for number in range(35)]
    resource_operations.create(GROUP, {"displayName": "g", "members": members}, AUTHOR)
    resource_operations.create(USER, {"userName": "u"}, AUTHOR)
    while word_index.write_due(RESOURCE_TYPES):
        pass
    days.now += timedelta(days=2)
    with recorded() as statements:
        retention.apply(1, 0, never)
    assert sum(sql.startswith("DELETE FROM membership_event") for sql, _ in statements) == 2 * 4
    rows = tables()
    assert (len(rows["event"]), rows["membership_event"]) == (1, [])


def test_what_waits_for_its_words_stays(app: Flask, days: Days):
    for name in "ab":
        resource_operations.create(USER, {"userName": name}, AUTHOR)
    days.now += timedelta(days=2)
    retention.apply(1, 0, never)
    assert len(tables()["event"]) == 2
    while word_index.write_due(RESOURCE_TYPES):
        pass
    retention.apply(1, 0, never)
    assert len(tables()["event"]) == 1


def test_a_stop_leaves_between_two_parts(app: Flask, days: Days):
    def stop() -> None:
        raise Stopped

    resource_operations.create(USER, {"userName": "a"}, AUTHOR)
    days.now += timedelta(days=2)
    with pytest.raises(Stopped):
        retention.apply(1, 1, stop)


def write_entries(days: Days, count: int) -> None:
    for number in range(count):
        days.now += timedelta(hours=12)
        with directory_database.writing() as connection:
            audit.record(connection, HOST, Action.KEY_MADE, f"Key {number}")


def test_old_entries_of_the_audit_become_summaries(app: Flask, days: Days, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "AUDIT_ROWS_SUMMARIZED", 4)
    write_entries(days, 20)
    with directory_database.reading() as connection:
        recorded_hash = audit_rows.head(connection)[1]
    retention.apply(0, 5, never)
    with directory_database.reading() as connection:
        assert list(audit_rows.faults(connection, recorded_hash)) == []
        entries = list(audit_rows.entries(connection, 0))
    made = [entry for entry in entries if entry.action == Action.KEY_MADE.key]
    assert 9 <= len(made) <= 11 and made[-1].target == "Key 19"
    assert all(entry.at >= clock.to_wire(days.now - timedelta(days=5, minutes=1)) for entry in made)
    summaries = tables()["audit_summary"]
    assert len(summaries) == 3 and {row[2] for row in summaries} == {"retention"}
    retention.apply(0, 5, never)
    assert tables()["audit_summary"] == summaries, "nothing more is old"
    days.now += timedelta(days=30)
    retention.apply(0, 5, never)
    count = len(tables()["audit_summary"])
    for _ in range(3):
        days.now += timedelta(days=30)
        retention.apply(0, 5, never)
    assert len(tables()["audit_summary"]) == count, "a summary alone is not summarized"
    with directory_database.reading() as connection:
        assert list(audit_rows.faults(connection, recorded_hash)) == []


@pytest.mark.parametrize(("history_days", "audit_days"), [(0, 0), (0, 3), (3, 0)])
def test_no_days_keep_everything(app: Flask, days: Days, tmp_path: Path, history_days: int, audit_days: int):
    for name in "ab":
        resource_operations.create(USER, {"userName": name}, AUTHOR)
    write_entries(days, 3)
    while word_index.write_due(RESOURCE_TYPES):
        pass
    days.now += timedelta(days=100)
    settings = Settings(data=tmp_path, history_days=history_days, audit_days=audit_days)
    [job] = [one for one in job_list.JOBS if one.name == "retention"]
    assert bool(job.schedule(settings)) == bool(history_days or audit_days)
    job.work(JobRun(settings, never))
    rows = tables()
    assert len(rows["event"]) == (1 if history_days else 2)
    assert len(rows["audit_summary"]) == bool(audit_days)
