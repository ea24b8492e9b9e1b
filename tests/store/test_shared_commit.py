"""Writers who wait share a commit, and each loses nothing but its own work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest
from flask import Flask

from app import bounds
from app.administration.errors import Refused
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.errors import Code, ScimError
from app.scim.protocol_messages import Operation
from app.scim.resource_types import RESOURCE_TYPES, USER
from app.store import integrity_check
from app.store.database import directory_database, shared_commit, sqlite_driver
from app.store.database.connection import Connection
from app.store.database.connection_pool import Connections
from app.store.directory.stored_resource import Record
from tests.store.conftest import insert, user

KEY = Author("request", "key")
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT count(*) FROM n"
Outcome = object


class Company:
    """Writers who all wait before the first of them is let in, so that they share one transaction."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = app
        self.commits = 0
        self.after_run: Callable[[Connection, str], None] = lambda connection, sql: None
        run, commit = Connection.run, Connection.commit

        def note_run(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> Any:
            cursor = run(connection, sql, parameters)
            self.after_run(connection, sql)
            return cursor

        def note_commit(connection: Connection) -> None:
            self.commits += 1
            commit(connection)

        monkeypatch.setattr(Connection, "run", note_run)
        monkeypatch.setattr(Connection, "commit", note_commit)

    def write(self, names: Sequence[str]) -> dict[str, Outcome]:
        """Create a user for each name, in this order; return for each the record's name or the error's status."""
        outcomes: dict[str, Outcome] = {}
        with self.app.app_context(), directory_database.file.usable() as writers:
            pass

        def create(name: str) -> None:
            with self.app.app_context():
                try:
                    resource_operations.create(USER, {"userName": name}, KEY)
                    outcomes[name + "+" * (name in outcomes)] = "created"
                except ScimError as error:
                    outcomes[name + "+" * (name in outcomes)] = error.status

        threads = []
        writers._writing.acquire()
        for number, name in enumerate(names, start=1):
            threads.append(threading.Thread(target=create, args=(name,)))
            threads[-1].start()
            while len(writers._queue) < number:
                pass
        writers._writing.release()
        for thread in threads:
            thread.join(30)
        assert not writers._writing.locked() and not writers._queue
        return outcomes


@pytest.fixture
def company(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Company:
    return Company(app, monkeypatch)


def stored() -> list[str]:
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
        return sorted(connection.exec_driver_sql("SELECT json_extract(document, '$.userName') FROM resource").scalars())


def test_who_waits_shares_the_commit(company: Company) -> None:
    assert company.write(["a", "b", "c", "d"]) == dict.fromkeys("abcd", "created")
    assert company.commits == 1
    assert stored() == ["a", "b", "c", "d"]
    assert company.write(["e"]) == {"e": "created"}
    assert company.commits == 2


def test_no_more_than_the_bound_share_it(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "WRITERS_TOGETHER", 2)
    assert len(company.write(["a", "b", "c", "d", "e"])) == 5
    assert company.commits == 3
    assert stored() == ["a", "b", "c", "d", "e"]


def test_a_refusal_takes_back_its_own_work_only(company: Company) -> None:
    insert(USER, user(userName="taken"))
    names = ["a", "taken", "b", "A", "c"]
    outcomes = company.write(names)
    assert sorted(map(str, outcomes.values())) == ["409", "409", "created", "created", "created"]
    assert stored() == sorted({"taken", "b", "c"} | {name for name in "aA" if outcomes[name] == "created"})
    assert company.commits < 5


@pytest.mark.parametrize("place", range(1, 4))
def test_a_statement_that_is_interrupted_costs_the_others_nothing(company: Company, place: int) -> None:
    """SQLite takes the whole transaction back then."""
    inserted = 0

    def interrupt(connection: Connection, sql: str) -> None:
        nonlocal inserted
        if sql.startswith("INSERT INTO resource"):
            inserted += 1
            if inserted == place:
                connection.deadline = 0
                connection.driver.execute(f"INSERT INTO alembic_version {ENDLESS.replace('count(*)', 'max(i)')}")

    company.after_run = interrupt
    outcomes = company.write(["a", "b", "c"])
    assert sorted(map(str, outcomes.values())) == ["400", "created", "created"]
    assert stored() == [name for name in "abc" if outcomes[name] == "created"]


def disk_error(code: int) -> Exception:
    """The driver's error with that code: a real one needs a disk that is full or broken."""
    error: Exception = sqlite_driver.module.OperationalError("disk I/O error")
    error.sqlite_errorcode = code  # type: ignore[attr-defined]
    return error


FULL, BROKEN = disk_error(sqlite_driver.module.SQLITE_FULL), disk_error(sqlite_driver.module.SQLITE_IOERR)


# The driver raises MemoryError instead of an error of its own.
@pytest.mark.parametrize("error", [FULL, BROKEN, MemoryError()], ids=["full disk", "broken disk", "memory"])
def test_a_commit_that_fails_is_a_failure_for_all_who_share_it(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(connection: Connection) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", fail)
        assert company.write(["a", "b", "c"]) == dict.fromkeys("abc", 503)
    assert stored() == []
    assert company.write(["a", "b"]) == dict.fromkeys("ab", "created")


def test_a_connection_that_cannot_begin_is_not_used_again(company: Company) -> None:
    used: list[Connection] = []

    def fail(connection: Connection, sql: str) -> None:
        if sql == "BEGIN IMMEDIATE":
            used.append(connection)
            raise BROKEN

    company.after_run = fail
    assert company.write(["a"]) == {"a": 503}
    with pytest.raises(sqlite_driver.module.ProgrammingError, match="closed"):
        used[0].driver.execute("SELECT 1")


def test_a_connection_is_closed_only_when_another_one_is_open(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first connection to a file reads the whole WAL, with what a commit wrote before its sync failed."""
    failed: list[Connection] = []
    connect = sqlite_driver.connect

    def fail(connection: Connection) -> None:
        failed.append(connection)
        raise BROKEN

    def connect_beside(*arguments: Any) -> Any:
        failed[0].driver.execute("SELECT 1")  # raises an error if it is closed
        return connect(*arguments)

    assert company.write(["a"]) == {"a": "created"}
    monkeypatch.setattr(sqlite_driver, "connect", connect_beside)
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", fail)
        assert company.write(["b"]) == {"b": 503}
    with pytest.raises(sqlite_driver.module.ProgrammingError, match="closed"):
        failed[0].driver.execute("SELECT 1")
    assert company.write(["c"]) == {"c": "created"}
    assert stored() == ["a", "c"]


def test_a_refusal_is_not_answered_before_the_work_it_follows_from_is_safe(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one of a name is told so only if the first one is really there."""
    commit, failures = Connection.commit, [1]

    def fail_once(connection: Connection) -> None:
        if failures:
            failures.pop()
            raise BROKEN
        commit(connection)

    monkeypatch.setattr(Connection, "commit", fail_once)
    outcomes = company.write(["a", "A"])
    assert sorted(map(str, outcomes.values())) == ["503", "503"], "neither is told that the other has the name"
    assert stored() == []


def test_every_statement_may_fail(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each statement in turn, of three writers who share a transaction: who was told so is stored, and no other."""
    steps = 0

    def count(connection: Connection, sql: str) -> None:
        nonlocal steps
        steps += 1

    company.write(["0"])  # what the first one reads is remembered
    company.after_run = count
    company.write(["0a", "0b", "0c"])
    told = ["0", "0a", "0b", "0c"]
    for failing in range(1, steps + 1, 2):
        left = failing

        def fail(connection: Connection, sql: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise sqlite_driver.module.OperationalError("some error")

        company.after_run = fail
        names = [f"{failing}{letter}" for letter in "abc"]
        outcomes = attempt(company, names)
        told += [name for name in names if outcomes.get(name) == "created"]
        assert sum(name not in outcomes for name in names) <= 1, "one writer met the error"
        assert stored() == sorted(told), failing


def attempt(company: Company, names: list[str]) -> dict[str, Outcome]:
    """Write, with errors of the driver that nothing translates: the thread of that writer ends."""
    hook, threading.excepthook = threading.excepthook, lambda args: None
    try:
        return company.write(names)
    finally:
        threading.excepthook = hook


def test_who_writes_alone_ends_a_transaction_that_others_share(company: Company) -> None:
    """A page of the console does not see work that may still be lost."""
    seen: list[int] = []
    with directory_database.file.usable() as writers:
        pass

    def alone() -> None:
        with company.app.app_context(), directory_database.writing() as connection:
            seen.append(connection.exec_driver_sql("SELECT count(*) FROM population").scalar_one())

    thread = threading.Thread(target=alone)

    def work(connection: Connection) -> None:
        thread.start()
        connection.exec_driver_sql("INSERT INTO population VALUES ('Printer', 1, 1)")
        assert not seen

    writers.together(work)
    thread.join(30)
    assert seen == [1]
    assert company.commits == 2


def refuse_late(connection: Connection, sql: str) -> None:
    """Refuse the user of this name after its event is written."""
    if sql.startswith("INSERT INTO event"):
        refused = connection.driver.execute("SELECT name FROM event ORDER BY id DESC LIMIT 1").fetchone()[0]
        if refused == "refused":
            raise ScimError(Code.INVALID_VALUE, "userName", "another name")


def test_a_refusal_after_something_was_written_costs_the_others_nothing(company: Company) -> None:
    """There is nothing that takes back the work of one: the others do theirs again, each alone."""
    company.after_run = refuse_late
    outcomes = company.write(["a", "b", "refused", "c", "d"])
    assert outcomes == {"a": "created", "b": "created", "refused": 400, "c": "created", "d": "created"}
    assert stored() == ["a", "b", "c", "d"]
    assert company.commits == 3, "a and b alone, c and d together"


def test_an_owner_of_the_console_is_refused_without_loss_of_the_work_of_others(company: Company) -> None:
    record = insert(USER, user(userName="a"))

    def refuse(connection: Connection, record: Record) -> None:
        raise Refused

    def remove() -> None:
        with company.app.app_context(), suppress(Refused):
            resource_operations.change(USER, record.id, [Operation("remove", "title")], KEY, permit=refuse)

    thread = threading.Thread(target=remove)

    def work(connection: Connection) -> None:
        thread.start()
        connection.exec_driver_sql("INSERT INTO population VALUES ('Printer', 1, 1)")

    directory_database.write_together(work)
    thread.join(30)
    assert not thread.is_alive()
    with directory_database.reading() as connection:
        assert connection.exec_driver_sql("SELECT total FROM population WHERE type = 'Printer'").scalar_one() == 1


def test_who_gives_up_lets_the_next_writer_in(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the queue waits at the door, and the others wait for it."""
    monkeypatch.setattr(bounds, "WRITE_WAIT_S", 0.05)
    with directory_database.file.usable() as writers:
        pass
    outcomes: dict[str, Outcome] = {}

    def create(name: str) -> None:
        with company.app.app_context():
            try:
                resource_operations.create(USER, {"userName": name}, KEY)
                outcomes[name] = "created"
            except ScimError as error:
                outcomes[name] = error.status
                monkeypatch.setattr(bounds, "WRITE_WAIT_S", 20)
                later.start()

    later = threading.Thread(target=create, args=("b",))
    writers._writing.acquire()
    first = threading.Thread(target=create, args=("a",))
    first.start()
    first.join(30)
    assert outcomes == {"a": 503} and later.is_alive()
    writers._writing.release()
    later.join(30)
    assert outcomes == {"a": 503, "b": "created"}
    assert stored() == ["b"]


@pytest.mark.parametrize("place", ["begin", "give_back", "call"])
def test_a_leader_without_memory_leaves_nobody_waiting(
    company: Company, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Whoever is not called asks after the time limit, and what was committed is acknowledged."""
    failures = [1]

    def once(real: Callable[..., Any]) -> Callable[..., Any]:
        def fail_once(*arguments: Any) -> Any:
            if failures:
                failures.pop()
                if place == "begin":
                    arguments[1].popleft()  # the turn is lost
                raise MemoryError
            return real(*arguments)

        return fail_once

    owner, name = {
        "begin": (shared_commit._Batch, "__init__"),
        "give_back": (Connections, "give_back"),
        "call": (shared_commit._Turn, "call"),
    }[place]
    monkeypatch.setattr(owner, name, once(getattr(owner, name)))
    monkeypatch.setattr(bounds, "WRITE_WAIT_S", 0.5)
    outcomes = company.write(["a", "b", "c"])
    assert set(outcomes) == {"a", "b", "c"} and not failures
    assert stored() == [name for name in "abc" if outcomes[name] == "created"]
    assert place == "begin" or set(outcomes.values()) == {"created"}
    assert company.write(["d"]) == {"d": "created"}


def test_the_work_of_another_thread_sees_the_variables_of_its_writer(company: Company) -> None:
    """The current application is one of them."""
    with directory_database.file.usable() as writers:
        pass
    name: ContextVar[str] = ContextVar("name")
    seen: dict[str, tuple[str, int]] = {}

    def write(own: str) -> None:
        name.set(own)
        with company.app.app_context():
            directory_database.write_together(
                lambda connection: seen.update({own: (name.get(), threading.get_ident())})
            )

    threads = [threading.Thread(target=write, args=(own,)) for own in "abc"]
    writers._writing.acquire()
    for number, thread in enumerate(threads, start=1):
        thread.start()
        while len(writers._queue) < number:
            pass
    writers._writing.release()
    for thread in threads:
        thread.join(30)
    assert seen == {own: (own, threads[0].ident) for own in "abc"}, "the first one did the work of all"


def begin_all(company: Company, names: Sequence[str]) -> list[tuple[str, Outcome]]:
    """Create a user for each name on this thread, each before the one before it waits; return what each was told."""
    following = iter(names)
    outcomes: list[tuple[str, Outcome]] = []

    def begin_next() -> bool:
        name = next(following, None)
        if name is None:
            return False
        with company.app.app_context():
            try:
                resource_operations.create(USER, {"userName": name}, KEY)
                outcomes.append((name, "created"))
            except ScimError as error:
                outcomes.append((name, error.status))
        return True

    directory_database.use_while_waiting(begin_next)
    begin_next()
    assert shared_commit.of_thread.calls.empty()
    return outcomes


def on_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_one_thread_begins_several_and_stores_them_in_one_commit(company: Company) -> None:
    outcomes: list[tuple[str, Outcome]] = []
    on_thread(lambda: outcomes.extend(begin_all(company, ["ada", "bob", "ada", "eve"]))).join(30)
    assert outcomes == [("eve", "created"), ("ada", 409), ("bob", "created"), ("ada", "created")]
    assert company.commits == 1 and stored() == ["ada", "bob", "eve"]


def test_a_writer_who_cannot_begin_another_one_leaves_the_queue(company: Company) -> None:
    """Otherwise the next writers would wait for a thread that does something else."""

    def fail() -> bool:
        raise RecursionError

    def write() -> None:
        directory_database.use_while_waiting(fail)
        with company.app.app_context(), pytest.raises(RecursionError):
            resource_operations.create(USER, {"userName": "ada"}, KEY)
        refused.append("ada")

    refused: list[str] = []
    on_thread(write).join(30)
    assert refused == ["ada"]
    assert company.write(["bob"]) == {"bob": "created"} and stored() == ["bob"]


def test_who_was_begun_by_another_writer_repeats_lost_work(company: Company) -> None:
    company.after_run = refuse_late
    outcomes: list[tuple[str, Outcome]] = []
    on_thread(lambda: outcomes.extend(begin_all(company, ["ada", "bob", "refused", "eve"]))).join(30)
    assert sorted(outcomes) == [("ada", "created"), ("bob", "created"), ("eve", "created"), ("refused", 400)]
    assert stored() == ["ada", "bob", "eve"]


@pytest.mark.parametrize("is_before", [True, False])
def test_threads_that_begin_several_share_a_commit_with_others(company: Company, is_before: bool) -> None:
    with company.app.app_context(), directory_database.file.usable() as writers:
        pass
    outcomes: list[tuple[str, Outcome]] = []

    def begin(*names: str) -> None:
        expected = len(writers._queue) + len(names)
        threads.append(on_thread(lambda: outcomes.extend(begin_all(company, names))))
        while len(writers._queue) < expected:
            pass

    threads: list[threading.Thread] = []
    writers._writing.acquire()
    for names in [("ada", "bob"), ("eve",)][:: 1 if is_before else -1]:
        begin(*names)
    writers._writing.release()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [(name, "created") for name in ("ada", "bob", "eve")]
    assert company.commits == 1 and stored() == ["ada", "bob", "eve"]


@pytest.fixture(autouse=True)
def bounded_wait(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bounds, "WRITE_WAIT_S", 20)
    yield
