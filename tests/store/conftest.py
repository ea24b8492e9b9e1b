"""A real database file for each test, and documents to put into it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.scim.derived_values import DerivedValues
from app.scim.filter_tree import Node
from app.scim.grammar import parse
from app.scim.resource_types import GROUP, USER, ResourceType
from app.scim.search_request import Search, TypeSearch
from app.store.database import directory_database, sqlite_driver
from app.store.database.directory_database import Connection
from app.store.directory import resource_rows, scim_lists, word_index
from app.store.directory.stored_resource import Record
from tests.cheap import make_database


def make_app(address: str) -> Flask:
    """The least that the database needs."""
    app = Flask(__name__)
    directory_database.file.init_app(app, address)
    return app


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database file is; migrated."""
    return make_database(tmp_path / "recnice.sqlite3")


@pytest.fixture
def app(path: Path) -> Iterator[Flask]:
    """An application on the file, inside its context."""
    app = make_app(directory_database.address(path))
    with app.app_context():
        yield app
        directory_database.file.close()


@pytest.fixture
def patient(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that wait for SQLite's lock longer than any test."""
    monkeypatch.setattr(sqlite_driver, "BUSY_TIMEOUT_MS", 600_000)
    directory_database.file.close()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """SQLite's write lock in the hands of somebody else."""
    other = sqlite_driver.connect(sqlite_driver.address(path))
    other.execute("BEGIN IMMEDIATE")
    yield
    assert other.in_transaction
    other.execute("ROLLBACK")
    other.close()


def finished_meanwhile(app: Flask, work: Callable[[], object]) -> None:
    """Does the work in a thread and asserts that it comes to its end, and well."""
    ended: list[object] = []

    def run() -> None:
        with app.app_context():
            work()
            ended.append(work)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    assert ended, "it waits, or it failed"


def user(**values: Any) -> dict[str, Any]:
    """A user's document as it is stored. `userName` is new unless it is given."""
    return _document(USER, {"userName": f"{uuid.uuid4()}@recnice.com"} | values)


def group(**values: Any) -> dict[str, Any]:
    """A group's document as it is stored."""
    return _document(GROUP, {"displayName": f"Group {uuid.uuid4()}"} | values)


def _document(resource_type: ResourceType, values: dict[str, Any]) -> dict[str, Any]:
    return resource_type.load(values) | {"id": str(uuid.uuid4())}


def insert(resource_type: ResourceType, document: dict[str, Any]) -> Record:
    """Stores one document in a transaction of its own, and its words, which the thread of the request log would."""
    values = DerivedValues(resource_type, document)
    with directory_database.writing() as connection:
        record = resource_rows.insert(connection, values)
        word_index.write(connection, {record.position: word_index.to_words(values)})
        return record


def save(connection: Connection, record: Record, document: dict[str, Any]) -> Record:
    """Saves another document of a user."""
    before, after = DerivedValues(USER, record.content), DerivedValues(USER, document)
    saved = resource_rows.save(connection, record, before, after)
    word_index.write(connection, {record.position: word_index.to_words(after)})
    return saved


def delete(connection: Connection, resource_type: ResourceType, record: Record) -> None:
    """Deletes a resource, and its words."""
    values = DerivedValues(resource_type, record.content)
    resource_rows.delete(connection, resource_rows.load_for_deletion(connection, resource_type, record.id), values)
    word_index.write(connection, {record.position: None})


def where(text: str, resource_type: ResourceType = USER) -> Node:
    """A filter's tree."""
    return parse(text, resource_type.tree)


Find = Callable[..., list[str]]


@pytest.fixture
def find(app: Flask) -> Find:
    """The ids that a filter finds, in order of creation."""

    def found(text: str, resource_type: ResourceType = USER) -> list[str]:
        with directory_database.reading() as connection:
            page = scim_lists.find(
                connection, Search((TypeSearch(resource_type, where(text, resource_type)),), count=1_000)
            )
        assert page.total == len(page.records)
        return [record.id for record in page.records]

    return found
