"""This module appends audit entries, each with a hash over the one before.

    hash = SHA-256 of the JSON array [hash of the entry before, id, at, actor, address, action, target, detail]

Whoever can write the file and knows this can make another whole chain. So `recnice-scim check` prints the last
hash: one that was noted elsewhere tells whether the entries up to it are still the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, cast, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app import bounds
from app.scim.errors import ScimError, unavailable
from app.store.access import unaudited_rows
from app.store.access.account_tables import audit, audit_head

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"

TRIGGERS = {
    name: f"CREATE TRIGGER {name} BEFORE {when} {_REFUSE}"
    for name, when in {
        "audit_stays": "UPDATE ON audit",
        "audit_is_kept": "DELETE ON audit",
        # INSERT OR REPLACE deletes a row without asking the trigger above.
        "audit_grows": "INSERT ON audit WHEN NEW.id <= (SELECT max(id) FROM audit)",
        "audit_head_grows": "UPDATE ON audit_head WHEN NEW.entries <= OLD.entries OR NEW.began <> OLD.began",
        "audit_head_is_kept": "DELETE ON audit_head",
        "audit_head_is_one": "INSERT ON audit_head",
    }.items()
}
"""By which SQLite refuses to change an entry; the migration made them with the same text."""

_COLUMNS = (audit.c.id, audit.c.at, audit.c.actor, audit.c.address, audit.c.action, audit.c.target, audit.c.detail)
# As bytes, since who tampers may write what is no text, and that must not stop whoever looks for it.
_READ = (audit.c.id, *(cast(column, LargeBinary).label(column.name) for column in (*_COLUMNS[1:], audit.c.hash)))
_HEAD = select(audit_head.c.entries, cast(audit_head.c.hash, LargeBinary).label("hash"))


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row; `detail` is the JSON text as it is kept, `at` a moment in wire form."""

    id: int
    at: str
    actor: str
    address: str
    action: str
    target: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: all that fulfill every field that is given.

    `actions`: their keys. `actor`: a part of the text; `target`: of the target's or the detail's, such as a reference.
    `since` is part of the time, `until` is not.
    """

    actions: Collection[str] = ()
    actor: str = ""
    target: str = ""
    since: str = ""
    until: str = ""


def append(connection: Connection, at: str, actor: str, address: str, action: str, target: str, detail: str) -> None:
    """Write one entry in the caller's transaction. `detail` is JSON.

    Raises errors.unavailable where the audit was tampered with so that nothing fits behind it: no act without an entry.
    """
    append_all(connection, [(at, actor, address, action, target, detail)])


def append_all(connection: Connection, entries: Iterable[tuple[str, str, str, str, str, str]]) -> None:
    """Write many at once, each as `append` takes it: the head is read and written once, whatever their number."""
    before = _head(connection)
    if before is None:
        raise _unwritable()
    number, new_hash = before
    written = []
    names = [column.name for column in _COLUMNS]
    for entry in entries:
        number += 1
        values = (number, *entry)
        new_hash = _hash(new_hash, values)
        written.append(dict(zip(names, values, strict=True)) | {"hash": new_hash})
    if not written:
        return
    try:
        connection.execute(insert(audit), written)
        connection.execute(update(audit_head).values(entries=number, hash=new_hash))
    except IntegrityError as error:
        raise _unwritable() from error


def _unwritable() -> ScimError:
    return unavailable("The audit cannot be written; recnice-scim check says what is wrong with it")


def newest(connection: Connection, action: str, since: str, limit: int) -> Sequence[Any]:
    """Rows with at, actor, target and detail: the newest entries of one action that are not older than `since`."""
    columns = select(audit.c.at, audit.c.actor, audit.c.target, audit.c.detail)
    wanted = columns.where(audit.c.action == action, audit.c.at >= since)
    return connection.execute(wanted.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)).all()


def last_about(connection: Connection, action: str, user_id: str, since: str) -> str:
    """Return when an action that names a user in its detail was last done, not before `since`; "" for never."""
    about = audit.c.detail.contains(user_id, autoescape=True)
    wanted = select(func.max(audit.c.at)).where(audit.c.at >= since, audit.c.action == action, about)
    return connection.execute(wanted).scalar() or ""


def last_acts(connection: Connection, actions: Collection[str]) -> dict[str, str]:
    """Return when each actor last did one of these, by the names that the audit gives them."""
    last = select(audit.c.actor, func.max(audit.c.at)).where(audit.c.action.in_(actions)).group_by(audit.c.actor)
    return {actor: at for actor, at in connection.execute(last)}


def head(connection: Connection) -> tuple[int, str]:
    """Return how many entries there are and the hash of the last one: 0 and "" of none, and where nobody knows."""
    with suppress(DBAPIError):
        return _head(connection) or (0, "")
    return 0, ""


def _head(connection: Connection) -> tuple[int, str] | None:
    """Return the same, or None in a table that was made again with anything else in it."""
    rows = connection.execute(_HEAD).all()
    if len(rows) != 1 or not isinstance(rows[0].entries, int):
        return None
    return rows[0].entries, (rows[0].hash or b"").decode("utf-8", "replace")


def count_since(connection: Connection, action: str, since: str, until: str, address: str | None = None) -> int:
    """How many entries of an action there are from one moment to another, both included; all, or from one address."""
    wanted = select(func.count()).where(audit.c.at.between(since, until), audit.c.action == action)
    if address is not None:
        wanted = wanted.where(audit.c.address == address)
    return int(connection.execute(wanted).scalar_one())


def page(
    connection: Connection, wanted: AuditFilter, before: int | None, limit: int
) -> tuple[list[AuditRow], int | None]:
    """At most so many wanted entries, the newest first, and the id before which the next page goes on (None: no more).

    Only those with an id below `before`, and at most `bounds.AUDIT_ROWS_READ` rows are looked at; so a page may be
    short, or empty, and have a next one.
    """
    top = (_edge(connection, func.max(audit.c.id), *_conditions(AuditFilter(until=wanted.until))) or 0) + 1
    first = _edge(connection, func.min(audit.c.id), *_conditions(AuditFilter(since=wanted.since))) or top
    top = top if before is None else min(before, top)
    bottom = max(first, top - bounds.AUDIT_ROWS_READ)
    found = select(*_READ).where(audit.c.id < top, audit.c.id >= bottom, *_conditions(wanted, is_along_ids=True))
    rows = connection.execute(found.order_by(audit.c.id.desc()).limit(limit + 1)).all()
    entries = [_entry(row, "replace") for row in rows[:limit]]
    if len(rows) > limit:
        return entries, entries[-1].id
    return entries, bottom if bottom > first else None


def _edge(connection: Connection, edge: ColumnElement[int], *conditions: ColumnElement[bool]) -> int | None:
    return connection.execute(select(edge).where(*conditions)).scalar()


def _conditions(wanted: AuditFilter, is_along_ids: bool = False) -> list[ColumnElement[bool]]:
    """`is_along_ids`: in a form that fits no index, along which all that fits would be sorted for every page."""
    found: list[ColumnElement[bool]] = []
    action, at = (column.concat("") if is_along_ids else column for column in (audit.c.action, audit.c.at))
    if wanted.actions:
        found.append(action.in_(wanted.actions))
    if wanted.actor:
        found.append(audit.c.actor.icontains(wanted.actor, autoescape=True))
    if wanted.target:
        found.append(
            or_(*(column.icontains(wanted.target, autoescape=True) for column in (audit.c.target, audit.c.detail)))
        )
    if wanted.since:
        found.append(at >= wanted.since)
    if wanted.until:
        found.append(at < wanted.until)
    return found


def faults(connection: Connection, noted_hash: str = "") -> Iterator[str]:
    """A sentence for each way in which the audit is not what was written; of changed entries only the first ones.

    `noted_hash`: the last hash as it once was. That it is nowhere in the chain is a fault, too.
    """
    triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    if {row.name: _normal(row.sql) for row in triggers} != {name: _normal(sql) for name, sql in TRIGGERS.items()}:
        yield "audit: the triggers that keep it append-only are missing, or are others"
    chain = _Chain(noted_hash)
    yield from islice(chain.faults(connection), bounds.AUDIT_FAULTS)
    before = _head(connection)
    if before is None:
        yield "audit: audit_head is not one row with the number of the entries and the last hash"
    elif before != (chain.last, chain.hash):
        yield f"audit: {before[0]} entries were written, the last one that is there is {chain.last}"
    numbered = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").scalar()
    if (numbered or 0) != chain.last:
        yield f"audit: {numbered or 0} entries were numbered, the last one that is there is {chain.last}"
    for (recorded,) in connection.execute(select(cast(audit_head.c.began, LargeBinary))):
        began = (recorded or b"").decode("utf-8", "replace")
        if not _is_moment(began):
            yield f"audit: its beginning is recorded as {began!r:.40}, which is no moment"
    yield from unaudited_rows.faults(connection)
    if noted_hash and not chain.noted:
        yield f"audit: no entry has the hash {noted_hash}, or one up to it is not as it was written"


def find_noted(connection: Connection, noted_hash: str) -> int:
    """The id of the entry with this hash, if all entries up to it are as they were written; 0 if not. Reads them."""
    chain = _Chain(noted_hash)
    with suppress(DBAPIError):
        for _ in chain.faults(connection):
            break
    return chain.noted


class _Chain:
    """A walk from the first entry to the last. After it: the last one's id and hash."""

    def __init__(self, noted_hash: str) -> None:
        self.last, self.hash = 0, ""
        self.noted = 0
        self._noted_hash = noted_hash.encode()

    def faults(self, connection: Connection) -> Iterator[str]:
        is_sound = True
        for row in connection.execute(select(*_READ).order_by(audit.c.id)):
            entry = _entry(row, "surrogateescape")
            here = []
            if not isinstance(row[0], int):  # only in a table that was made again
                yield f"audit: an entry has the number {row[0]!r:.40}"
                is_sound = False
                continue
            if entry.id != self.last + 1:
                here.append(f"audit: entry {self.last + 1} is missing, entry {entry.id} follows")
            values = (entry.id, entry.at, entry.actor, entry.address, entry.action, entry.target, entry.detail)
            if None in tuple(row) or entry.hash != _hash(self.hash, values):
                here.append(f"audit: entry {entry.id} is not as it was written, or the one before it is not")
            is_sound = is_sound and not here
            if is_sound and row.hash == self._noted_hash:
                self.noted = entry.id
            self.last, self.hash = entry.id, entry.hash
            yield from here


def _is_moment(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _entry(row: Row[Any], on_error: str) -> AuditRow:
    values: Sequence[Any] = row
    return AuditRow(values[0], *((text or b"").decode("utf-8", on_error) for text in values[1:]))


def _normal(sql: str | None) -> str:
    """SQL without what means nothing: SQLite keeps the text as it was given."""
    return " ".join((sql or "").split())


def _hash(previous: str, values: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps([previous, *values], ensure_ascii=True).encode()).hexdigest()
