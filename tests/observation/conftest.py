"""A request log of its own in this process, and made-up requests for it."""

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.request_record import Request
from app.store.database import sqlite_driver
from app.store.database.connection import Connection
from app.store.request_log import log_database_file

BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def after(minutes: float) -> str:
    """A moment in wire form, so many minutes after the beginning."""
    return clock.to_wire(BEGIN + timedelta(minutes=minutes))


def made_up(minutes: float = 0, **of: Any) -> Request:
    """A read of Users with a right key, as far as nothing else is said."""
    told: dict[str, Any] = {"method": "GET", "path": "Users", "status": 200, "key_id": "k1", "action": "list"}
    return Request(**{"number": f"{next(_numbers):08x}", "at": after(minutes)} | told | of)


def person(minutes: float = 0, name: str = "ana", **of: Any) -> Request:
    """A POST of somebody, which succeeds as far as nothing else is said."""
    told = {"method": "POST", "status": 201, "action": "create", "resource_type": "User", "resource_name": name}
    return made_up(minutes, **told | {"objects": (f"User userName {name}",)} | of)


def taken(minutes: float = 0, name: str = "ana", **of: Any) -> Request:
    """The same POST, refused because somebody else has the name."""
    reason = f'userName: expected a value that no other resource has, got "{name}"'
    told = {"status": 409, "scim_type": "uniqueness", "attribute": "userName", "reason": reason, "other_id": "other"}
    told |= {"code": "uniqueness", "expected": "a value that no other resource has", "got": f'"{name}"'}
    return person(minutes, name, **told | of)


def stranger(minutes: float = 0, fault: str = "foreign", **of: Any) -> Request:
    """A request whose key is wrong."""
    told = {"status": 401, "key_id": "", "key_fault": fault, "action": "", "objects": ("connection",)}
    return made_up(minutes, **told | {"attribute": "Authorization"} | of)


@contextmanager
def empty_log(folder: Path) -> Iterator[Connection]:
    """An open connection to an empty log."""
    path = folder / "log.sqlite3"
    assert log_database_file.prepare(path) == ()
    with closing(sqlite_driver.connect(sqlite_driver.address(path))) as driver:
        yield Connection(driver)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Connection]:
    """The same for one test."""
    with empty_log(tmp_path) as connection:
        yield connection
