"""This module loads, inserts, saves and deletes resources.

The words of a resource are written after it, for its event
(word_index.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sql
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import sqlite

from app import bounds, clock
from app.scim import recnice_mapping
from app.scim.derived_values import DerivedValues, LookupValue
from app.scim.errors import Code, ScimError, shown
from app.scim.resource_types import ResourceType
from app.scim.value_comparison import lookup_text, normalize_value, values_at
from app.store.database.connection import Connection
from app.store.database.list_parameter import many_named
from app.store.directory import lookup_rows
from app.store.directory.deletion_rows import KeptDeletion
from app.store.directory.stored_resource import COLUMNS, Record, to_record
from app.store.directory.tables import membership, population, resource


def _check_size(text: str) -> None:
    """Raise invalidValue for a document that grew too large, in one request or in many."""
    if len(text.encode()) > bounds.DOCUMENT_BYTES:
        raise ScimError(Code.VALUE_TOO_LONG, "The resource", f"at most {bounds.DOCUMENT_BYTES} bytes of JSON")


# Statements are built once: building one takes SQLAlchemy longer than SQLite needs to run it.
_BY_ID = select(*COLUMNS).where(resource.c.id == bindparam("id"), resource.c.type == bindparam("type"))
_TO_DELETE = _BY_ID.add_columns(
    resource.c.shelf, sql.exists().where(membership.c.member_id == bindparam("id")).label("is_member")
)
_GROUPS_WITH = (
    select(*COLUMNS)
    .join(membership, membership.c.group_id == resource.c.id)
    .where(membership.c.member_id == bindparam("id"), membership.c.group_id != bindparam("id"))
)
_INSERT = sql.insert(resource)
_UPDATE = sql.update(resource).where(resource.c.position == bindparam("at"))
_DELETE = sql.delete(resource).where(resource.c.position == bindparam("at"))
_BY_IDS = select(*COLUMNS).where(resource.c.id.in_(many_named("ids")), resource.c.type == bindparam("type"))
_LEAVE_GROUPS = sql.delete(membership).where(membership.c.member_id == bindparam("id"))
_one_more = sqlite.insert(population)
_COUNT = _one_more.on_conflict_do_update(
    index_elements=["type"], set_={name: population.c[name] + _one_more.excluded[name] for name in ("total", "active")}
)


def load(connection: Connection, resource_type: ResourceType, id: str) -> Record:
    """Return the resource with that id. Raises notFound, also when a resource of another type has it."""
    row = connection.execute(_BY_ID, {"id": id, "type": resource_type.name}).one_or_none()
    if row is None:
        raise not_found(resource_type)
    return to_record(row)


def load_many(connection: Connection, resource_type: ResourceType, ids: Iterable[str]) -> list[Record]:
    """Return those of the resources that exist."""
    parameters = {"ids": json.dumps(list(ids)), "type": resource_type.name}
    return list(map(to_record, connection.execute(_BY_IDS, parameters)))


@dataclass(frozen=True, slots=True)
class Deletion:
    """A resource that is to be deleted, with its undeclared values (JSON text or None) and the groups that it is in."""

    record: Record
    shelf: str | None
    groups: Sequence[Record]

    @property
    def text(self) -> str:
        """What `event.deleted` keeps of it."""
        shelf = f',"shelf":{self.shelf}' if self.shelf else ""
        return f'{{"created":"{self.record.created}","document":{self.record.document}{shelf}}}'


def load_for_deletion(connection: Connection, resource_type: ResourceType, id: str) -> Deletion:
    """Return the resource with that id for its deletion. Raises notFound, as `load` does."""
    row = connection.execute(_TO_DELETE, {"id": id, "type": resource_type.name}).one_or_none()
    if row is None:
        raise not_found(resource_type)
    *columns, shelf, is_member = row
    groups = map(to_record, connection.execute(_GROUPS_WITH, {"id": id})) if is_member else ()
    return Deletion(to_record(columns), shelf, tuple(groups))


def not_found(resource_type: ResourceType) -> ScimError:
    """Return the refusal of an id that no resource of the type has."""
    return ScimError(Code.NOT_FOUND, resource_type.name, "the id of one that is here")


def insert(connection: Connection, values: DerivedValues) -> Record:
    """Insert a resource with its document, which contains its `id`. Raises uniqueness and invalidValue."""
    _check_size(values.text)
    check_unique(connection, values, values.lookups)
    now = _now()
    return _insert(connection, values, {"version": 1, "created": now, "last_modified": now})


def put_back(connection: Connection, values: DerivedValues, deletion: KeptDeletion, shelf: str | None) -> Record:
    """Insert a deleted resource again, without memberships, with its id, its place in lists and a new version.

    `values`: the document, which may differ from that of the deletion; `shelf` as in the row. The caller has checked
    that unique values are free.
    """
    place = {"position": deletion.position} if deletion.position else {}
    version = _next_version(deletion.version, deletion.at, _now())
    return _insert(connection, values, {"created": deletion.created, "shelf": shelf, **version, **place})


def _insert(connection: Connection, values: DerivedValues, columns: Mapping[str, Any]) -> Record:
    """Insert a resource and the rows that follow from its document. `columns`: version, created, last_modified."""
    id, type_name = values.document["id"], values.resource_type.name
    derived = derived_columns(values, 0)
    position = connection.insert(_INSERT, {"id": id, "type": type_name, **columns, **derived})
    lookup_rows.insert(connection, values.resource_type, position, values.lookups)
    _count(connection, values.resource_type, 1, int(values.is_active))
    times = columns["version"], columns["created"], columns["last_modified"]
    return Record(id, type_name, position, values.text, *times, 0, derived["filled"], known_content=values.document)


def save(
    connection: Connection, record: Record, before: DerivedValues, after: DerivedValues, *, is_bounded: bool = True
) -> Record:
    """Store a new document of a record and return it. An equal document changes neither version nor time.

    `record` was loaded in this transaction, and `before` is derived from it: only the difference is written. Raises
    uniqueness and, if it `is_bounded`, invalidValue for a document that grew too large; then nothing is written.
    """
    if after.text == record.document:
        return record
    if is_bounded:
        _check_size(after.text)
    gone, new = after.lookup_changes(before)
    check_unique(connection, after, new)
    lookup_rows.delete(connection, before.resource_type, record.position, gone)
    lookup_rows.insert(connection, after.resource_type, record.position, new)
    _count(connection, after.resource_type, 0, after.is_active - before.is_active)
    filled = after.changed_mask(before, record.filled)
    # SQLite writes each index of a column that an UPDATE names, also if the value is the same.
    columns: dict[str, Any] = {"document": after.text}
    if filled != record.filled:
        columns["filled"] = filled
    if after.is_active != before.is_active:
        columns["active"] = after.is_active
    version = _next_version(record.version, record.last_modified, _now())
    update(connection, record.position, {**version, **columns})
    return replace(record, document=after.text, filled=filled, known_content=after.document, **version)


def relate(connection: Connection, record: Record, balance: int, *, is_written: bool = False) -> Record:
    """Add `balance` to the number of members; return the record with a new version and time, unless it `is_written`.

    Call it once after a change of memberships, even if the balance is 0.
    """
    columns = _related(record, balance)
    if not is_written:
        columns |= _next_version(record.version, record.last_modified, _now())
    update(connection, record.position, columns)
    return replace(record, **columns)


def _related(record: Record, balance: int) -> dict[str, Any]:
    """Return the columns that another number of members changes."""
    columns: dict[str, Any] = {"members": record.members + balance}
    if bool(record.members) != bool(columns["members"]):
        columns["filled"] = record.filled ^ recnice_mapping.members_bit(record.type)
    return columns


def delete(connection: Connection, deletion: Deletion, values: DerivedValues) -> None:
    """Delete a resource, also from all groups, which get a new version because their members changed.

    For a group, its members are deleted with the row.
    """
    record = deletion.record
    if deletion.groups:
        rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        now = _now()
        for group in deletion.groups:
            columns = {
                "at": group.position,
                **_next_version(group.version, group.last_modified, now),
                **_related(group, -1),
            }
            rows.setdefault(tuple(columns), []).append(columns)
        for same_columns in rows.values():
            connection.execute(_UPDATE, same_columns)
        connection.execute(_LEAVE_GROUPS, {"id": record.id})
    lookup_rows.delete(connection, values.resource_type, record.position, values.lookups)
    connection.execute(_DELETE, {"at": record.position})
    _count(connection, values.resource_type, -1, -int(values.is_active))


def derived_columns(values: DerivedValues, members: int) -> dict[str, Any]:
    """Return the columns that follow from a document."""
    return {"document": values.text, "active": values.is_active, "filled": values.filled_mask(members)}


def _next_version(version: int, last_modified: str, now: str) -> dict[str, Any]:
    """Return the columns that every change of a resource changes; its time grows, also if the clock was set back."""
    if now <= last_modified:
        now = clock.to_wire(datetime.fromisoformat(last_modified) + timedelta(milliseconds=1))
    return {"version": version + 1, "last_modified": now}


def _now() -> str:
    return clock.to_wire(clock.utc_now())


def update(connection: Connection, position: int, columns: Mapping[str, Any]) -> None:
    """Write some columns of one row, without the rows derived from them."""
    connection.execute(_UPDATE, {"at": position, **columns})


def check_unique(connection: Connection, values: DerivedValues, lookups: Iterable[LookupValue]) -> None:
    """Raise uniqueness for a document with a unique value that another resource has.

    The error has the attribute and the value as sent; the index would name neither.
    """
    for path, value, is_unique in lookups:
        if not is_unique:
            continue
        other = lookup_rows.holder(connection, values.resource_type, path, value)
        if other is not None:
            attribute = next(known for known in values.resource_type.lookups if known.path == path)
            sent = values_at(values.document, attribute.keys)
            value_sent = next(one for one in sent if lookup_text(normalize_value(attribute, one)) == value)
            raise ScimError(
                Code.UNIQUENESS, path, "a value that no other resource has", shown(value_sent), other_id=other
            )


def _count(connection: Connection, resource_type: ResourceType, total: int, active: int) -> None:
    """Update `population` by the change of the number of resources, and of those that are active."""
    if total or active:
        connection.execute(_COUNT, {"type": resource_type.name, "total": total, "active": active})
