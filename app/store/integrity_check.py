"""This module checks that the stored rows are sound and agree with each other.

It changes nothing and mends nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, exists, func, select

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import ResourceType
from app.store.access import audit_rows, role_rows
from app.store.database import directory_database
from app.store.directory import attribute_coverage, filter_sql, rebuild_derived_rows
from app.store.directory.resource_rows import MEMBERS, count_with_members
from app.store.directory.scim_lists import count_all
from app.store.directory.tables import membership, population, resource
from app.store.directory.word_index import count_stray, to_words


def check(connection: Connection, types: Sequence[ResourceType], noted_hash: str = "") -> list[str]:
    """One sentence for each fault; an empty list for a sound database. Reads everything.

    `noted_hash`: the audit's last hash as it once was, if one was noted.
    """
    directory_database.lift_time_limit(connection)
    findings = [
        f"integrity: {line}" for (line,) in connection.exec_driver_sql("PRAGMA integrity_check") if line != "ok"
    ]
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        findings.append(f"{table}: row {row} refers to a missing row of {parent}")
    findings += role_rows.faults(connection)
    findings += audit_rows.faults(connection, noted_hash)
    if stray := count_stray(connection):
        findings.append(f"word: {stray} rows belong to no resource")
    derived = rebuild_derived_rows.fingerprints(connection)
    known = {resource_type.name for resource_type in types} | derived.keys()
    for (name,) in connection.execute(select(resource.c.type).distinct()):
        if name not in known:
            findings.append(f"resource: no resource type is called {name}")
    for resource_type in types:
        findings += _check_population(connection, resource_type)
        if derived.get(resource_type.name, resource_type.fingerprint) == resource_type.fingerprint:
            findings += _check_derived(connection, resource_type)
        else:
            findings.append(f"{resource_type.name}: the schemas are others than the rows follow; a start mends that")
    return findings


def _check_population(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    kept = count_all(connection, resource_type)
    there = connection.execute(
        select(func.count()).select_from(resource).where(resource.c.type == resource_type.name)
    ).scalar_one()
    if kept != there:
        yield f"population: {kept} {resource_type.name} resources are counted, {there} are there"


def _check_derived(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    """Every search copy, look-up and word against what the document gives now; shelves, and kept counts."""
    active, filled = 0, Counter[str]()
    for row in rebuild_derived_rows.stored(connection, resource_type):
        values = DerivedValues(resource_type, json.loads(row.document))
        active += values.is_active
        filled.update(values.filled_paths)
        if values.document.get("id") != row.id:
            yield f"{resource_type.name} {row.id}: the document has another id"
        if row.search != values.search:
            yield f"{resource_type.name} {row.id}: the search copy does not agree with the document"
        if row.lookups != values.lookups:
            yield f"{resource_type.name} {row.id}: the look-ups do not agree with the document"
        if row.words != to_words(values):
            yield f"{resource_type.name} {row.id}: the words do not agree with the document"
        if row.shelf is not None and not _is_object(row.shelf):
            yield f"{resource_type.name} {row.id}: the shelf holds no JSON object"
    filled[MEMBERS] = count_with_members(connection, resource_type)
    kept = select(population.c.active).where(population.c.type == resource_type.name)
    if (connection.execute(kept).scalar_one_or_none() or 0) != active:
        yield f"population: {active} {resource_type.name} resources are active, another number is kept"
    kept_filled = {
        path: number
        for (name, path), number in attribute_coverage.filled(connection).items()
        if name == resource_type.name
    }
    for path in sorted(kept_filled.keys() | filled.keys()):
        if kept_filled.get(path, 0) != filled[path]:
            yield f"coverage: {filled[path]} {resource_type.name} resources have {path}, another number is kept"
    yield from _check_members(connection, resource_type)


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
