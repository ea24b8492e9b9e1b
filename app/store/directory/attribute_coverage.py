"""This module counts how many resources have a value at each mapped attribute."""

from functools import cache
from typing import Any

import sqlalchemy as sql
from sqlalchemy import func, select

from app.scim.recnice_mapping import MAPPING
from app.store.database.connection import Connection
from app.store.directory.tables import resource


def filled(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the number of resources with a value, by type and path; reads an index of all."""
    numbers: dict[tuple[str, str], int] = {}
    for type_name, mapped in MAPPING.items():
        row = connection.execute(_sums(type_name)).one()
        numbers |= {(type_name, one.path): number or 0 for one, number in zip(mapped, row, strict=True)}
    return numbers


@cache
def _sums(type_name: str) -> sql.Select[Any]:
    bits = (func.sum(resource.c.filled.op(">>")(place).op("&")(1)) for place in range(len(MAPPING[type_name])))
    return select(*bits).where(resource.c.type == type_name)
