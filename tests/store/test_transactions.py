"""Transactions: nothing lost, nothing half done, and a database that cannot be used answers 503."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import bounds
from app.scim.derived_values import DerivedValues
from app.scim.errors import ScimError
from app.scim.resource_types import USER
from app.store.access import administrator_rows
from app.store.access.administrator_rows import AdministratorRow
from app.store.database import directory_database, sqlite_driver
from app.store.database.connection import Connection
from app.store.directory import resource_rows
from app.store.directory.tables import population
from tests.conftest import wait_until
from tests.store.conftest import finished_meanwhile, held, insert, make_app, user


def total() -> int:
    with directory_database.reading() as connection:
        return connection.execute(select(population.c.total)).scalar_one()


def test_two_threads_that_read_and_then_write_lose_nothing(app: Flask) -> None:
    insert(USER, user())
    rounds = 200
    failures: list[BaseException] = []

    def count() -> None:
        try:
            with app.app_context():
                for _ in range(rounds):
                    with directory_database.writing() as connection:
                        before = connection.execute(select(population.c.total)).scalar_one()
                        connection.execute(update(population).values(total=before + 1))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert total() == 1 + 2 * rounds


def test_a_reader_is_not_kept_waiting_and_sees_one_state(app: Flask) -> None:
    insert(USER, user())
    with directory_database.reading() as reader:
        assert reader.execute(select(population.c.total)).scalar_one() == 1
        with directory_database.writing() as connection:
            resource_rows.insert(connection, DerivedValues(USER, user()))
            assert total() == 1, "not yet committed"
        assert reader.execute(select(population.c.total)).scalar_one() == 1, "the state at the first look"
    assert total() == 2


def test_an_exception_takes_everything_back(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), directory_database.writing() as connection:
        resource_rows.insert(connection, DerivedValues(USER, user()))
        raise ZeroDivisionError
    with directory_database.reading() as connection:
        assert connection.execute(select(population)).all() == []
    insert(USER, user())


def test_what_is_written_while_reading_is_not_kept(app: Flask) -> None:
    insert(USER, user())
    with directory_database.reading() as connection:
        connection.execute(update(population).values(total=9))
    assert total() == 1


def test_a_row_comes_back_as_it_was_stored_and_a_constraint_refuses_another(app: Flask) -> None:
    ada = AdministratorRow("1", "Ada", "ada", "x", "2026", True, "owner")
    with directory_database.writing() as connection:
        administrator_rows.add(connection, ada)
    with directory_database.reading() as connection:
        assert administrator_rows.list_all(connection) == [ada]
    with pytest.raises(sqlite_driver.module.IntegrityError), directory_database.writing() as connection:
        administrator_rows.add(connection, replace(ada, id="2"))


def test_connections_are_set_for_durability(app: Flask) -> None:
    expected = {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000, "trusted_schema": 0,
        "cell_size_check": 1, "temp_store": 2, "journal_size_limit": 64 * 1024 * 1024, "cache_size": -4_096,
    }  # fmt: skip
    with directory_database.reading() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in expected}
    assert found == expected


def test_an_address_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "a?b=c%20d#e" / "recnice.sqlite3"
    directory_database.migrate(path)
    with make_app(directory_database.address(path)).app_context():
        insert(USER, user())
        directory_database.file.close()
    assert path.stat().st_size > 0
    assert [file.name for file in tmp_path.iterdir()] == ["a?b=c%20d#e"]


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """Expects 503 with Retry-After and that reason."""
    with pytest.raises(ScimError) as caught:
        yield
    assert caught.value.status == 503
    assert caught.value.headers["Retry-After"].isdigit()
    assert reason in caught.value.detail


@pytest.fixture
def impatient(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that wait for SQLite's lock only a moment."""
    monkeypatch.setattr(sqlite_driver, "BUSY_TIMEOUT_MS", 20)
    directory_database.file.close()


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_is_unavailable_for_writers_only(app: Flask, path: Path) -> None:
    insert(USER, user())
    other = sqlite_driver.connect(sqlite_driver.address(path))
    other.execute("BEGIN IMMEDIATE")
    with refused("locked"), directory_database.writing():
        raise AssertionError("inside without the lock")
    assert total() == 1
    other.execute("ROLLBACK")
    other.close()
    insert(USER, user())
    assert total() == 2


def test_text_that_is_not_utf_8_is_damage(app: Flask) -> None:
    for door in (directory_database.reading, directory_database.writing):
        with refused("text that is not UTF-8"), door() as connection:
            connection.exec_driver_sql("SELECT CAST(x'ff' AS TEXT)").all()


def knock(app: Flask, wait: bool) -> int:
    """Write in another thread; return the status of the answer."""
    caught: list[int] = []

    def write() -> None:
        with app.app_context():
            try:
                with directory_database.writing(wait):
                    caught.append(200)
            except ScimError as error:
                caught.append(error.status)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    (status,) = caught
    return status


def test_a_writer_does_not_wait_for_ever_at_the_door(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "WRITE_WAIT_S", 0.02)
    with directory_database.writing():
        assert knock(app, wait=True) == 503


def test_who_does_not_wait_is_refused_at_once_by_a_writer_of_this_process(app: Flask) -> None:
    with directory_database.writing():
        assert knock(app, wait=False) == 503
    assert knock(app, wait=False) == 200


@pytest.mark.usefixtures("patient")
def test_who_does_not_wait_is_refused_at_once_by_another_process(app: Flask, path: Path) -> None:
    with held(path):
        finished_meanwhile(app, knock_without_waiting)
    with directory_database.writing(wait=False) as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == sqlite_driver.BUSY_TIMEOUT_MS


def knock_without_waiting() -> None:
    with refused("locked"), directory_database.writing(wait=False):
        raise AssertionError("inside without the lock")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT count(*) FROM n"


def test_a_transaction_over_its_time_is_interrupted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bounds, "STATEMENT_S", 0)
        with pytest.raises(ScimError) as reader, directory_database.reading() as connection:
            connection.exec_driver_sql(ENDLESS)
        with pytest.raises(ScimError) as writer, directory_database.writing() as connection:
            resource_rows.insert(connection, DerivedValues(USER, user()))
            connection.exec_driver_sql(ENDLESS)
        for caught in (reader, writer):
            assert (caught.value.status, caught.value.scim_type) == (400, "tooMany")
            assert "longer than 0 seconds" in caught.value.detail
        with directory_database.reading() as connection:
            directory_database.lift_time_limit(connection)
            assert connection.exec_driver_sql(ENDLESS).scalar_one() == 100_000
    with directory_database.reading() as connection:
        assert connection.exec_driver_sql(ENDLESS).scalar_one() == 100_000, "the limit is gone from the connection"
        assert connection.execute(select(population)).all() == [], "nothing half done"


def test_a_transaction_of_many_short_statements_ends_at_its_time_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite looks at the time limit after 10,000 steps of one statement; a snapshot must not be kept for longer."""
    monkeypatch.setattr(bounds, "STATEMENT_S", 0.01)

    def is_answered(connection: Connection) -> bool:
        return connection.exec_driver_sql("SELECT 1").scalar() != 1

    for transaction in (directory_database.reading, directory_database.reading_once, directory_database.writing):
        with pytest.raises(ScimError, match="longer than 0.01 seconds"), transaction() as connection:
            wait_until(partial(is_answered, connection), "the time limit ends it")


def test_a_full_disk_is_unavailable_until_there_is_room(app: Flask) -> None:
    insert(USER, user())

    def limit(pages: str) -> None:
        with directory_database.reading() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with directory_database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit(str(pages + 1))
    with refused("full"):
        for _ in range(10):
            insert(USER, user(x509Certificates=[{"value": "QUJD" * 4_000}]))
    stored = total()
    with directory_database.reading() as connection:
        there = connection.exec_driver_sql("SELECT count(*) FROM resource").scalar_one()
    assert there == stored, "nothing half-written"
    limit("1073741823")
    insert(USER, user(x509Certificates=[{"value": "QUJD" * 4_000}]))
    assert total() == stored + 1


def in_file(path: Path, **query: str) -> Flask:
    return make_app(f"{sqlite_driver.address(path)}?{urlencode(query)}")


def test_a_file_that_cannot_be_written_is_unavailable_for_writers_only(app: Flask, path: Path) -> None:
    insert(USER, user())
    with in_file(path, mode="ro").app_context():
        assert total() == 1
        with refused("written"):
            insert(USER, user())
        directory_database.file.close()


def test_a_missing_file_is_unavailable(tmp_path: Path) -> None:
    with in_file(tmp_path / "none.sqlite3", mode="rw").app_context(), refused("opened"), directory_database.reading():
        raise AssertionError("inside without a database")


def test_a_file_that_is_gone_takes_no_transaction_and_no_new_connection(app: Flask) -> None:
    insert(USER, user())
    with refused("removed or replaced"), directory_database.writing() as connection:
        connection.execute(update(population).values(total=7))
        directory_database.file.abandon("The file was removed or replaced")
    with refused("removed or replaced"), directory_database.reading():
        raise AssertionError("inside without a database")
    connections = directory_database.file._writers().connections
    connections.drop(connection)
    assert not connections._idle, "a connection in its place would be one to another file"


def test_a_damaged_file_is_unavailable(app: Flask, path: Path) -> None:
    for _ in range(50):
        insert(USER, user(title="x" * 500))
    directory_database.file.close()
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (path.stat().st_size - 4096 * 2))
    with refused("damaged"), directory_database.reading() as connection:
        connection.exec_driver_sql("SELECT sum(length(document)) FROM resource").scalar_one()


def test_too_many_connections_are_unavailable(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "CONNECTION_WAIT_S", 0.02)

    def nested(depth: int) -> None:
        with directory_database.reading():
            nested(depth + 1)

    with refused("busy"):
        nested(0)


def test_who_waits_for_a_connection_gets_the_next_one_that_is_free(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the place of one that is closed because of an error."""
    monkeypatch.setattr(bounds, "POOLED_CONNECTIONS", 1)
    connections = directory_database.file._writers().connections
    assert not connections._count - len(connections._idle)
    connections.close()
    for end in (connections.give_back, connections.drop):
        taken = [connections.take(), connections.take()]
        got: list[Connection] = []
        waiting = threading.Thread(target=lambda got=got: got.append(connections.take()))
        waiting.start()
        wait_until(lambda: connections._waiting, "a thread waits")
        end(taken[0])
        waiting.join()
        assert (got[0] is taken[0]) == (end == connections.give_back)
        for connection in (taken[1], got[0]):
            connections.give_back(connection)
    assert connections._count == 2


def test_other_errors_are_not_hidden(app: Flask) -> None:
    with (
        pytest.raises(sqlite_driver.module.OperationalError, match="no such table"),
        directory_database.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM nowhere")


def test_after_a_disk_error_the_connection_is_not_used_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(USER, user())
    used: list[Any] = []
    run = Connection.run

    def fail(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Fail as if the disk had: a real disk error needs another process to make it."""
        used.append(connection)
        if sql.startswith("INSERT"):
            error = sqlite_driver.module.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite_driver.module.SQLITE_IOERR | 4 << 8
            raise error
        return run(connection, sql, parameters)

    with monkeypatch.context() as patch, refused("disk reports an error"):
        patch.setattr(Connection, "run", fail)
        insert(USER, user())
    with pytest.raises(sqlite_driver.module.ProgrammingError, match="closed"):
        used[-1].driver.execute("SELECT 1")
    assert total() == 1


def test_a_checkpoint_comes_after_many_writes_and_not_in_a_request(
    app: Flask, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "WRITES_BEFORE_CHECKPOINT", 3)

    def copied() -> int:
        """How many users are in the file itself."""
        copy = tmp_path / "copy.sqlite3"
        copy.write_bytes(path.read_bytes())
        with closing(sqlite_driver.connect(sqlite_driver.address(copy))) as driver:
            return int(driver.execute("SELECT count(*) FROM resource").fetchone()[0])

    for expected in (0, 0, 3, 3, 3, 6):
        insert(USER, user())
        directory_database.file.checkpoint()
        assert copied() == expected


def test_the_version_of_the_library_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert directory_database.sqlite_version() == sqlite_driver.module.sqlite_version
    monkeypatch.setattr(sqlite_driver, "SAFE_VERSION", (0, 0, 0))
    assert sqlite_driver.version_warning() is None
    monkeypatch.setattr(sqlite_driver, "SAFE_VERSION", (999, 0, 0))
    assert directory_database.sqlite_version() in str(sqlite_driver.version_warning())
