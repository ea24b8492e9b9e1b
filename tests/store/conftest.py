"""A real database file for each test, and documents to put into it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import URL

from app.scim.filter import Node
from app.scim.grammar import parse
from app.scim.resource_types import GROUP, USER, ResourceType
from app.scim.search import Search, Sought
from app.store import db, pages, resources
from app.store.record import Record


def make_app(address: URL) -> Flask:
    """The least that Flask-SQLAlchemy needs."""
    app = Flask(__name__)
    app.config.update(SQLALCHEMY_DATABASE_URI=address, SQLALCHEMY_ENGINE_OPTIONS=db.engine_options())
    db.db.init_app(app)
    return app


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


def user(**values: Any) -> dict[str, Any]:
    """A user's document as it is stored. `userName` is new unless it is given."""
    return _document(USER, {"userName": f"{uuid.uuid4()}@recnice.com"} | values)


def group(**values: Any) -> dict[str, Any]:
    """A group's document as it is stored."""
    return _document(GROUP, {"displayName": f"Group {uuid.uuid4()}"} | values)


def _document(resource_type: ResourceType, values: dict[str, Any]) -> dict[str, Any]:
    return resource_type.load(values) | {"id": str(uuid.uuid4())}


def insert(resource_type: ResourceType, document: dict[str, Any]) -> Record:
    """Stores one document in a transaction of its own."""
    with db.writing() as connection:
        return resources.insert(connection, resource_type, document)


def where(text: str, resource_type: ResourceType = USER) -> Node:
    """A filter's tree."""
    return parse(text, resource_type.tree)


Find = Callable[..., list[str]]


@pytest.fixture
def find(app: Flask) -> Find:
    """The ids that a filter finds, in order of creation."""

    def found(text: str, resource_type: ResourceType = USER) -> list[str]:
        with db.reading() as connection:
            page = pages.find(connection, Search((Sought(resource_type, where(text, resource_type)),), count=1_000))
        assert page.total == len(page.records)
        return [record.id for record in page.records]

    return found
