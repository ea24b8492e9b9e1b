"""Whether the stored rows are sound and agree with each other; `recnice-scim check` prints what is found.

It changes nothing and mends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, func, select

from app.scim.resource_types import ResourceType
from app.store import db, shelf
from app.store.pages import count_all
from app.store.resources import searchable
from app.store.tables import resource


def check(connection: Connection, types: Sequence[ResourceType]) -> list[str]:
    """One sentence for each fault; an empty list for a sound database. Reads everything."""
    db.lift_time_limit(connection)
    findings = [
        f"integrity: {line}" for (line,) in connection.exec_driver_sql("PRAGMA integrity_check") if line != "ok"
    ]
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        findings.append(f"{table}: row {row} refers to a missing row of {parent}")
    derived = shelf.fingerprints(connection)
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
    """Every search copy and every look-up against a fresh fold of the document, and what lies on shelves."""
    for row in shelf.stored(connection, resource_type):
        document = json.loads(row.document)
        search, lookups = searchable(resource_type, document)
        if document.get("id") != row.id:
            yield f"{resource_type.name} {row.id}: the document has another id"
        if row.search != search:
            yield f"{resource_type.name} {row.id}: the search copy does not agree with the document"
        if row.lookups != lookups:
            yield f"{resource_type.name} {row.id}: the look-ups do not agree with the document"
        if row.shelf is not None and not _is_object(row.shelf):
            yield f"{resource_type.name} {row.id}: the shelf holds no JSON object"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
