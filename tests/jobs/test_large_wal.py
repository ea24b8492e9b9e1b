"""A reader that keeps an old state of the database: what is noticed, and what happens when it ends."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds
from app.administration import disk_usage
from app.jobs import large_wal
from app.store.database import directory_database, sqlite_driver
from app.store.request_log import log_database, log_database_file
from tests.conftest import Appliance, with_values
from tests.web.visitor import set_up

WAL_BYTES = 300_000


def written(path: Path) -> None:
    """Let another program write more into the WAL of a database than is allowed."""
    with closing(sqlite_driver.connect(sqlite_driver.address(path))) as driver:
        driver.execute("CREATE TABLE IF NOT EXISTS much (text)")
        driver.execute("INSERT INTO much VALUES (randomblob(?))", (2 * WAL_BYTES,))


@pytest.fixture
def reader(path: Path) -> Iterator[Any]:
    """A connection that keeps the state of now, as one of another program would."""
    with closing(sqlite_driver.connect(sqlite_driver.address(path))) as driver:
        driver.execute("BEGIN")
        driver.execute("SELECT count(*) FROM resource").fetchone()
        yield driver


def test_a_wal_that_a_reader_keeps_is_noticed_and_emptied_after_it(
    app: Flask, path: Path, reader: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bounds, "WAL_BYTES", WAL_BYTES)
    requests = path.with_name("requests.sqlite3")
    log_database_file.prepare(requests)
    log_database.file.init_app(app, directory_database.address(requests))
    large_wal.look(path, requests)
    assert caplog.messages == []
    with directory_database.reading():  # a connection stays open, as in a server: the last one would empty the WAL
        pass
    written(path)
    large_wal.look(path, requests)
    assert caplog.messages == ["the WAL of recnice.sqlite3 has 0 MiB: a program reads the database and does not end"]
    assert disk_usage.wal_bytes(path) > WAL_BYTES
    reader.execute("ROLLBACK")
    large_wal.look(path, requests)
    assert disk_usage.wal_bytes(path) == 0
    with directory_database.reading() as connection:
        assert connection.exec_driver_sql("SELECT length(text) FROM much").scalar() == 2 * WAL_BYTES
    assert len(caplog.messages) == 1
    log_database.file.close()


def test_status_says_that_a_program_keeps_an_old_state(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(program=with_values(bounds__WAL_BYTES=WAL_BYTES)).start()
    visitor = set_up(appliance)
    assert "keeps an old state of the database open" not in visitor.get("/").text
    with closing(sqlite_driver.connect(sqlite_driver.address(appliance.data / "recnice.sqlite3"))) as driver:
        driver.execute("BEGIN")
        driver.execute("SELECT count(*) FROM resource").fetchone()
        written(appliance.data / "recnice.sqlite3")
        page = visitor.get("/").text
    assert "keeps an old state of the database open" in page
    assert f"ends after {bounds.STATEMENT_S} seconds" in page
