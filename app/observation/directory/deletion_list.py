"""This module lists deleted users and groups that can be put back: all of them, or those of one cycle.

See also: app/provisioning/deleted_resources.py (puts them back).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app import bounds
from app.observation.cycles import detection
from app.observation.cycles.detection import Cycle
from app.scim.derived_values import DerivedValues
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import deletion_rows, lookup_rows, resource_rows
from app.store.directory.deletion_rows import KeptDeletion as KeptDeletion  # for callers that must not import the store
from app.store.request_log import cycle_rows, log_database, request_rows
from app.store.request_log.request_rows import RequestFilter


@dataclass(frozen=True, slots=True)
class SameValue:
    """An existing resource with a value of a deleted one that finds it. `created` is in wire form."""

    path: str
    resource_id: str
    name: str
    created: str
    is_unique: bool


@dataclass(frozen=True, slots=True)
class DeletedResource:
    """A deleted resource with the cycle that deleted it, None if unknown, and those with the same values."""

    deletion: KeptDeletion
    cycle_id: int | None
    same_values: Sequence[SameValue]


def find(
    types: Sequence[ResourceType], sought: str = "", before: int | None = None, count: int = bounds.CONSOLE_PAGE_SIZE
) -> list[DeletedResource]:
    """Return deleted resources whose names have all words of a search, newest first.

    `before` is the event id of the last one seen. Those of simulations are left out.
    """
    with directory_database.reading() as connection:
        deletions = deletion_rows.page(connection, sought.split(), before, count)
        by_name = {one.name: one for one in types}
        values = {
            one.resource_id: DerivedValues(by_name[one.resource_type], one.document)
            for one in deletions
            if one.resource_type in by_name
        }
        same = {id: same_values(connection, one) for id, one in values.items()}
    cycles: Mapping[str, int] = {}
    with suppress(ScimError), log_database.reading() as log:  # without the log the cycles are unknown
        cycles = request_rows.cycles_of(log, [one.request for one in deletions if one.request])
    return [DeletedResource(one, cycles.get(one.request), same.get(one.resource_id, ())) for one in deletions]


def is_kept(resource_id: str) -> bool:
    """Return whether a resource was deleted and can be put back."""
    with directory_database.reading() as connection:
        return deletion_rows.find(connection, resource_id) is not None


def every(types: Sequence[ResourceType], sought: str) -> Iterator[DeletedResource]:
    """Yield the same without a limit, for an export."""
    before = None
    while portion := find(types, sought, before, bounds.EXPORT_ROWS_AT_ONCE):
        yield from portion
        before = portion[-1].deletion.event_id


def cycles() -> list[Cycle]:
    """Return the latest cycles in which something was deleted, newest first."""
    with log_database.reading() as connection:
        return [detection.cycle_of(row) for row in cycle_rows.with_deletions(connection, bounds.DELETION_CYCLES)]


def of_cycle(cycle_id: int, limit: int) -> list[KeptDeletion]:
    """Return the deletions of a cycle that can be undone, at most `limit`, the latest requests first."""
    criteria = RequestFilter(cycle_id=cycle_id, actions=("delete",), is_refused=False)
    found: dict[int, KeptDeletion] = {}
    before = None
    while len(found) < limit:
        with log_database.reading() as log:
            rows = request_rows.page(log, criteria, before, bounds.LOG_PAGE_SIZE)
        if not rows:
            break
        with directory_database.reading() as connection:
            kept = deletion_rows.of_requests(connection, {row.number for row in rows})
            found |= {one.event_id: one for one in kept}
        before = rows[-1].id
    return list(found.values())[:limit]


def same_values(connection: Connection, values: DerivedValues) -> list[SameValue]:
    """Return the existing resources that have a unique value or the externalId of a document, unique values first."""
    resource_type = values.resource_type
    sought = {
        (resource_type.name, path, value): is_unique
        for path, value, is_unique in values.lookups
        if is_unique or path == "externalId"
    }
    holders = lookup_rows.holders(connection, list(sought))
    ids: Iterable[str] = {id for found in holders.values() for id in found}
    records = {one.id: one for one in resource_rows.load_many(connection, resource_type, ids)} if ids else {}
    same = [
        SameValue(key[1], id, records[id].name, records[id].created, sought[key])
        for key, found in sorted(holders.items())
        for id in sorted(found)
    ]
    return sorted(same, key=lambda one: not one.is_unique)
