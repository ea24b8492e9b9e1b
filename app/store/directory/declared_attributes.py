"""This module stores which attributes of custom schemas were declared, and finds those that no longer are.

See also: rebuild_derived_rows.py (where the values of a missing attribute are stored), app/scim/custom_schemas.py (what
custom schemas are).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from app import bounds, clock
from app.scim.resource_types import RESOURCE_TYPES, ResourceType
from app.store.database.connection import Connection
from app.store.directory.tables import declared_attribute as table
from app.store.directory.tables import resource

_Key = tuple[str, str, str]
"""Resource type, URN and path in lower case: URNs and attribute names are case-insensitive."""

_BUILT_IN = frozenset(schema.urn for one in RESOURCE_TYPES for schema in (one.schema, *one.extensions))
_IS_ROW = (
    table.c.type == bindparam("row_type"),
    table.c.urn == bindparam("row_urn"),
    table.c.attribute == bindparam("row_attribute"),
)
_columns = table.c.type, table.c.urn, table.c.attribute, table.c.missing_since, table.c.resources
_MISSING = select(*_columns).where(table.c.missing_since.is_not(None)).order_by(*_columns)


@dataclass(frozen=True, slots=True)
class MissingSchema:
    """A custom schema of a resource type that is no longer declared, as a whole or in part.

    `attributes` are the missing paths below the URN; empty means the whole schema. `since` is the last start that
    missed one (wire form). `resources`: how many resources of the type had a value of them at that start, or at a later
    one that found other attributes declared again.
    """

    type: str
    urn: str
    attributes: Sequence[str]
    since: str
    resources: int

    @property
    def subject(self) -> str:
        """The missing object: `schema urn:…`, or `attributes badgeNumber, site of schema urn:…`."""
        if not self.attributes:
            return f"schema {self.urn}"
        names = ", ".join(self.attributes[: bounds.MISSING_ATTRIBUTES_SHOWN])
        more = len(self.attributes) - bounds.MISSING_ATTRIBUTES_SHOWN
        return f"attributes {names}{f' and {more} more' if more > 0 else ''} of schema {self.urn}"

    @property
    def sentence(self) -> str:
        """The warning for the log and the command line, in one line."""
        return (
            f"{self.type}: {self.subject}: no longer declared since {self.since}, when {self.resources} resources had "
            "values of it; new values are not stored. Put the file back into the folder schemas and restart; if it was "
            "removed on purpose, an owner confirms that on the Status page."
        )


def are_noted(connection: Connection, types: Sequence[ResourceType]) -> bool:
    """Return whether exactly the attributes that these types declare are stored as declared."""
    declared = {key for key, row in _remembered(connection).items() if row.missing_since is None}
    return declared == _declared(types).keys()


def note(connection: Connection, types: Sequence[ResourceType]) -> None:
    """Store what these types declare, and since when the rest is missing. Call it after the rows are derived."""
    declared, remembered = _declared(types), _remembered(connection)
    if new := [declared[key] for key in declared.keys() - remembered.keys()]:
        connection.execute(insert(table), [dict(zip(("type", "urn", "attribute"), one, strict=True)) for one in new])
    back = [row for key, row in remembered.items() if key in declared and row.missing_since is not None]
    _mark(connection, back, None)
    gone = [row for key, row in remembered.items() if key not in declared and row.missing_since is None]
    _mark(connection, gone, clock.to_wire(clock.utc_now()))
    by_name = {one.name: one for one in types}
    for type_name, urn in {(row.type, row.urn) for row in (*gone, *back)}:
        is_missing = (table.c.type == type_name, table.c.urn == urn, table.c.missing_since.is_not(None))
        if paths := connection.execute(select(table.c.attribute).where(*is_missing)).scalars().all():
            number = _count(connection, type_name, by_name.get(type_name), str(urn), [str(path) for path in paths])
            connection.execute(update(table).where(*is_missing).values(resources=number))


def missing(connection: Connection) -> list[MissingSchema]:
    """Return what is no longer declared and not confirmed as removed, by type and URN."""
    by_schema: dict[tuple[str, str], list[Any]] = {}
    for row in connection.execute(_MISSING):
        by_schema.setdefault((row.type, row.urn), []).append(row)
    return [
        MissingSchema(
            type_name,
            urn,
            _tops([str(row.attribute) for row in rows]),
            max(str(row.missing_since) for row in rows),
            rows[0].resources,
        )
        for (type_name, urn), rows in by_schema.items()
    ]


def confirm_removal(connection: Connection, schema: MissingSchema) -> None:
    """Delete what is missing of this schema, so that no warning mentions it."""
    is_schema = (table.c.type == schema.type, table.c.urn == schema.urn, table.c.missing_since.is_not(None))
    connection.execute(delete(table).where(*is_schema))


def _declared(types: Iterable[ResourceType]) -> dict[_Key, tuple[str, str, str]]:
    """Return type, URN and path of each custom schema (path "") and of its attributes, by their keys."""
    by_key: dict[_Key, tuple[str, str, str]] = {}
    for one in types:
        schemas = {one.schema.urn: one.tree.core}
        schemas |= {extension.name: extension.sub_attributes for extension in one.tree.extensions.values()}
        for urn, attributes in schemas.items():
            if urn not in _BUILT_IN:
                paths = (part.path.removeprefix(f"{urn}:") for top in attributes.values() for part in top.walk())
                by_key |= {_key(one.name, urn, path): (one.name, urn, path) for path in ("", *paths)}
    return by_key


def _remembered(connection: Connection) -> dict[_Key, Any]:
    rows = connection.execute(select(table.c.type, table.c.urn, table.c.attribute, table.c.missing_since))
    return {_key(row.type, row.urn, row.attribute): row for row in rows}


def _key(type_name: str, urn: str, path: str) -> _Key:
    return type_name, str(urn).lower(), str(path).lower()  # in a recreated table they may not be text


def _mark(connection: Connection, rows: Sequence[Any], since: str | None) -> None:
    if rows:
        names = [{"row_type": row.type, "row_urn": row.urn, "row_attribute": row.attribute} for row in rows]
        connection.execute(update(table).where(*_IS_ROW).values(missing_since=since, resources=0), names)


def _tops(paths: Sequence[str]) -> list[str]:
    """Return the missing paths that are inside no other missing one; empty if the whole schema is missing."""
    known = set(paths)
    return [] if "" in known else [path for path in paths if path.rpartition(".")[0] not in known]


def _count(
    connection: Connection, type_name: str, resource_type: ResourceType | None, urn: str, paths: Sequence[str]
) -> int:
    """Return how many resources have a value at one of the paths.

    It is in the column `shelf` of a resource, or in the document if the whole type is missing.
    """
    stored = resource.c.document if resource_type is None else resource.c.shelf
    texts = connection.execute(
        select(stored).where(resource.c.type == type_name, func.json_valid(stored) == 1)
    ).scalars()
    if resource_type is None:
        return sum(_has_schema(json.loads(text), urn) for text in texts)
    above = () if urn.lower() == resource_type.schema.urn.lower() else (urn,)
    ways = [[name.lower() for name in (*above, *path.split(".")) if name] for path in _tops(paths) or [""]]
    return sum(any(_holds(json.loads(text), way) for way in ways) for text in texts)


def _has_schema(document: Any, urn: str) -> bool:
    schemas = document.get("schemas") if isinstance(document, dict) else None
    return isinstance(schemas, list) and urn in schemas


def _holds(value: Any, way: Sequence[str]) -> bool:
    """Return whether a value has something at the end of a path; of many values one is enough."""
    if not way:
        return True
    if isinstance(value, list):
        return any(_holds(one, way) for one in value)
    parts = value.items() if isinstance(value, dict) else ()
    return any(_holds(part, way[1:]) for name, part in parts if name.lower() == way[0])
