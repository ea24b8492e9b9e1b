"""This module creates columns in types of SQLite's STRICT tables: text, number, real, bytes, and switch (1 or 0)."""

from functools import partial
from typing import Any

from sqlalchemy import Column, Dialect, Float, ForeignKey, Integer, LargeBinary, Text, text
from sqlalchemy.types import TypeDecorator, TypeEngine


class Switch(TypeDecorator[bool]):
    """A type that stores True and False as 1 and 0: a STRICT table has no boolean."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        return None if value is None else int(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


def _columns(kind: TypeEngine[Any], *names: str, parent: str = "", **options: Any) -> list[Column[Any]]:
    """Return columns of one type that are not NULL unless the `options` of Column say so.

    `parent`: the `table.column` that they refer to; a row is deleted with the one that it refers to.
    """
    options = {"nullable": False} | options
    return [Column(name, kind, *_reference(parent), **options) for name in names]


def _reference(parent: str) -> list[ForeignKey]:
    return [ForeignKey(parent, ondelete="CASCADE")] if parent else []


texts = partial(_columns, Text())
numbers = partial(_columns, Integer())
reals = partial(_columns, Float())
blobs = partial(_columns, LargeBinary())
switches = partial(_columns, Switch())
ZERO = text("0")
"""The `server_default` 0 of numbers and switches; that of a text is a str."""
