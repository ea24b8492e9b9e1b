"""This module passes a list of any length to a statement as one parameter."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, func, select


def many(values: Iterable[Any]) -> Select[Any]:
    """The values as one parameter, for `column.in_(…)`: one each would make a new statement for every length."""
    return select(func.json_each(json.dumps(list(values))).table_valued("value").c.value)
