"""This module rebuilds derived rows and undeclared values after the declared attributes changed.

It does the same after a change of the normalization.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import bindparam, select
from sqlalchemy import update as update_table
from sqlalchemy.dialects.sqlite import insert

from app.scim.derived_values import DerivedValues
from app.scim.projection import compact
from app.scim.resource_types import ResourceType
from app.scim.undeclared_values import sort_out
from app.store.database import directory_database
from app.store.database.connection import Connection
from app.store.database.directory_database import DatabaseUnusable
from app.store.database.migration import PROGRESS_EVERY_S
from app.store.directory import declared_attributes, lookup_rows, resource_rows, word_index
from app.store.directory.tables import derivation, population, resource
from app.throttle import Throttle

ROWS_AT_ONCE = 500

log = logging.getLogger(__name__)

_one = insert(derivation)
_NOTE = _one.on_conflict_do_update(index_elements=["type"], set_={"fingerprint": _one.excluded.fingerprint})
_COLUMNS = ("position", "id", "document", "version", "shelf", "members", "active", "filled")


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as stored. `shelf` is JSON text or None; `words` is text with spaces or None."""

    position: int
    id: str
    document: str
    version: int
    shelf: str | None
    members: int
    active: bool
    filled: int
    words: str | None


def rebuild(types: Sequence[ResourceType], follow: Callable[[Connection], None] = lambda _: None) -> list[str]:
    """Derive all rows from the declared types before they are read; do nothing if no declaration changed.

    Rows of a type that is not declared stay as they are. Attributes that are no longer declared are recorded
    (declared_attributes.py). One write transaction, in which `follow` updates what else depends on the rows. Returns a
    line for each type that was updated. Raises DatabaseUnusable, without any change, if values that must be unique are
    not.
    """
    with directory_database.reading() as connection:
        known = fingerprints(connection)
        are_noted = declared_attributes.are_noted(connection, types)
    changed = [one for one in types if known.get(one.name) != one.fingerprint]
    if not changed and are_noted:
        return []
    lines = []
    with directory_database.writing() as connection:
        directory_database.lift_time_limit(connection)
        for resource_type in changed:
            moved = _derive(connection, resource_type)
            connection.execute(_NOTE, {"type": resource_type.name, "fingerprint": resource_type.fingerprint})
            if moved:
                lines.append(f"{resource_type.name}: {moved} stored resources brought in line with the schemas")
        declared_attributes.note(connection, types)
        follow(connection)
    return lines


def fingerprints(connection: Connection) -> dict[str, str]:
    """Return the fingerprint of the declarations that each type's rows follow, also of undeclared types."""
    return dict(connection.tuples(select(derivation.c.type, derivation.c.fingerprint), {}))


def stored(connection: Connection, resource_type: ResourceType) -> Iterator[list[StoredRow]]:
    """Yield all rows of a type in order of creation, in portions."""
    columns = [resource.c[name] for name in _COLUMNS]
    following = (
        select(*columns)
        .where(resource.c.type == resource_type.name, resource.c.position > bindparam("after"))
        .order_by(resource.c.position)
        .limit(ROWS_AT_ONCE)
    )
    after = 0
    while rows := connection.execute(following, {"after": after}).all():
        worded = word_index.stored_words(connection, (row.position for row in rows))
        yield [StoredRow(**row._asdict(), words=worded.get(row.position)) for row in rows]
        after = rows[-1].position


def _derive(connection: Connection, resource_type: ResourceType) -> int:
    """Derive all rows of a type and return how many documents changed. Raises DatabaseUnusable."""
    moved = active = lookups = done = 0
    throttle = Throttle()
    throttle.begin()
    are_found = True
    for rows in stored(connection, resource_type):
        derived = {}
        for row in rows:
            document, aside = sort_out(resource_type, json.loads(row.document), json.loads(row.shelf or "{}"))
            values = DerivedValues(resource_type, document)
            moved += _save(connection, row, values, compact(aside) if aside else None)
            derived[row.position] = values
            active += values.is_active
            lookups += len(values.lookups)
        word_index.write(connection, {row.position: word_index.to_words(derived[row.position]) for row in rows})
        are_found = are_found and not lookup_rows.without(connection, resource_type, derived)
        done += len(rows)
        if throttle.take(PROGRESS_EVERY_S):
            log.info("%s: %d stored resources compared with the schemas so far", resource_type.name, done)
    if not are_found or lookup_rows.count(connection, resource_type) != lookups:
        lookup_rows.delete_all(connection, resource_type)
        for row in chain.from_iterable(stored(connection, resource_type)):
            fresh = DerivedValues(resource_type, json.loads(row.document)).lookups
            lookup_rows.insert(connection, resource_type, row.position, fresh)
    for path, id, other in lookup_rows.shared_values(connection, resource_type):
        raise DatabaseUnusable(
            f"{path} shall be unique, but {resource_type.name} {id} and {other} have the same value: "
            "change the schema file, or one of the two values before it."
        )
    connection.execute(update_table(population).where(population.c.type == resource_type.name).values(active=active))
    return moved


def _save(connection: Connection, row: StoredRow, values: DerivedValues, shelf: str | None) -> bool:
    """Write what differs from the row, and return whether its own values do and not only those derived from them."""
    columns = {**resource_rows.derived_columns(values, row.members), "shelf": shelf}
    if changes := {name: value for name, value in columns.items() if getattr(row, name) != value}:
        # Another representation is another version; the resource has not changed, so its time stays.
        version = row.version + ("document" in changes)
        resource_rows.update(connection, row.position, {**changes, "version": version})
    return not changes.keys().isdisjoint(("document", "shelf"))
