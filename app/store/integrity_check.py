"""This module checks that the stored rows are valid and agree with each other.

It changes and fixes nothing.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import exists, func, select

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import ResourceType
from app.store.access import audit_rows, role_rows
from app.store.database import directory_database, sqlite_driver
from app.store.database.connection import Connection
from app.store.directory import (
    declared_attributes,
    filter_sql,
    history_rows,
    job_rows,
    lookup_rows,
    membership_history,
    rebuild_derived_rows,
    resource_counts,
    word_index,
)
from app.store.directory.rebuild_derived_rows import StoredRow
from app.store.directory.tables import membership, population, resource

db = SQLAlchemy(metadata=directory_database.metadata)
"""The declared tables of the directory's file; not for what serves, since this imports SQLAlchemy's ORM."""


def check(connection: Connection, types: Sequence[ResourceType], known_hash: str = "") -> list[str]:
    """Return one sentence for each fault; an empty list for a sound database. Reads everything.

    `known_hash`: the audit's last hash as it once was, if it was recorded.
    """
    directory_database.lift_time_limit(connection)
    parts = {
        "database": _check_file(connection),
        "granted_role": role_rows.faults(connection),
        "audit": audit_rows.faults(connection, known_hash),
        "declared_attribute": _check_declared(connection),
        "event": _check_events(connection),
        "resource": _check_types(connection, types),
    }
    parts |= {resource_type.name: _check_resources(connection, resource_type) for resource_type in types}
    return [finding for name, part in parts.items() for finding in _survived(name, part)]


def warnings(connection: Connection) -> list[str]:
    """Return a sentence for what is no fault: each custom schema that is no longer declared, each failing job."""
    with suppress(sqlite_driver.module.Error):  # `check` reports it
        sentences = [schema.sentence for schema in declared_attributes.missing(connection)]
        return sentences + job_rows.failed(connection)
    return []


def _survived(name: str, part: Iterator[str]) -> Iterator[str]:
    """Yield the findings of a part; an unexpected error ends that part only, and is a finding, too."""
    try:
        yield from part
    except Exception as error:
        yield f"{name}: cannot be checked to its end ({type(error).__name__})"


def _check_file(connection: Connection) -> Iterator[str]:
    there = set(connection.exec_driver_sql("SELECT name FROM sqlite_schema").scalars())
    yield from (f"{name}: the table is missing" for name in sorted(db.metadata.tables.keys() - there))
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield f"integrity: {line}"
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"{table}: row {row} refers to a missing row of {parent}"
    if stray := word_index.count_stray(connection):
        yield f"word: {stray} rows belong to no resource"
    if not word_index.is_mark_sound(connection):
        yield "job: the mark of the words is not that of an event"


def _check_declared(connection: Connection) -> Iterator[str]:
    """Check that missing declarations can be read; they are no fault themselves."""
    declared_attributes.missing(connection)
    yield from ()


def _check_events(connection: Connection) -> Iterator[str]:
    if unreadable := history_rows.count_unreadable(connection):
        yield f"event: {unreadable} rows have changes that cannot be read"
    if incomplete := history_rows.count_incomplete_deletions(connection):
        yield f"event: {incomplete} deletions do not have all of the resource that they deleted"
    if stray := membership_history.count_without_event(connection):
        yield f"membership_event: {stray} rows belong to no event"


def _check_types(connection: Connection, types: Sequence[ResourceType]) -> Iterator[str]:
    known = {resource_type.name for resource_type in types} | rebuild_derived_rows.fingerprints(connection).keys()
    for (name,) in connection.execute(select(resource.c.type).distinct()):
        if name not in known:
            yield f"resource: no resource type is called {name}"


def _check_resources(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    yield from _check_population(connection, resource_type)
    derived = rebuild_derived_rows.fingerprints(connection)
    if derived.get(resource_type.name, resource_type.fingerprint) == resource_type.fingerprint:
        yield from _check_derived(connection, resource_type)
    else:
        yield f"{resource_type.name}: the schemas are others than the rows follow; a start mends that"


def _check_population(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    kept = resource_counts.count(connection, resource_type)
    there = connection.execute(
        select(func.count()).select_from(resource).where(resource.c.type == resource_type.name)
    ).scalar_one()
    if kept != there:
        yield f"population: {kept} {resource_type.name} resources are counted, {there} are there"


def _check_derived(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    """Yield faults of all that is derived from the documents, and of the stored counts."""
    active = lookups = 0
    due = word_index.due_positions(connection)
    for rows in rebuild_derived_rows.stored(connection, resource_type):
        derived, ids = {}, {}
        for row in rows:
            try:
                values = DerivedValues(resource_type, json.loads(row.document))
                is_active, count = values.is_active, len(values.lookups)
                are_written = row.position not in due
                yield from (f"{resource_type.name} {row.id}: {fault}" for fault in _faults(row, values, are_written))
            except (AttributeError, LookupError, TypeError, ValueError):
                yield f"{resource_type.name} {row.id}: the document has not the form of a resource"
                continue
            derived[row.position], ids[row.position] = values, row.id
            active += is_active
            lookups += count
        for position in sorted(lookup_rows.without(connection, resource_type, derived)):
            yield f"{resource_type.name} {ids[position]}: the lookups do not agree with the document"
    if (kept := lookup_rows.count(connection, resource_type)) != lookups:
        yield f"lookup: {kept} rows of {resource_type.name} are there, {lookups} follow from the documents"
    for path, id, other in lookup_rows.shared_values(connection, resource_type):
        yield f"{resource_type.name} {id}: {other} has the same {path}, which must be unique"
    kept_active = select(population.c.active).where(population.c.type == resource_type.name)
    if (connection.execute(kept_active).scalar() or 0) != active:
        yield f"population: {active} {resource_type.name} resources are active, another number is kept"
    yield from _check_members(connection, resource_type)


def _faults(row: StoredRow, values: DerivedValues, are_words_written: bool) -> Iterator[str]:
    if values.document.get("id") != row.id:
        yield "the document has another id"
    if row.active != values.is_active:
        yield "the column active does not agree with the document"
    if row.filled != values.filled_mask(row.members):
        yield "the column filled does not agree with the document"
    if are_words_written and row.words != word_index.to_words(values):
        yield "the words do not agree with the document"
    if row.shelf is not None and not _is_object(row.shelf):
        yield "the shelf holds no JSON object"


def _check_members(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    member = resource.alias()
    there = select(func.count()).where(membership.c.group_id == resource.c.id).scalar_subquery()
    wrong = select(resource.c.id).where(resource.c.type == resource_type.name, resource.c.members != there)
    for (group_id,) in connection.execute(wrong):
        yield f"{resource_type.name} {group_id}: the number of members is not the one that is kept"
    known = exists().where(member.c.id == membership.c.member_id, member.c.type.in_(filter_sql.MEMBER_TYPES))
    group_ids = (
        select(membership.c.group_id)
        .distinct()
        .join_from(membership, resource, resource.c.id == membership.c.group_id)
        .where(resource.c.type == resource_type.name, membership.c.is_unresolved == known)
    )
    for (group_id,) in connection.execute(group_ids):
        yield f"{resource_type.name} {group_id}: a member is noted as unresolved and is here, or the other way round"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
