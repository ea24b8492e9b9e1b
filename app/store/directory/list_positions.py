"""This module finds the place of a row by its number in a type's list, without reading the rows before it.

The application remembers the position of every `bounds.ROWS_BETWEEN_MARKS`-th row. A new row is always the last one. So
the marks are valid in a state that has the row of the last mark, and as many rows before it as when they were made. A
deletion before the last mark is noticed, and the marks are made again from the index.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, func, select

from app import bounds
from app.scim.resource_types import ResourceType
from app.store.database.connection import Connection, Memory
from app.store.directory import resource_counts
from app.store.directory.tables import resource

_after = resource.c.type == bindparam("type"), resource.c.position > bindparam("after")
_NEXT = select(resource.c.position).where(*_after).order_by(resource.c.position).limit(1).offset(bindparam("skipped"))
_FROM = select(func.min(resource.c.position), func.count()).where(
    resource.c.type == bindparam("type"), resource.c.position >= bindparam("last")
)
_marks: WeakKeyDictionary[Memory, dict[str, tuple[int, ...]]] = WeakKeyDictionary()


def seek(connection: Connection, resource_type: ResourceType, offset: int) -> dict[str, Any]:
    """Return where the row after the first `offset` ones is: `type`, the `first` position, and the `offset` from it."""
    step = bounds.ROWS_BETWEEN_MARKS
    marks = _valid(connection, resource_type) if offset > step else []
    passed = min(offset // step, len(marks))
    first = marks[passed - 1] + 1 if passed else 0
    return {"type": resource_type.name, "first": first, "offset": offset - passed * step}


def _valid(connection: Connection, resource_type: ResourceType) -> Sequence[int]:
    """Return the position of every n-th row in the state that the transaction sees."""
    step, total, name = bounds.ROWS_BETWEEN_MARKS, resource_counts.count(connection, resource_type), resource_type.name
    known = _marks.setdefault(connection.memory, {})
    marks = known.get(name, ())
    if marks:
        last, count = connection.execute(_FROM, {"type": name, "last": marks[-1]}).one()
        if last != marks[-1] or len(marks) * step - 1 + count != total:
            marks = ()
    while (len(marks) + 1) * step <= total:
        parameters = {"type": name, "after": marks[-1] if marks else 0, "skipped": step - 1}
        known[name] = marks = (*marks, connection.execute(_NEXT, parameters).scalar_one())
    return marks
