"""This module runs Core statements on a connection of the SQLite driver.

Each statement is compiled once. SQLAlchemy's own connection, pool and result would take several times as long as
SQLite needs to run the statement (docs/decisions/0049-statements-on-the-driver.md).
"""

from __future__ import annotations

import time
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import NoResultFound
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import LRUCache

from app import bounds
from app.scim.errors import Code, ScimError, unavailable
from app.store.database import sqlite_driver
from app.store.database.columns import Switch

DIALECT = sqlite.dialect()
Row = Any
"""A row: a named tuple with the names of the statement's columns."""


class Memory:
    """What one application remembers of its database, with the generation number of that state.

    See also: remembered_reads.py (fills it). Threads need no lock: each reads or replaces the pair as a whole.
    `refusal`: a sentence that says why no transaction may use the file any longer; "" while it may be used.
    """

    __slots__ = ("__weakref__", "pair", "refusal")

    def __init__(self) -> None:
        self.pair: tuple[int, dict[Any, Any]] = (0, {})
        self.refusal = ""


class Connection:
    """A connection in a transaction.

    `driver` is the driver's connection, for what Core cannot express. A statement that still runs at the `deadline`, a
    time of `time.monotonic`, is interrupted, and a later one is refused; None is no limit. All connections of an
    application have one `memory`. `generation` is the number of the state that a transaction saw last, None before it
    is read; `keeps_generation`: the transaction does not change it.
    """

    __slots__ = ("__weakref__", "deadline", "driver", "generation", "keeps_generation", "memory")

    def __init__(self, driver: Any, memory: Memory | None = None) -> None:
        self.driver = driver
        self.memory = memory or Memory()
        self.deadline: float | None = None
        self.generation: int | None = None
        self.keeps_generation = False
        sqlite_driver.set_time_limit(driver, lambda: self.deadline is not None and time.monotonic() >= self.deadline)

    def execute(self, statement: Executable, parameters: Mapping[str, Any] | list[Any] | None = None) -> Result:
        """Run a statement once, or once for each mapping of a list; raise the driver's errors."""
        if isinstance(parameters, list):
            text = _compiled(statement, parameters[0])
            return self.run_many(text.sql, [text.bind(one) for one in parameters])
        text = _compiled(statement, parameters or {})
        cursor = self.run(text.sql, text.bind(parameters or {}))
        return Result(cursor, text.to_row or text.read_columns(cursor))

    def insert(self, statement: Executable, parameters: Mapping[str, Any]) -> int:
        """Insert one row, and return the number that the database gave it: RETURNING would take as long as the rest."""
        text = _compiled(statement, parameters)
        return int(self.run(text.sql, text.bind(parameters)).lastrowid)

    def tuples(self, statement: Executable, parameters: Mapping[str, Any]) -> Any:
        """Return the driver's cursor, whose rows have no names and no switches."""
        text = _compiled(statement, parameters)
        return self.run(text.sql, text.bind(parameters))

    def exec_driver_sql(self, sql: str, parameters: Sequence[Any] = ()) -> Result:
        """Run SQL text with `?` for each parameter."""
        cursor = self.run(sql, parameters)
        return Result(cursor, _row_maker(cursor))

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the driver's cursor; every statement with at most one set of parameters is run here.

        Raises TOO_MANY at the deadline, which SQLite does not look at in a short statement.
        """
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise over_time()
        return self.driver.execute(sql, parameters)

    def run_many(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Result:
        """Run a statement without rows for each set of parameters."""
        return Result(self.driver.executemany(sql, parameters), tuple)

    def commit(self) -> None:
        """Commit the transaction. Raises UNAVAILABLE if the file is abandoned: the next start would not find it."""
        if self.memory.refusal:
            raise unavailable(self.memory.refusal)
        self.driver.execute("COMMIT")


def over_time() -> ScimError:
    """Return the refusal of a transaction at its deadline: its snapshot keeps the WAL from being emptied."""
    return ScimError(Code.TOO_MANY, sentence=f"The request took longer than {bounds.STATEMENT_S} seconds")


class Result:
    """The rows of a statement, read while they are iterated over; it is over when the transaction is."""

    __slots__ = ("_cursor", "_to_row")

    def __init__(self, cursor: Any, to_row: Callable[[Any], Any]) -> None:
        self._cursor = cursor
        self._to_row = to_row

    def __iter__(self) -> Iterator[Any]:
        return map(self._to_row, self._cursor)

    @property
    def rowcount(self) -> int:
        """How many rows an INSERT, UPDATE or DELETE without RETURNING wrote."""
        return int(self._cursor.rowcount)

    def scalars(self) -> Result:
        """Return the first column of each row."""
        to_row = self._to_row
        return Result(self._cursor, lambda row: to_row(row)[0])

    def all(self) -> list[Any]:
        """Return all rows."""
        return list(self)

    def first(self) -> Any:
        """Return the first row, or None."""
        row = next(iter(self), None)
        self._cursor.close()
        return row

    def one_or_none(self) -> Any:
        """Return the only row, or None if there is none. Raises NoResultFound if there are more."""
        rows = list(islice(self, 2))
        if len(rows) > 1:
            raise NoResultFound("more than one row")
        return rows[0] if rows else None

    def one(self) -> Any:
        """Return the only row. Raises NoResultFound if there is none, or more."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("no row")
        return row

    def scalar(self) -> Any:
        """Return the first column of the first row, or None."""
        return self.scalars().first()

    def scalar_one(self) -> Any:
        """Return the first column of the only row. Raises NoResultFound if there is none, or more."""
        return self.one()[0]

    def close(self) -> None:
        """End the reading of a statement that has more rows."""
        self._cursor.close()


class _Text:
    """The SQL text of a statement, with what is needed to bind its parameters and to read its rows."""

    __slots__ = ("_fixed", "_names", "_switches", "sql", "to_row")

    def __init__(self, sql: str, names: Sequence[str], fixed: Mapping[str, Any], switches: Sequence[int]) -> None:
        self.sql = sql
        self.to_row: Callable[[Any], Any] | None = None
        self._names = names
        self._fixed = fixed
        self._switches = switches

    def bind(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the text. Raises KeyError for one that is missing."""
        values = {**self._fixed, **parameters} if self._fixed else parameters
        return [values[name] for name in self._names]

    def read_columns(self, cursor: Any) -> Callable[[Any], Any]:
        """Return, and keep, the function that makes a row of a driver's row, whose columns a first run names."""
        to_row = make = _row_maker(cursor)
        if switches := self._switches:

            def to_row(row: Sequence[Any]) -> Any:
                values = list(row)
                for place in switches:
                    values[place] = None if row[place] is None else bool(row[place])
                return make(values)

        self.to_row = to_row
        return to_row


_texts: WeakKeyDictionary[Executable, dict[tuple[str, ...], _Text]] = WeakKeyDictionary()
_compiled_statements: LRUCache[Any, Any] = LRUCache(bounds.COMPILED_STATEMENTS)


def _compiled(statement: Executable, parameters: Mapping[str, Any]) -> _Text:
    """Return the text of a statement: of a known object at once, else of one with the same structure.

    The names of the parameters decide which columns an INSERT or UPDATE writes.
    """
    texts = _texts.get(statement)
    if texts is None:
        texts = _texts[statement] = {}
    key = tuple(parameters) if statement.is_dml else ()
    text = texts.get(key)
    if text is None:
        text = texts[key] = _compile(statement, list(parameters))
    return text


def _compile(statement: Any, names: list[str]) -> _Text:
    # As SQLAlchemy's own connection does it: the cache knows the structure of a statement, whose values are taken out.
    compiled: SQLCompiler
    compiled, values, _, _ = statement._compile_w_cache(DIALECT, compiled_cache=_compiled_statements, column_keys=names)
    known: Mapping[str, Any] = compiled.construct_params(extracted_parameters=values, escape_names=False, _check=False)
    sql = compiled.string
    order: Sequence[str] = compiled.positiontup or ()
    if compiled.post_compile_params:  # an IN with a list, which becomes one parameter for each value
        expanded = compiled._process_parameters_for_postcompile(dict(known))
        sql, order, known = expanded.statement, expanded.positiontup or (), expanded.parameters
    passed = {name for name, parameter in compiled.binds.items() if parameter.required}
    fixed = {name: value for name, value in known.items() if name not in passed}
    # The columns that the cache knows: those of the statement itself would be made again for each statement.
    switches = [place for place, column in enumerate(compiled._result_columns) if isinstance(column.type, Switch)]
    return _Text(sql, order, fixed, switches)


def _row_maker(cursor: Any) -> Callable[[Any], Any]:
    make: Callable[[Any], Any] = _row_type(tuple(column[0] for column in cursor.description or ()))._make
    return make


@lru_cache(bounds.COMPILED_STATEMENTS)
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names, rename=True)  # noqa: PYI024  # the names are those of the statement
