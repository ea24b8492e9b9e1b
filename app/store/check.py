"""Whether the stored rows are sound and agree with each other; `recnice-scim check` prints what is found.

It changes nothing and mends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, func, select

from app.scim.resource_types import ResourceType
from app.store.pages import count_all
from app.store.resources import LookupKey, searchable
from app.store.tables import lookup, resource

ROWS_AT_ONCE = 500


def check(connection: Connection, types: Sequence[ResourceType]) -> list[str]:
    """One sentence for each fault; an empty list for a sound database. Reads everything."""
    findings = [
        f"integrity: {line}" for (line,) in connection.exec_driver_sql("PRAGMA integrity_check") if line != "ok"
    ]
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        findings.append(f"{table}: row {row} refers to a missing row of {parent}")
    known = {resource_type.name: resource_type for resource_type in types}
    for (name,) in connection.execute(select(resource.c.type).distinct()):
        if name not in known:
            findings.append(f"resource: no resource type is called {name}")
    for resource_type in types:
        findings += _check_population(connection, resource_type)
        findings += _check_derived(connection, resource_type)
    return findings


def _check_population(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    kept = count_all(connection, resource_type)
    there = connection.execute(
        select(func.count()).select_from(resource).where(resource.c.type == resource_type.name)
    ).scalar_one()
    if kept != there:
        yield f"population: {kept} {resource_type.name} resources are counted, {there} are there"


def _check_derived(connection: Connection, resource_type: ResourceType) -> Iterator[str]:
    """Every search copy and every look-up against a fresh fold of the document."""
    position = 0
    while True:
        rows = connection.execute(
            select(resource.c.position, resource.c.id, resource.c.document, resource.c.search)
            .where(resource.c.type == resource_type.name, resource.c.position > position)
            .order_by(resource.c.position)
            .limit(ROWS_AT_ONCE)
        ).all()
        if not rows:
            return
        held: dict[str, set[LookupKey]] = {id: set() for _, id, _, _ in rows}
        for id, *key in connection.execute(
            select(lookup.c.resource_id, lookup.c.attribute, lookup.c.value, lookup.c.is_unique).where(
                lookup.c.resource_id.in_(list(held)), lookup.c.type == resource_type.name
            )
        ):
            held[id].add((key[0], key[1], key[2]))
        for _, id, text, search in rows:
            document = json.loads(text)
            fresh_search, fresh_lookups = searchable(resource_type, document)
            if document.get("id") != id:
                yield f"{resource_type.name} {id}: the document has another id"
            if search != fresh_search:
                yield f"{resource_type.name} {id}: the search copy does not agree with the document"
            if held[id] != fresh_lookups:
                yield f"{resource_type.name} {id}: the look-ups do not agree with the document"
        position = rows[-1][0]
