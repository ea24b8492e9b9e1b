"""The audit's rows: appended, never changed, each with a hash that covers the one before it.

Not here: what is worth an entry and how it is told (app/administration/audit.py).

    hash = SHA-256 of the JSON array [hash of the entry before, id, at, actor, address, action, target, detail]

Whoever can write the file and knows this can make another whole chain. So `recnice-scim check` prints the last hash:
one that was noted elsewhere tells whether the entries up to it are still the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from app.store.account_tables import audit, audit_head

TRIGGERS = {
    "audit_stays": "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    "audit_is_kept": "CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
}
"""By which SQLite refuses to change an entry; the migration made them with the same text."""

_COLUMNS = (audit.c.id, audit.c.at, audit.c.actor, audit.c.address, audit.c.action, audit.c.target, audit.c.detail)
_HEAD = select(audit_head.c.entries, audit_head.c.hash)


def append(connection: Connection, at: str, actor: str, address: str, action: str, target: str, detail: str) -> int:
    """Write one entry in the caller's transaction; its id. `detail` is JSON."""
    before = connection.execute(_HEAD).one()
    values = (before.entries + 1, at, actor, address, action, target, detail)
    new_hash = _hash(before.hash, values)
    named = dict(zip((column.name for column in _COLUMNS), values, strict=True))
    connection.execute(insert(audit).values(**named, hash=new_hash))
    connection.execute(update(audit_head).values(entries=values[0], hash=new_hash))
    return int(values[0])


def append_all(connection: Connection, entries: Iterable[tuple[str, str, str, str, str, str]]) -> None:
    """Write many at once, each as `append` takes it: the head is read and written once, whatever their number."""
    before = connection.execute(_HEAD).one()
    number, new_hash, written = before.entries, before.hash, []
    names = [column.name for column in _COLUMNS]
    for entry in entries:
        number += 1
        values = (number, *entry)
        new_hash = _hash(new_hash, values)
        written.append(dict(zip(names, values, strict=True)) | {"hash": new_hash})
    if written:
        connection.execute(insert(audit), written)
        connection.execute(update(audit_head).values(entries=number, hash=new_hash))


def newest(connection: Connection, action: str, since: str, limit: int) -> Sequence[Any]:
    """Rows with at, actor, target and detail: the newest entries of one action that are not older than `since`."""
    columns = select(audit.c.at, audit.c.actor, audit.c.target, audit.c.detail)
    wanted = columns.where(audit.c.action == action, audit.c.at >= since)
    return connection.execute(wanted.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)).all()


def head(connection: Connection) -> tuple[int, str]:
    """How many entries there are, and the hash of the last one ("" of none)."""
    row = connection.execute(_HEAD).one_or_none()
    return (row.entries, row.hash) if row else (0, "")


def faults(connection: Connection) -> Iterator[str]:
    """A sentence for each way in which the audit is not what was written."""
    triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    kept = {row.name: row.sql for row in triggers}
    if kept != TRIGGERS:
        yield "audit: the triggers that keep it append-only are missing, or are others"
    expected, previous = 1, ""
    for row in connection.execute(select(*_COLUMNS, audit.c.hash).order_by(audit.c.id)):
        if row.id != expected:
            yield f"audit: entry {expected} is missing, entry {row.id} follows"
        if row.hash != _hash(previous, tuple(row)[:-1]):
            yield f"audit: entry {row.id} is not as it was written, or the one before it is not"
        expected, previous = row.id + 1, row.hash
    if head(connection) != (expected - 1, previous):
        yield f"audit: {head(connection)[0]} entries were written, the last one that is there is {expected - 1}"
    numbered = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").scalar()
    if (numbered or 0) != expected - 1:
        yield f"audit: {numbered or 0} entries were numbered, the last one that is there is {expected - 1}"


def _hash(previous: str, values: tuple[Any, ...] | Row[Any]) -> str:
    return hashlib.sha256(json.dumps([previous, *values], ensure_ascii=True).encode()).hexdigest()
