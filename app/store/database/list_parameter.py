"""This module passes a list of any length to a statement as one parameter."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, bindparam, func, select


def many(values: Iterable[Any]) -> Select[Any]:
    """Return the values as one parameter for `column.in_(…)`: one each would make a statement for every length."""
    return _values_of(json.dumps(list(values)))


def many_named(name: str) -> Select[Any]:
    """Return the same for a statement that is built once; its parameter `name` is the JSON text of the list."""
    return _values_of(bindparam(name))


def _values_of(text: Any) -> Select[Any]:
    return select(func.json_each(text).table_valued("value").c.value)
