"""A clock that was set back is noticed: by what this process has seen, and by what was stored before a restart."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from app import bounds, clock
from app.administration import disk_usage
from app.administration.readiness import Readiness
from app.store.database import directory_database
from app.store.directory import history_rows
from app.store.directory.history_rows import Author, Moves

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    monkeypatch.setattr(bounds, "WRITE_PROBE_S", 0)
    return lambda moment: monkeypatch.setattr(clock, "utc_now", lambda: moment)


def warnings(readiness: Readiness) -> set[str]:
    assert not readiness.refusal()
    return set(readiness.warnings)


def test_a_clock_that_was_set_back_is_a_warning(app: Flask, path: Path, show: Callable[[datetime], None]) -> None:
    storage = partial(disk_usage.storage, path, path.with_name("log"))
    show(NOON)
    readiness = Readiness(app.app_context, storage)
    with app.app_context():
        assert warnings(readiness) == set()
        show(NOON - timedelta(seconds=bounds.CLOCK_BACK_S))
        assert warnings(readiness) == set()
        show(NOON - timedelta(hours=2))
        assert warnings(readiness) == {"clock"}
        assert readiness.warnings["clock"] == "The clock was set back: it has shown 2026-11-30T12:00:00.000Z"
        assert warnings(Readiness(app.app_context, storage)) == set(), "nothing is stored yet"
        with directory_database.writing() as connection:
            row = {"at": clock.to_wire(NOON), "resource_type": "User", "resource_id": "1", "name": "ada", "version": 1}
            history_rows.record(connection, Author("", "x"), "create", row, (), Moves())
        show(NOON - timedelta(hours=2))
        assert warnings(Readiness(app.app_context, storage)) == {"clock"}
        show(NOON + timedelta(hours=1))
        assert warnings(readiness) == set()
