"""This module records the SQL statements that a block of a test runs."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from app.store.database.connection import Connection


@contextmanager
def recorded() -> Iterator[list[tuple[str, Sequence[Any]]]]:
    """Yield a list that receives text and parameters of each statement of this thread; one for many rows is one."""
    statements: list[tuple[str, Sequence[Any]]] = []
    thread = threading.get_ident()

    def noted(name: str) -> Any:
        run = getattr(Connection, name)

        def note(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> Any:
            if threading.get_ident() == thread:
                statements.append((sql, parameters))
            return run(connection, sql, parameters)

        return note

    with pytest.MonkeyPatch.context() as patch:
        for name in ("run", "run_many"):
            patch.setattr(Connection, name, noted(name))
        yield statements
