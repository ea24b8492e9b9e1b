"""This module reads the number of resources, from the counts that every write updates."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from app.scim.resource_types import ResourceType
from app.store.database.connection import Connection
from app.store.directory.tables import population


@dataclass(frozen=True, slots=True)
class ResourceCount:
    """The number of resources of a type, and how many of them are not disabled."""

    total: int = 0
    active: int = 0


_ALL = select(population)
_COUNT = select(population.c.total).where(population.c.type == bindparam("type"))


def count(connection: Connection, resource_type: ResourceType) -> int:
    """Return the number of resources of a type."""
    total: int | None = connection.execute(_COUNT, {"type": resource_type.name}).scalar()
    return total or 0


def count_all(connection: Connection) -> Mapping[str, ResourceCount]:
    """Return the counts by resource type; 0 for a type without resources."""
    rows = connection.execute(_ALL)
    return defaultdict(ResourceCount, {row.type: ResourceCount(row.total, row.active) for row in rows})
