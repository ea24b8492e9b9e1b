"""This module reads how many resources there are, from the counts that every write keeps."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from app.store.directory.tables import population


@dataclass(frozen=True, slots=True)
class ResourceCount:
    """How many resources of a type there are, and how many of them are not disabled."""

    total: int = 0
    active: int = 0


def count_all(connection: Connection) -> Mapping[str, ResourceCount]:
    """Return the counts by resource type; of a type without resources they are 0."""
    rows = connection.execute(select(population))
    return defaultdict(ResourceCount, {row.type: ResourceCount(row.total, row.active) for row in rows})
