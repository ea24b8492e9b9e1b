"""This module finds the place of a row by its number in a type's list, without reading the rows before it.

Each connection remembers the position of every `bounds.ROWS_BETWEEN_MARKS`-th row. A new row is always the last one. So
the marks are valid if the rows after the last mark and those before it are as many as all rows together: a deletion
before the last mark is noticed, and the marks are made again from the index.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, func, select

from app import bounds
from app.scim.resource_types import ResourceType
from app.store.database.connection import Connection
from app.store.directory import resource_counts
from app.store.directory.tables import resource

_after = resource.c.type == bindparam("type"), resource.c.position > bindparam("after")
_NEXT = select(resource.c.position).where(*_after).order_by(resource.c.position).limit(1).offset(bindparam("skipped"))
_COUNT = select(func.count()).where(*_after)
_marks: WeakKeyDictionary[Connection, dict[str, list[int]]] = WeakKeyDictionary()


def seek(connection: Connection, resource_type: ResourceType, offset: int) -> dict[str, Any]:
    """Return where the row after the first `offset` ones is: `type`, the `first` position, and the `offset` from it."""
    step = bounds.ROWS_BETWEEN_MARKS
    marks = _valid(connection, resource_type) if offset > step else []
    passed = min(offset // step, len(marks))
    first = marks[passed - 1] + 1 if passed else 0
    return {"type": resource_type.name, "first": first, "offset": offset - passed * step}


def _valid(connection: Connection, resource_type: ResourceType) -> list[int]:
    """Return the position of every n-th row in the state that the transaction sees."""
    step, total = bounds.ROWS_BETWEEN_MARKS, resource_counts.count(connection, resource_type)
    marks = _marks.setdefault(connection, {}).setdefault(resource_type.name, [])
    parameters = {"type": resource_type.name, "after": marks[-1] if marks else 0}
    if marks and len(marks) * step + connection.execute(_COUNT, parameters).scalar_one() != total:
        marks.clear()
    while (len(marks) + 1) * step <= total:
        parameters = {"type": resource_type.name, "after": marks[-1] if marks else 0, "skipped": step - 1}
        marks.append(connection.execute(_NEXT, parameters).scalar_one())
    return marks
