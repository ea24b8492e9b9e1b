"""The writer of the request log on a real file: batches, bounds, locks, pruning, and a damaged file."""

import logging
import os
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.observation import request_recorder, setup_steps
from app.observation.directory import history_reader, last_seen
from app.observation.guard import Guard, Limits
from app.observation.problem_kinds.kind_catalog import kind_of
from app.observation.request_recorder import Recorder, write
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.request_record import STORED, Request, column_of
from app.scim import errors
from app.scim.protocol_messages import Operation
from app.scim.resource_types import RESOURCE_TYPES, USER, ResourceType
from app.store import integrity_check
from app.store.database import directory_database, sqlite_driver
from app.store.database.connection import Connection
from app.store.directory import console_lists, guard_rows, word_index
from app.store.request_log import log_database, log_database_file, pruning, request_rows, setup_step_rows, tables
from app.store.request_log.request_rows import RequestFilter
from app.store.request_log.tables import LOG_VERSION
from tests.cheap import make_database
from tests.conftest import wait_until
from tests.observation.conftest import made_up, stranger
from tests.statements import recorded

KEPT_DAYS = bounds.RETENTION_DAYS_MAXIMUM
sqlite = sqlite_driver.module  # two libraries in one process would take each other's locks away
ID, OTHER = "3f1c9a52-8f59-4f0e-9a57-4f2a7a8b3c1d", "11111111-8f59-4f0e-9a57-4f2a7a8b3c1d"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A new log."""
    path = tmp_path / "recnice-requests.sqlite3"
    assert log_database_file.prepare(path) == ()
    return path


@pytest.fixture
def app(path: Path) -> Iterator[Flask]:
    """The least that the log needs, outside its context."""
    app = Flask(__name__)
    log_database.file.init_app(app, sqlite_driver.address(path))
    directory_database.file.init_app(app, sqlite_driver.address(path.with_name("recnice.sqlite3")))
    yield app
    with app.app_context():
        log_database.file.close()


@pytest.fixture
def writer(app: Flask) -> Iterator[Recorder]:
    """A recorder on it that keeps requests for long: made-up ones are old."""
    made = Recorder(app.app_context, KEPT_DAYS)
    yield made
    made.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for locks or for the next try."""
    monkeypatch.setattr(
        "app.store.database.sqlite_driver._PRAGMAS", ("busy_timeout = 0", "journal_mode = WAL", "foreign_keys = ON")
    )
    monkeypatch.setattr(request_recorder, "TRY_AGAIN_S", 0.01)


def rows(path: Path, table: str = "request") -> list[Any]:
    with closing(sqlite.connect(path, timeout=10)) as connection:
        connection.row_factory = sqlite.Row
        return connection.execute(f"SELECT * FROM {table}").fetchall()


def numbers(path: Path) -> list[str]:
    return [row["number"] for row in rows(path)]


def now(**ago: float) -> str:
    return clock.to_wire(clock.utc_now() - timedelta(**ago))


# --- batches ----------------------------------------------------------------------------------------------------------


def test_what_is_noted_is_written_soon_with_all_its_columns(writer: Recorder, path: Path):
    asked = Request(
        number="0000aaaa",
        at=now(),
        method="PATCH",
        path="Users/{id}",
        status=409,
        duration_ms=1.5,
        scim_type="uniqueness",
        reason="why",
        attribute="userName",
        key_id="k1",
        address="192.0.2.1",
        dialect="default",
        action="change",
        resource_type="User",
        resource_id=ID,
        resource_name="Ada",
        other_id=OTHER,
        body="{}",
    )
    assert writer.note(asked)
    (row,) = wait_until(lambda: rows(path), "the row is written")
    names = {column_of(one): one.name for one in STORED}
    assert names.keys() == set(row.keys()) == {column.name for column in tables.request.columns}
    given = names.keys() - {"id", "cycle_id", "key_fault"}
    assert {name: row[name] for name in given} == {name: getattr(asked, names[name]) for name in given}
    assert row["cycle_id"] == rows(path, "cycle")[0]["id"]


def test_settle_waits_until_all_is_written(writer: Recorder, path: Path):
    for number in range(50):
        asked = [made_up(number=f"{number:04x}{turn:04x}") for turn in range(20)]
        assert all(map(writer.note, asked))
        assert writer.settle(10)
        assert numbers(path)[-20:] == [one.number for one in asked]


def test_many_threads_may_note_at_once(writer: Recorder, path: Path):
    threads = [
        threading.Thread(target=lambda: [writer.note(made_up(minutes=0)) for _ in range(500)], daemon=True)
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert writer.settle(30)
    assert len(numbers(path)) == len(set(numbers(path))) == 4_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has a priority for each thread")
def test_requests_go_before_the_writing_of_their_log(writer: Recorder):
    writer.note(made_up(minutes=0))
    assert writer.settle(10) and writer._thread is not None
    nice = os.getpriority(os.PRIO_PROCESS, writer._thread.native_id or 0)
    assert nice == min(19, os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) + 5)


def test_close_writes_the_rest_and_takes_nothing_more(writer: Recorder, path: Path):
    for _ in range(bounds.REQUESTS_PER_BATCH * 2 + 3):
        writer.note(made_up())
    writer.close()
    assert len(rows(path)) == bounds.REQUESTS_PER_BATCH * 2 + 3
    assert not writer.note(made_up())
    Recorder(writer._context, KEPT_DAYS).close()  # one that never wrote has nothing to end


def test_every_fold_reads_what_is_written(writer: Recorder, path: Path):
    writer.note(
        made_up(
            method="POST",
            status=201,
            action="create",
            resource_type="User",
            resources=(("User", ID),),
            sent={"userName": "ada@example.com"},
        )
    )
    writer.note(stranger())
    assert writer.settle(10)
    for table in ("cycle", "problem", "milestone", "mention", "sighting"):
        assert rows(path, table), f"nothing reached {table}"


def test_a_fold_that_fails_costs_no_rows(
    writer: Recorder, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(connection: Connection, batch: Sequence[Request]) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(request_recorder, "UPDATES", (broken, *request_recorder.UPDATES))
    writer.note(made_up(number="0000aaaa"))
    assert writer.settle(10)
    assert numbers(path) == ["0000aaaa"]
    assert "could not be read" in caplog.text


# --- strangers and bounds ---------------------------------------------------------------------------------------------


def test_strangers_have_few_rows_a_minute_and_the_rest_is_counted(writer: Recorder, path: Path):
    noisy = [writer.note(stranger(address="192.0.2.1")) for _ in range(500)]
    assert noisy.count(True) == bounds.UNAUTHENTICATED_A_MINUTE_OF_ONE, "one address hides no other"
    others = [writer.note(stranger(address=f"192.0.2.{number % 250}")) for number in range(500)]
    assert noisy.count(True) + others.count(True) == bounds.UNAUTHENTICATED_A_MINUTE
    assert writer.note(made_up()), "who has a key is always noted"
    assert writer.settle(10)
    assert len(rows(path)) == bounds.UNAUTHENTICATED_A_MINUTE + 1
    wait_until(
        lambda: [tuple(row) for row in rows(path, "tally")] == [("strangers", 1_000 - bounds.UNAUTHENTICATED_A_MINUTE)],
        "the rest is counted",
    )


def test_a_minute_later_strangers_are_noted_again(writer: Recorder, monkeypatch: pytest.MonkeyPatch):
    assert [writer.note(stranger()) for _ in range(100)].count(True) == bounds.UNAUTHENTICATED_A_MINUTE_OF_ONE
    minute = request_recorder.time.monotonic() + 61
    monkeypatch.setattr(request_recorder.time, "monotonic", lambda: minute)
    assert writer.note(stranger())


@pytest.mark.parametrize("bound", ["REQUESTS_WAITING", "REQUESTS_WAITING_BYTES"])
def test_the_queue_is_bounded_and_what_is_dropped_is_counted(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
):
    allowed = threading.Event()
    monkeypatch.setattr(bounds, bound, 10 if bound == "REQUESTS_WAITING" else 100_000)
    writer = Recorder(lambda: (allowed.wait(30), app.app_context())[1], KEPT_DAYS)
    noted = [writer.note(made_up(sent={}), sent_bytes=2_000) for _ in range(100)]
    kept = noted.count(True)
    assert 0 < kept < 20 and noted[0] and not noted[-1]
    allowed.set()
    writer.close()
    assert len(rows(path)) == kept
    assert [tuple(row) for row in rows(path, "tally")] == [("dropped", 100 - kept)]


# --- a log that cannot be written -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
def test_a_locked_log_is_said_once_and_loses_nothing(writer: Recorder, path: Path, caplog: pytest.LogCaptureFixture):
    with closing(sqlite.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert writer.note(made_up(number="0000aaaa"))
        wait_until(lambda: "cannot be used" in caplog.text, "it is said")
        assert writer.note(made_up(number="0000bbbb"))
        assert not writer.settle(30), "nobody waits for a sick log"
        other.execute("ROLLBACK")
        # While `other` is open, no connection that looks is the last one: closing that locks the file for a moment.
        wait_until(lambda: numbers(path) == ["0000aaaa", "0000bbbb"], "both are written once it can be")
    said = [record.message for record in caplog.records if "cannot be used" in record.message]
    assert said == ["the request log cannot be used: the database is locked by another program"]
    wait_until(lambda: "can be used again" in caplog.text, "that is said as well")


@pytest.mark.usefixtures("impatient")
def test_close_gives_up_on_a_log_that_stays_locked(writer: Recorder, path: Path):
    with closing(sqlite.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer.note(made_up())
        writer.close()
        assert writer._thread is not None and not writer._thread.is_alive()
    assert rows(path) == []


def test_a_log_without_its_tables_drops_and_goes_on(app: Flask, path: Path, caplog: pytest.LogCaptureFixture):
    with closing(sqlite.connect(path)) as other:
        other.execute("DROP TABLE request")
    writer = Recorder(app.app_context, 30)
    writer.note(made_up())
    assert writer.settle(10)
    assert "could not be written" in caplog.text
    wait_until(lambda: [tuple(row) for row in rows(path, "tally")] == [("dropped", 1)], "what is lost is counted")
    writer.close()


@pytest.mark.usefixtures("impatient")
def test_a_log_that_is_damaged_while_it_runs_is_said_and_tried_again(
    app: Flask, path: Path, caplog: pytest.LogCaptureFixture
):
    fill(app, *(made_up(status=400, body="x" * 1_000) for _ in range(50)))
    with app.app_context():
        log_database.file.close()
    file_bytes(path)
    sound = path.read_bytes()
    DAMAGES["a broken page"](path)
    writer = Recorder(app.app_context, KEPT_DAYS)
    writer.note(made_up(number="0000aaaa"))
    wait_until(lambda: "cannot be used: the database is damaged" in caplog.text, "it is said")
    assert not writer.settle(1)
    writer.close()
    assert "Traceback" not in caplog.text and "ProgrammingError" not in caplog.text
    assert "1 requests could not be written" in caplog.text
    assert len(sound) == path.stat().st_size


@pytest.mark.usefixtures("impatient")
def test_a_log_that_is_locked_at_the_second_try_loses_nothing(
    writer: Recorder, path: Path, monkeypatch: pytest.MonkeyPatch
):
    tries: list[int] = []

    def broken(connection: Connection, batch: Sequence[Request]) -> None:
        tries.append(len(batch))
        raise ZeroDivisionError

    def locked(connection: Connection, asked: Sequence[object]) -> None:
        if len(tries) < 3:
            raise errors.unavailable("locked")
        insert(connection, asked)

    insert = request_rows.insert
    monkeypatch.setattr(request_recorder.detection, "update_from", broken)
    monkeypatch.setattr(request_rows, "insert", locked)
    writer.note(made_up(number="0000aaaa"))
    wait_until(lambda: numbers(path) == ["0000aaaa"], "it is written at the third try")
    assert tries == [1, 1, 1]


# --- pruning ----------------------------------------------------------------------------------------------------------


def fill(app: Flask, *asked: Request) -> None:
    with app.app_context(), log_database.writing() as connection:
        write(connection, asked)


def test_what_is_too_old_goes_with_the_next_request(app: Flask, path: Path):
    fill(app, *(replace(made_up(), at=now(days=31), number=f"old{number}") for number in range(3)))
    fill(app, replace(made_up(), at=now(days=29), number="young"))
    assert len(rows(path, "cycle")) == 2
    writer = Recorder(app.app_context, 30)
    writer.note(replace(made_up(), at=now(), number="new"))
    wait_until(lambda: numbers(path) == ["young", "new"], "the old ones are gone")
    writer.close()
    assert len(rows(path, "cycle")) == 2, "that of the old ones is gone, one for each of the others is there"


def test_what_is_too_old_goes_also_while_nobody_comes(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_recorder, "PRUNE_EVERY_S", 0.02)
    writer = Recorder(app.app_context, 30)
    writer.start()
    for turn in range(2):
        fill(app, replace(made_up(), at=now(days=31), number=f"old{turn}"))
        wait_until(lambda: not numbers(path), "it is gone")
    writer.close()


def pruned(app: Flask, before: str, most: int, most_bytes: int = bounds.REQUEST_LOG_BYTES) -> bool:
    with app.app_context(), log_database.writing() as connection:
        return pruning.prune(connection, before, most, most_bytes)


def test_too_many_rows_go_oldest_first_a_part_at_a_time(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(app, *(made_up(minutes=number / 100, number=f"{number}") for number in range(100)))
    monkeypatch.setattr(bounds, "LOG_ROWS_PRUNED_AT_ONCE", 30)
    assert [pruned(app, "", 25), pruned(app, "", 25), pruned(app, "", 25)] == [True, True, False]
    assert numbers(path) == [f"{number}" for number in range(75, 100)]


@pytest.mark.parametrize("ahead_days", [300, 10])
def test_rows_of_a_clock_that_was_ahead_keep_no_other_row(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch, ahead_days: int
):
    """Old rows are deleted a whole part at a time, also behind rows with a later time, which stay."""
    fill(app, *(replace(made_up(), at=now(days=40 - ahead_days), number=f"ahead{number}") for number in range(80)))
    fill(app, *(replace(made_up(), at=now(days=40), number=f"old{number}") for number in range(200)))
    fill(app, replace(made_up(), at=now(), number="new"))
    monkeypatch.setattr(bounds, "LOG_ROWS_PRUNED_AT_ONCE", 50)
    monkeypatch.setattr(bounds, "LOG_ROWS_SAMPLED", 10)
    assert [pruned(app, now(days=35), 1_000) for _ in range(5)] == [True, True, True, True, False]
    assert numbers(path) == [*(f"ahead{number}" for number in range(80)), "new"]
    while pruned(app, now(days=35), 3):
        pass
    assert numbers(path)[-1] == "new" and len(numbers(path)) <= 3, "too many of them go"


def test_between_two_parts_the_requests_that_wait_are_written(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rows of every table go a part at a time, and no part delays more than one batch."""
    old = [replace(made_up(), at=now(days=90 - 2 * number), number=f"old{number}", status=400) for number in range(12)]
    for one in old:  # each has a sync and a problem of its own
        fill(app, replace(one, path=one.number))
    assert [len(rows(path, name)) for name in ("request", "cycle", "problem")] == [12, 12, 12]
    monkeypatch.setattr(bounds, "LOG_ROWS_PRUNED_AT_ONCE", 5)
    monkeypatch.setattr(request_recorder, "PRUNE_NEXT_PART_S", 0.0)
    monkeypatch.setattr(request_recorder, "WRITE_AFTER_S", 0.0)
    writer, order = Recorder(app.app_context, 30), []
    prune, insert = pruning.prune, request_rows.insert

    def prune_part(connection: Connection, *limits: Any) -> bool:
        order.append([len(rows(path, name)) for name in ("request", "cycle", "problem")])
        is_more = prune(connection, *limits)
        writer.note(replace(made_up(), at=now(), number=f"new{len(order)}"))
        return is_more

    def insert_batch(connection: Connection, batch: Sequence[Request], cycle_ids: Sequence[int]) -> None:
        order.append([one.number for one in batch])
        insert(connection, batch, cycle_ids)

    monkeypatch.setattr(pruning, "prune", prune_part)
    monkeypatch.setattr(request_rows, "insert", insert_batch)
    writer.start()
    wait_until(lambda: numbers(path) == ["new1", "new3", "new5"], "the old ones are gone, and the new ones are there")
    writer.close()
    assert order == [[12, 12, 12], ["new1"], [8, 8, 7], ["new3"], [4, 3, 2], ["new5"]]


def test_a_log_that_is_too_large_shrinks_on_the_disk(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(app, *(made_up(minutes=number / 1_000, status=400, body="x" * 4_000) for number in range(2_000)))
    monkeypatch.setattr(bounds, "LOG_ROWS_PRUNED_AT_ONCE", 500)
    before = file_bytes(path)
    assert before > 8_000_000
    while pruned(app, "", 10_000, 2_000_000):
        pass
    for _ in range(10):
        with app.app_context(), log_database.writing() as connection:
            pruning.give_back(connection)
    assert 0 < len(rows(path)) < 1_000
    assert file_bytes(path) < before / 2


def file_bytes(path: Path) -> int:
    with closing(sqlite.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_new_log_is_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "recnice-requests.sqlite3"
    mask = os.umask(0)
    try:
        assert log_database_file.prepare(path) == ()
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(sqlite.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (LOG_VERSION,)
    assert log_database_file.prepare(path) == ()


def test_the_indexes_of_an_older_log_become_those_that_are_declared(tmp_path: Path):
    path = tmp_path / "recnice-requests.sqlite3"
    assert log_database_file.prepare(path) == ()
    with closing(sqlite.connect(path)) as connection:
        declared = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'").fetchall()
        connection.execute("DROP INDEX request_deed")
        connection.execute("CREATE INDEX request_key_id ON request (key_id, id)")
        assert log_database_file.prepare(path) == ()
        assert set(connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")) == set(declared)


@pytest.mark.parametrize(("is_write", "number"), [(False, 7), (True, 8)])
def test_a_batch_runs_the_same_statements_whatever_its_size(log: Connection, is_write: bool, number: int):
    """In the log, without an open problem, after the set-up: what each batch costs, whoever sent how much."""
    for step in setup_steps.SETUP_STEPS:
        setup_step_rows.reach(log, step.name, clock.to_wire(clock.utc_now()), "")
    write(log, [made_up()])

    def count(size: int) -> int:
        values: dict[str, Any] = {"sent": {"title": "x"}, "method": "POST", "action": "create"} if is_write else {}
        values["resource_type"] = "User"
        batch = [made_up(1, resources=(("User", f"{size}-{one}"),), **values) for one in range(size)]
        with recorded() as statements:
            write(log, batch)
        return len(statements)

    assert [count(size) for size in (1, 40)] == [number, number]


def test_requests_about_a_resource_are_found_in_indexes(log: Connection):
    asked = [replace(made_up(), resource_id=ID), replace(made_up(), other_id=ID), made_up(), made_up()]
    request_rows.insert(log, asked)
    with recorded() as statements:
        rows = request_rows.page(log, RequestFilter(about=(ID,), numbers=(asked[2].number,)))
    assert [one.number for one in rows] == [one.number for one in reversed(asked[:3])]
    [(statement, parameters)] = statements
    plan = str(log.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
    for index in ("request_resource_id", "request_conflict", "request_number"):
        assert f"SEARCH request USING INDEX {index}" in plan, plan


def test_a_log_without_the_newest_columns_goes_on(app: Flask, path: Path):
    about = {"status": 400, "scim_type": "invalidValue", "method": "PATCH"}
    fill(app, made_up(number="0000aaaa", **about))
    with app.app_context():
        log_database.file.close()
    for column in ("request DROP COLUMN code", "problem DROP COLUMN expected", "problem DROP COLUMN got"):
        alter(path, f"ALTER TABLE {column}")
    assert log_database_file.prepare(path) == ()
    fill(app, made_up(number="0000bbbb", code="value-too-long", **about))
    with app.app_context(), log_database.reading() as connection:
        newest = request_rows.page(connection, request_rows.RequestFilter())
    assert [(one.number, one.code, kind_of(one).name) for one in newest] == [
        ("0000bbbb", "value-too-long", "value-too-long"),
        ("0000aaaa", "", "value-wrong"),
    ]


DAMAGES = {
    "no database": lambda path: path.write_bytes(b"this is no database " * 1_000),
    "another version": lambda path: alter(path, f"PRAGMA user_version = {LOG_VERSION + 1}"),
    "tables of another program": lambda path: alter(path, "PRAGMA user_version = 0"),
    "a broken page": lambda path: path.write_bytes(path.read_bytes()[:8_192] + b"\xff" * (path.stat().st_size - 8_192)),
}


def alter(path: Path, statement: str) -> None:
    with closing(sqlite.connect(path)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_log_of_no_use_is_put_aside_and_begun_anew(app: Flask, path: Path, damage: str):
    fill(app, *(made_up(status=400, body="x" * 1_000) for _ in range(50)))
    with app.app_context():
        log_database.file.close()
    file_bytes(path)
    DAMAGES[damage](path)
    before = path.read_bytes()
    (warning,) = log_database_file.prepare(path)
    (aside,) = path.parent.glob("recnice-requests-*.sqlite3")
    assert aside.name in warning and "begun" in warning
    assert aside.read_bytes() == before
    assert rows(path) == []
    fill(app, made_up(number="0000aaaa"))
    assert numbers(path) == ["0000aaaa"]
    assert log_database_file.prepare(path) == ()


def test_a_log_that_cannot_be_opened_hinders_no_start(tmp_path: Path):
    path = tmp_path / "recnice-requests.sqlite3"
    path.mkdir()
    (warning,) = log_database_file.prepare(path)
    assert "no requests are kept" in warning
    assert list(tmp_path.iterdir()) == [path]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_page_of_requests_by_what_is_wanted_of_them(app: Flask):
    fill(
        app,
        made_up(0, number="a", resource_type="User", resource_id=ID, action="read"),
        made_up(1, number="b", status=400, action="change", key_id="k2", resource_id=OTHER),
        stranger(2, number="c", address="192.0.2.9"),
        made_up(30, number="d", action="probe"),
        made_up(31, number="e", action="bulk"),
        made_up(31, number="e", action="create", path="Bulk operation", resource_id=ID, resource_type="User"),
    )

    def found(before: int | None = None, limit: int = 50, **of: Any) -> str:
        with app.app_context(), log_database.reading() as connection:
            return "".join(row.number for row in request_rows.page(connection, RequestFilter(**of), before, limit))

    assert found() == "eedcba"
    assert (found(limit=2), found(before=5, limit=2)) == ("ee", "dc")
    assert found(resource_id=ID) == "ea"
    assert found(number="e") == "ee"
    assert (found(is_refused=True), found(is_refused=False)) == ("cb", "eeda")
    assert found(key_id="k2") == "b"
    assert found(actions=("probe", "create")) == "ed"
    assert found(address="192.0.2.9") == "c"
    assert (found(has_key=False), found(has_key=True)) == ("c", "eedba")
    assert found(cycle_id=2) == "eed"
    assert found(since=made_up(1).at, until=made_up(30).at) == "cb"
    with app.app_context(), log_database.reading() as connection:
        assert request_rows.of_number(connection, "e", 1)[0].action == "bulk"
        assert not request_rows.of_number(connection, "f", 1)


def test_who_was_spoken_of_and_who_was_not(app: Flask):
    fill(app, made_up(0, resources=(("User", ID), ("User", OTHER))), made_up(5, resources=(("User", ID),)))
    fill(app, made_up(9, status=404, resources=(("User", OTHER),)), made_up(9, resources=(("Group", "g"),)))
    fill(app, made_up(2, resources=(("User", ID),)))
    with app.app_context():
        assert last_seen.last_requests([ID, OTHER, "nobody"]) == {ID: made_up(5).at, OTHER: made_up(0).at}
        assert last_seen.silent_since("User", made_up(6).at) == [(OTHER, made_up(0).at), (ID, made_up(5).at)]
        assert last_seen.silent_since("User", made_up(6).at, start=2, count=1) == [(ID, made_up(5).at)]
        assert len(last_seen.silent_since("User", made_up(5).at)) == 1
    fill(app, made_up(10, action="delete", resource_id=OTHER, resources=(("User", OTHER),)))
    with app.app_context():
        assert last_seen.last_requests([ID, OTHER]) == {ID: made_up(5).at}


def test_errors_of_the_log_name_nobody(app: Flask, path: Path, caplog: pytest.LogCaptureFixture):
    alter(path, "DROP TABLE request")
    writer = Recorder(app.app_context, 30)
    with caplog.at_level(logging.ERROR):
        writer.note(made_up(resource_name="Ada Lovelace"))
        assert writer.settle(10)
        writer.close()
    assert "Traceback" in caplog.text or caplog.records[0].exc_info
    assert "Lovelace" not in caplog.text


def test_search_words_are_written_also_at_a_start_and_after_an_error(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A start completes what a killed server left; a directory that is busy is tried again."""
    monkeypatch.setattr(request_recorder, "TRY_AGAIN_S", 0.01)
    make_database(path.with_name("recnice.sqlite3"))
    real, errors_left = word_index.write_due, list[Exception]([errors.busy()])

    def write_due(types: Sequence[ResourceType]) -> bool:
        if errors_left:
            raise errors_left.pop(0)
        return real(types)

    monkeypatch.setattr(word_index, "write_due", write_due)

    def is_found(name: str) -> bool:
        with app.app_context(), directory_database.reading() as connection:
            return bool(console_lists.positions_with(connection, USER, name, ""))

    def make(name: str) -> None:
        with app.app_context():
            resource_operations.create(USER, {"userName": name}, Author("", "x"))

    make("ana")
    assert not is_found("ana")
    writer = Recorder(app.app_context, KEPT_DAYS, RESOURCE_TYPES)
    writer.start()
    wait_until(lambda: is_found("ana"), "the words of the time before are written")
    make("bea")
    errors_left.append(ValueError("odd"))
    writer.note(made_up())
    assert writer.settle(10)
    assert not errors_left and not is_found("bea") and "could not be written" in caplog.text
    writer.note(made_up())
    assert writer.settle(10)
    assert is_found("bea"), "a page that waits for the log waits for the words"
    writer.close()
    with app.app_context():
        directory_database.file.close()


@pytest.fixture
def directory(app: Flask, path: Path) -> Path:
    """The directory's database beside the log, migrated."""
    return make_database(path.with_name("recnice.sqlite3"))


def jobs(directory: Path) -> dict[str, tuple[bool, str | None]]:
    """Whether each job has run, and how it failed."""
    return {row["name"]: (bool(row["ran"]), row["failure"]) for row in rows(directory, "job")}


def test_each_job_says_when_it_ran_and_how_it_ended(
    app: Flask, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "WRITES_BEFORE_CHECKPOINT", 1)
    assert jobs(directory) == dict.fromkeys(("checkpoint", "guard", "pruning", "words"), (False, None))
    with app.app_context():
        resource_operations.create(USER, {"userName": "ana"}, Author("", "x"))
    writer = Recorder(app.app_context, KEPT_DAYS, RESOURCE_TYPES, Guard(Limits()))
    writer.start()
    wait_until(
        lambda: jobs(directory) == dict.fromkeys(("checkpoint", "guard", "pruning", "words"), (True, None)), "all ran"
    )
    writer.close()

    def fail(*_: object) -> bool:
        raise ValueError("odd")

    with monkeypatch.context() as patched:
        patched.setattr(word_index, "write_due", fail)
        patched.setattr(pruning, "prune", fail)
        patched.setattr(guard_rows, "mark", fail)
        patched.setattr(directory_database.file, "checkpoint", fail)
        writer = Recorder(app.app_context, KEPT_DAYS, RESOURCE_TYPES, Guard(Limits()))
        writer.start()
        failed = dict.fromkeys(("checkpoint", "guard", "pruning", "words"), (True, "ValueError"))
        wait_until(lambda: jobs(directory) == failed, "all failed")
        writer.close()
    with app.app_context():
        with directory_database.reading() as connection:
            sentences = integrity_check.warnings(connection)
            assert integrity_check.check(connection, RESOURCE_TYPES) == []
        directory_database.file.close()
    assert [sentence.partition(":")[0] for sentence in sentences] == [f"background job {name}" for name in failed]


@pytest.mark.usefixtures("directory")
def test_the_history_outlives_the_requests(app: Flask, path: Path) -> None:
    """Who changed what from what to what, by which request, when the request log has nothing of it."""
    with app.app_context():
        user = resource_operations.create(USER, {"userName": "ana"}, Author("a1", "key 1a2b3c4d")).record
        title = [Operation("replace", "title", "Chief")]
        resource_operations.change(USER, user.id, title, Author("a2", "key 1a2b3c4d"))
        resource_operations.delete(USER, user.id, Author("a3", "key 1a2b3c4d"))
    fill(app, *(made_up(number=f"a{number}", resource_id=user.id) for number in (1, 2, 3)))
    pruned(app, now(), 0)
    assert rows(path) == []
    with app.app_context():
        events = history_reader.events_of(USER, user.id)
        assert history_reader.events_of_requests(["a2"]) == {"a2": events[1:2]}
        directory_database.file.close()
    assert [(event.request, event.actor) for event in events] == [(f"a{n}", "key 1a2b3c4d") for n in (3, 2, 1)]
    assert [{one.attribute: (one.old, one.new) for one in event.changes} for event in events] == [
        {"title": ("Chief", None), "userName": ("ana", None)},
        {"title": (None, "Chief")},
        {"userName": (None, "ana")},
    ]
