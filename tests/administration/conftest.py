"""A migrated database file, an application on it, and a clock that tests can turn."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from app import clock
from app.store import db
from tests.store.conftest import make_app, patient

__all__ = ["patient"]

PASSWORD = "a blue kettle sings"
HERE = "192.0.2.1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database file is; migrated."""
    path = tmp_path / "recnice.sqlite3"
    db.migrate(path)
    return path


@pytest.fixture
def app(path: Path) -> Iterator[Flask]:
    """An application on the file, inside its context."""
    app = make_app(db.address(path))
    with app.app_context():
        yield app
        db.db.engine.dispose()


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stops the clock; each call moves it by so many seconds, backwards too."""
    now = [datetime(2026, 3, 1, 8, tzinfo=UTC)]
    monkeypatch.setattr(clock, "utc_now", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    return move
