"""This module loads, inserts, saves and deletes resources in a given transaction.

Every function works in the transaction that it is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import sqlite

from app import bounds, clock
from app.scim.errors import Code, ScimError, shown
from app.scim.recnice_mapping import filled_paths
from app.scim.resource_types import ResourceType, is_active
from app.scim.value_comparison import fold_document, fold_value, lookup_text, lookups_of, values_at
from app.store.directory import attribute_coverage, word_index
from app.store.directory.stored_resource import COLUMNS, Record, to_record
from app.store.directory.tables import lookup, membership, population, resource

__all__ = ["Record", "delete", "insert", "load", "relate", "save", "searchable"]

MEMBERS = "members"
LookupKey = tuple[str, str, bool]


def to_text(document: Mapping[str, Any]) -> str:
    """A document as it is kept and sent: compact JSON, UTF-8, names in the document's order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _check_size(text: str) -> None:
    """Raises invalidValue for a document that grew too large, in one request or in many."""
    if len(text.encode()) > bounds.DOCUMENT_BYTES:
        raise ScimError(Code.VALUE_TOO_LONG, "The resource", f"at most {bounds.DOCUMENT_BYTES} bytes of JSON")


def searchable(resource_type: ResourceType, document: Mapping[str, Any]) -> tuple[str, set[LookupKey]]:
    """What is derived from a document: the text to search in, and (attribute path, value, is unique) to look up."""
    folded = fold_document(resource_type.attributes, document)
    return to_text(folded), set(lookups_of(resource_type.lookups, folded))


# Statements are built once: putting one together takes SQLAlchemy longer than SQLite needs to run it.
_BY_ID = select(*COLUMNS).where(resource.c.id == bindparam("id"), resource.c.type == bindparam("type"))
_GROUPS_WITH = (
    select(*COLUMNS)
    .join(membership, membership.c.group_id == resource.c.id)
    .where(membership.c.member_id == bindparam("id"), membership.c.group_id != bindparam("id"))
)
_INSERT = sql.insert(resource).returning(resource.c.position)
_UPDATE = sql.update(resource).where(resource.c.position == bindparam("at"))
_DELETE = sql.delete(resource).where(resource.c.position == bindparam("at"))
_LEAVE_GROUPS = sql.delete(membership).where(membership.c.member_id == bindparam("id"))
_LOOKUPS_OF = select(lookup.c.attribute, lookup.c.value, lookup.c.is_unique).where(
    lookup.c.resource_id == bindparam("id")
)
_TAKEN = select(lookup.c.resource_id).where(
    lookup.c.type == bindparam("type"),
    lookup.c.attribute == bindparam("attribute"),
    lookup.c.value == bindparam("value"),
    lookup.c.is_unique == sql.true(),
)
_INSERT_LOOKUP = sql.insert(lookup)
_DELETE_LOOKUP = sql.delete(lookup).where(
    lookup.c.resource_id == bindparam("id"),
    lookup.c.attribute == bindparam("path"),
    lookup.c.value == bindparam("gone"),
)
_one_more = sqlite.insert(population)
_COUNT = _one_more.on_conflict_do_update(
    index_elements=["type"],
    set_={name: population.c[name] + _one_more.excluded[name] for name in ("total", "active")},
)


def load(connection: Connection, resource_type: ResourceType, id: str) -> Record:
    """The resource with that id. Raises notFound, also when a resource of another type has it."""
    row = connection.execute(_BY_ID, {"id": id, "type": resource_type.name}).one_or_none()
    if row is None:
        raise ScimError(Code.NOT_FOUND, resource_type.name, "the id of one that is here")
    return to_record(row)


def insert(connection: Connection, resource_type: ResourceType, document: Mapping[str, Any]) -> Record:
    """A new resource with the document, which brings its `id` along. Raises uniqueness and invalidValue."""
    text = to_text(document)
    _check_size(text)
    search, lookups = searchable(resource_type, document)
    _check_unique(connection, resource_type, document, lookups)
    now = clock.to_wire(clock.utc_now())
    columns = {
        "id": document["id"],
        "type": resource_type.name,
        "document": text,
        "search": search,
        "version": 1,
        "created": now,
        "last_modified": now,
    }
    position = connection.execute(_INSERT, columns).scalar_one()
    insert_lookups(connection, resource_type, document["id"], lookups)
    word_index.insert(connection, resource_type, position, document)
    _count(connection, resource_type, None, document)
    return Record(document["id"], resource_type.name, position, text, 1, now, now)


def save(
    connection: Connection,
    resource_type: ResourceType,
    record: Record,
    document: Mapping[str, Any],
    *,
    is_bounded: bool = True,
) -> Record:
    """The record with a new document. One that says the same changes nothing, neither version nor time.

    `record` was loaded in this transaction. Raises uniqueness and, where it `is_bounded`, invalidValue for a document
    that grew too large; nothing is written then.
    """
    text = to_text(document)
    if text == record.document:
        return record
    if is_bounded:
        _check_size(text)
    search, lookups = searchable(resource_type, document)
    held = {(path, value, is_unique) for path, value, is_unique in connection.execute(_LOOKUPS_OF, {"id": record.id})}
    _check_unique(connection, resource_type, document, lookups - held)
    delete_lookups(connection, record.id, held - lookups)
    insert_lookups(connection, resource_type, record.id, lookups - held)
    before = json.loads(record.document)
    word_index.save(connection, resource_type, record.position, before, document)
    _count(connection, resource_type, before, document)
    return _write(connection, replace(record, document=text), {"document": text, "search": search})


def relate(connection: Connection, record: Record, balance: int, *, is_written: bool = False) -> Record:
    """The record with so many members more; with a new version and time, unless it `is_written` already.

    To be called once after a change of memberships, also where the balance is 0.
    """
    members = record.members + balance
    if bool(members) != bool(record.members):
        attribute_coverage.count(connection, record.type, {MEMBERS: 1 if members else -1})
    record = replace(record, members=members)
    if is_written:
        update(connection, record.position, {"members": members})
        return record
    return _write(connection, record, {"members": members})


def delete(connection: Connection, resource_type: ResourceType, record: Record) -> None:
    """Takes a resource away, out of all groups too. Groups that lose it get a new version, for their members changed.

    Its look-ups and, of a group, its members go with the row.
    """
    for row in connection.execute(_GROUPS_WITH, {"id": record.id}).all():
        relate(connection, to_record(row), -1)
    connection.execute(_LEAVE_GROUPS, {"id": record.id})
    if record.members:
        attribute_coverage.count(connection, record.type, {MEMBERS: -1})
    word_index.delete(connection, record.position)
    connection.execute(_DELETE, {"at": record.position})
    _count(connection, resource_type, json.loads(record.document), None)


def _write(connection: Connection, record: Record, changes: Mapping[str, Any]) -> Record:
    written = replace(record, version=record.version + 1, last_modified=_later_than(record.last_modified))
    columns = {"version": written.version, "last_modified": written.last_modified, **changes}
    update(connection, record.position, columns)
    return written


def update(connection: Connection, position: int, columns: Mapping[str, Any]) -> None:
    """Writes some columns of one row, and nothing that follows from them."""
    connection.execute(_UPDATE, {"at": position, **columns})


def _later_than(previous: str) -> str:
    """Now, or a millisecond after `previous` where the clock has not moved on or was set back."""
    now = clock.to_wire(clock.utc_now())
    if now > previous:
        return now
    return clock.to_wire(datetime.fromisoformat(previous) + timedelta(milliseconds=1))


def _check_unique(
    connection: Connection,
    resource_type: ResourceType,
    document: Mapping[str, Any],
    lookups: Iterable[LookupKey],
    own_id: str = "",
) -> None:
    """Raises uniqueness with the attribute and the value as it was sent; the index would name neither."""
    for path, value, is_unique in lookups:
        if not is_unique:
            continue
        other = holder(connection, resource_type, path, value)
        if other is not None and other != own_id:
            attribute = next(known for known in resource_type.lookups if known.path == path)
            sent = values_at(document, attribute.keys)
            value_sent = next(one for one in sent if lookup_text(fold_value(attribute, one)) == value)
            raise ScimError(
                Code.UNIQUENESS, path, "a value that no other resource has", shown(value_sent), other_id=other
            )


def check_unique(connection: Connection, resource_type: ResourceType, document: Mapping[str, Any], own_id: str) -> None:
    """Raise uniqueness for a document with a value that another resource than its own has."""
    _, lookups = searchable(resource_type, document)
    _check_unique(connection, resource_type, document, lookups, own_id)


def holder(connection: Connection, resource_type: ResourceType, path: str, value: str) -> str | None:
    """The id of the resource that has a value which must be unique, if one has."""
    taken = {"type": resource_type.name, "attribute": path, "value": value}
    return connection.execute(_TAKEN, taken).scalar_one_or_none()


def delete_lookups(connection: Connection, id: str, lookups: Iterable[LookupKey]) -> None:
    """Takes look-ups of one resource away."""
    rows = [{"id": id, "path": path, "gone": value} for path, value, _ in lookups]
    if rows:
        connection.execute(_DELETE_LOOKUP, rows)


def insert_lookups(connection: Connection, resource_type: ResourceType, id: str, lookups: Iterable[LookupKey]) -> None:
    """Adds look-ups of one resource; the caller has seen that unique ones are free."""
    rows = [
        {"type": resource_type.name, "attribute": path, "value": value, "resource_id": id, "is_unique": is_unique}
        for path, value, is_unique in lookups
    ]
    if rows:
        connection.execute(_INSERT_LOOKUP, rows)


def _count(
    connection: Connection,
    resource_type: ResourceType,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Keeps `population` and `coverage` in step with a document that came (no `before`), changed or went."""
    total = (after is not None) - (before is not None)
    active = is_active(after) - is_active(before)
    if total or active:
        connection.execute(_COUNT, {"type": resource_type.name, "total": total, "active": active})
    old = filled_paths(resource_type.name, before or {})
    new = filled_paths(resource_type.name, after or {})
    attribute_coverage.count(
        connection, resource_type.name, {path: (path in new) - (path in old) for path in old ^ new}
    )


def count_with_members(connection: Connection, resource_type: ResourceType) -> int:
    """How many resources of a type have members; reads all of them."""
    with_members = select(func.count()).where(resource.c.type == resource_type.name, resource.c.members > 0)
    return connection.execute(with_members).scalar_one()
