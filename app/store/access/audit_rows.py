"""This module appends audit entries, each with a hash over the one before.

    commitment = SHA-256 of the JSON array [salt, actor, address, target, detail]
    hash = SHA-256 of the JSON array [hash of the entry before, id, at, action, commitment]

Entries from before step 0014 have no commitment: their hash is that of [hash of the entry before, id, at, actor,
address, action, target, detail]. The first entry of the new form, `audit-renewed`, closes their part.

An attacker who can write the file and knows this can create another complete chain. So `recnice-scim check` prints the
last hash: one that was recorded elsewhere tells whether the entries up to it are unchanged.
See also: docs/decisions/0074-an-audit-that-can-be-erased.md.
"""

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, bindparam, cast, delete, func, insert, or_, select, update

from app import bounds
from app.scim.errors import ScimError, unavailable
from app.store.access import unaudited_rows
from app.store.access.account_tables import audit, audit_head, audit_summary
from app.store.database import remembered_reads, sqlite_driver
from app.store.database.connection import Connection, Row

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"

TRIGGERS = {
    name: f"CREATE TRIGGER {name} BEFORE {when} {_REFUSE}"
    for name, when in {
        "audit_stays": (
            "UPDATE ON audit WHEN (NEW.id = OLD.id AND NEW.at = OLD.at AND NEW.action = OLD.action"
            " AND NEW.hash = OLD.hash AND NEW.commitment = OLD.commitment"
            " AND NEW.salt = '' AND NEW.erased > max(OLD.id, OLD.erased)"
            " AND (NEW.actor = OLD.actor OR NEW.actor GLOB 'person erased person [0-9]*')"
            " AND (NEW.target IN (OLD.target, '') OR NEW.target GLOB 'erased person [0-9]*')"
            " AND NEW.address IN (OLD.address, '') AND json_valid(NEW.detail)) IS NOT TRUE"
        ),
        "audit_is_kept": "DELETE ON audit WHEN (OLD.id <= (SELECT max(last) FROM audit_summary)) IS NOT TRUE",
        # INSERT OR REPLACE deletes a row without firing the trigger above.
        "audit_grows": "INSERT ON audit WHEN NEW.id <= (SELECT max(id) FROM audit)",
        "audit_head_grows": "UPDATE ON audit_head WHEN NEW.entries <= OLD.entries OR NEW.began <> OLD.began",
        "audit_head_is_kept": "DELETE ON audit_head",
        "audit_head_is_one": "INSERT ON audit_head",
        "audit_summary_grows": (
            "INSERT ON audit_summary WHEN (NEW.last > (SELECT coalesce(max(last), 0) FROM audit_summary)"
            " AND NEW.hash = (SELECT hash FROM audit WHERE id = NEW.last)) IS NOT TRUE"
        ),
        "audit_summary_stays": "UPDATE ON audit_summary",
        "audit_summary_is_kept": "DELETE ON audit_summary",
    }.items()
}
"""The triggers by which SQLite refuses to change an entry; the migrations created them with the same text."""

RENEWED, SUMMARIZED, ERASED = "audit-renewed", "audit-summarized", "person-erased"
"""The actions of the entries that the chain itself needs: see `_Chain`."""

_new_salt = partial(secrets.token_hex, 16)
_DIGEST_BYTES = 4
_COLUMNS = (audit.c.id, audit.c.at, audit.c.actor, audit.c.address, audit.c.action, audit.c.target, audit.c.detail)
# As bytes: an attacker may write what is not text, and that must not stop the check that looks for it.
_READ = (
    *(audit.c.id, audit.c.erased),
    *(cast(column, LargeBinary).label(column.name) for column in (*_COLUMNS[1:], audit.c.hash, audit.c.commitment)),
    cast(audit.c.salt, LargeBinary).label("salt"),
)
_HEAD = select(audit_head.c.entries, cast(audit_head.c.hash, LargeBinary).label("hash"))
_SUMMARY = (
    select(
        audit_summary.c.last,
        *(cast(audit_summary.c[name], LargeBinary).label(name) for name in ("at", "reason", "until", "hash")),
    )
    .order_by(audit_summary.c.last.desc())
    .limit(1)
)
_AFTER = select(*_READ).where(audit.c.id > bindparam("after")).order_by(audit.c.id).limit(bindparam("limit"))
_AGES = select(audit.c.id, audit.c.at, audit.c.action).order_by(audit.c.id).limit(bindparam("limit"))
_HASHES = select(audit.c.hash).where(audit.c.id <= bindparam("last")).order_by(audit.c.id)
_NEWEST = (
    select(audit.c.at, audit.c.actor, audit.c.target, audit.c.detail)
    .where(audit.c.action == bindparam("action"), audit.c.at >= bindparam("since"))
    .order_by(audit.c.at.desc(), audit.c.id.desc())
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One audit entry; `detail` is the stored JSON text, `at` a moment in wire form.

    `erased`: the id of the entry that records that the texts were erased; 0 if they were not. `commitment` and `salt`
    are "" in an entry from before step 0014.
    """

    id: int
    erased: int
    at: str
    actor: str
    address: str
    action: str
    target: str
    detail: str
    hash: str
    commitment: str
    salt: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What replaced the entries up to the id `last`: when, why, and their last hash. `until`: their newest time."""

    last: int
    at: str
    reason: str
    until: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """A filter for entries that fulfill every given field.

    `actions`: their keys. `actor`: a part of the text; `target`: a part of the target or of the detail, such as a
    reference. `since` is part of the period, `until` is not.
    """

    actions: Collection[str] = ()
    actor: str = ""
    target: str = ""
    since: str = ""
    until: str = ""


def append(connection: Connection, at: str, actor: str, address: str, action: str, target: str, detail: str) -> None:
    """Write one entry in the caller's transaction. `detail` is JSON.

    Raises errors.unavailable if the audit was tampered with so that no entry can follow: no action without an entry.
    """
    append_all(connection, [(at, actor, address, action, target, detail)])


def append_all(connection: Connection, entries: Iterable[tuple[str, str, str, str, str, str]]) -> None:
    """Write many entries, each with the arguments of `append`; the head is read and written only once."""
    before = _head(connection)
    if before is None:
        raise _unwritable()
    number, new_hash = before
    written = []
    names = [column.name for column in (*_COLUMNS, audit.c.hash, audit.c.commitment, audit.c.salt)]
    for at, actor, address, action, target, detail in entries:
        number += 1
        salt = _new_salt()
        commitment = _hash(salt, actor, address, target, detail)
        new_hash = _hash(new_hash, number, at, action, commitment)
        values = (number, at, actor, address, action, target, detail, new_hash, commitment, salt)
        written.append(dict(zip(names, values, strict=True)))
    if not written:
        return
    try:
        connection.execute(insert(audit), written)
        connection.execute(update(audit_head).values(entries=number, hash=new_hash))
    except sqlite_driver.module.IntegrityError as error:
        raise _unwritable() from error


def _unwritable() -> ScimError:
    return unavailable("The audit cannot be written; recnice-scim check says what is wrong with it")


def newest(connection: Connection, action: str, since: str, limit: int) -> Sequence[Any]:
    """Return the newest entries of one action since `since` as rows with at, actor, target and detail."""
    return connection.execute(_NEWEST, {"action": action, "since": since, "limit": limit}).all()


def last_about(connection: Connection, action: str, user_id: str, since: str) -> str:
    """Return when an action with a user in its detail was last done, not before `since`; "" for never."""
    about = audit.c.detail.contains(user_id, autoescape=True)
    query = select(func.max(audit.c.at)).where(audit.c.at >= since, audit.c.action == action, about)
    return connection.execute(query).scalar() or ""


def last_acts(connection: Connection, actions: Collection[str]) -> dict[str, str]:
    """Return when each actor last did one of these actions, by the actor's name in the audit."""
    last = select(audit.c.actor, func.max(audit.c.at)).where(audit.c.action.in_(actions)).group_by(audit.c.actor)
    return dict(connection.tuples(last, {}))


def head(connection: Connection) -> tuple[int, str]:
    """Return the number of entries and the hash of the last one; 0 and "" if there is none, or it is unknown."""
    with suppress(sqlite_driver.module.Error):
        return _head(connection) or (0, "")
    return 0, ""


def _head(connection: Connection) -> tuple[int, str] | None:
    """Return the same as `head`, or None if the table was recreated with other content."""
    rows = connection.execute(_HEAD).all()
    if len(rows) != 1 or not isinstance(rows[0].entries, int):
        return None
    return rows[0].entries, (rows[0].hash or b"").decode("utf-8", "replace")


def count_since(connection: Connection, action: str, since: str, until: str, address: str | None = None) -> int:
    """Return the number of entries of an action between two moments, both included; of all or one IP address."""
    query = select(func.count()).where(audit.c.at.between(since, until), audit.c.action == action)
    if address is not None:
        query = query.where(audit.c.address == address)
    return int(connection.execute(query).scalar_one())


def page(
    connection: Connection, criteria: AuditFilter, before: int | None, limit: int
) -> tuple[list[AuditRow], int | None]:
    """Return at most `limit` matching entries, newest first, and the id for `before` of the next page (None: no more).

    Only entries with an id below `before`, and at most `bounds.AUDIT_ROWS_READ` rows are read, so a page may be short
    or empty and have a next one.
    """
    top = (_edge(connection, func.max(audit.c.id), *_conditions(AuditFilter(until=criteria.until))) or 0) + 1
    first = _edge(connection, func.min(audit.c.id), *_conditions(AuditFilter(since=criteria.since))) or top
    top = top if before is None else min(before, top)
    bottom = max(first, top - bounds.AUDIT_ROWS_READ)
    query = select(*_READ).where(audit.c.id < top, audit.c.id >= bottom, *_conditions(criteria, is_along_ids=True))
    rows = connection.execute(query.order_by(audit.c.id.desc()).limit(limit + 1)).all()
    entries = [_entry(row, "replace") for row in rows[:limit]]
    if len(rows) > limit:
        return entries, entries[-1].id
    return entries, bottom if bottom > first else None


def _edge(connection: Connection, edge: ColumnElement[int], *conditions: ColumnElement[bool]) -> int | None:
    number: int | None = connection.execute(select(edge).where(*conditions)).scalar()
    return number


def _conditions(criteria: AuditFilter, is_along_ids: bool = False) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter. `is_along_ids`: in a form that uses no index.

    With an index, SQLite would sort all matching rows for every page.
    """
    conditions: list[ColumnElement[bool]] = []
    action, at = (column.concat("") if is_along_ids else column for column in (audit.c.action, audit.c.at))
    if criteria.actions:
        conditions.append(action.in_(criteria.actions))
    if criteria.actor:
        conditions.append(audit.c.actor.icontains(criteria.actor, autoescape=True))
    if criteria.target:
        conditions.append(
            or_(*(column.icontains(criteria.target, autoescape=True) for column in (audit.c.target, audit.c.detail)))
        )
    if criteria.since:
        conditions.append(at >= criteria.since)
    if criteria.until:
        conditions.append(at < criteria.until)
    return conditions


def summary(connection: Connection) -> Summary | None:
    """Return what replaced the first entries; None if all are there, or the table was recreated with other content."""
    row = None
    with suppress(sqlite_driver.module.Error):
        row = connection.execute(_SUMMARY).first()
    if row is None or not isinstance(row.last, int):
        return None
    return Summary(row.last, *((text or b"").decode("utf-8", "replace") for text in row[1:]))


def find_summarized(connection: Connection, known_hash: str) -> tuple[int, Summary] | None:
    """Return the id of the entry that had this hash, and what replaced it; None if no summarized one had it."""
    known = _digest(known_hash)
    first = 1
    for row in connection.execute(select(audit_summary).order_by(audit_summary.c.last)):
        digests = bytes(row.digests)
        for place in range(0, len(digests), len(known)):
            if digests[place : place + len(known)] == known:
                return first + place // len(known), Summary(row.last, row.at, row.reason, row.until, row.hash)
        first = row.last + 1
    return None


def _digest(entry_hash: str) -> bytes:
    return hashlib.sha256(entry_hash.encode()).digest()[:_DIGEST_BYTES]


def faults(connection: Connection, known_hash: str = "") -> Iterator[str]:
    """Yield a sentence for each fault of the audit; of changed entries only the first ones.

    `known_hash`: the last hash as it once was. It is a fault, too, if no entry of the chain has it, unless its entry
    was summarized.
    """
    triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    there = {row.name: _normal(row.sql) for row in triggers}
    if {name: there.pop(name, "") for name in remembered_reads.TRIGGERS} != _normal_all(remembered_reads.TRIGGERS):
        yield "generation: the triggers that raise its number are missing, or are others"
    if there != _normal_all(TRIGGERS):
        yield "audit: the triggers that keep it append-only are missing, or are others"
    chain = _Chain(summary(connection), known_hash)
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
    if known_hash and not chain.match and not find_summarized(connection, known_hash):
        yield f"audit: no entry has the hash {known_hash}, or one up to it is not as it was written"


def append_summary(connection: Connection, beginning: Summary) -> None:
    """Replace the entries up to `beginning.last`, in the transaction of the entry that records it."""
    digests = b"".join(_digest(row.hash) for row in connection.execute(_HASHES, {"last": beginning.last}))
    connection.execute(insert(audit_summary), asdict(beginning) | {"digests": digests})
    connection.execute(delete(audit).where(audit.c.id <= bindparam("last")), {"last": beginning.last})


def last_before(connection: Connection, moment: str) -> tuple[int, bool]:
    """Return the id of the last of the first entries that are older than a moment, and whether more may follow.

    0 if there is none, or if they only record former summaries: a summary of these would need another one. At most
    `bounds.AUDIT_ROWS_SUMMARIZED` are read, and the last of all entries does not count.
    """
    last = 0
    limit = bounds.AUDIT_ROWS_SUMMARIZED
    head_id = head(connection)[0]
    rows = connection.execute(_AGES, {"limit": limit}).all()
    for row in rows:
        if row.at >= moment or row.id >= head_id:
            return last, False
        if row.action not in (SUMMARIZED, unaudited_rows.MAPPING_KEPT):
            last = row.id
    return last, len(rows) == limit and last > 0


def first_entries(connection: Connection, last: int) -> tuple[int, str, str, str]:
    """Return the id and hash of the first entry, and the hash and the newest time of those up to the id `last`."""
    first = connection.execute(select(audit.c.id, audit.c.hash).order_by(audit.c.id).limit(1)).one()
    last_hash = connection.execute(select(audit.c.hash).where(audit.c.id == last)).scalar_one()
    until = connection.execute(select(func.max(audit.c.at)).where(audit.c.id <= last)).scalar_one()
    return first.id, first.hash, last_hash, until


def entries(connection: Connection, after: int, limit: int = bounds.INTEGER_MAXIMUM) -> Iterator[AuditRow]:
    """Yield the first entries with an id above `after`, in their order."""
    for row in connection.execute(_AFTER, {"after": after, "limit": limit}):
        yield _entry(row, "replace")


def erase(connection: Connection, entry: AuditRow) -> None:
    """Store the texts of an entry as given and without a salt, so that its commitment tells nothing about others.

    `entry.erased` is the id of the entry that records it. Raises IntegrityError for one without a commitment.
    """
    texts = {name: getattr(entry, name) for name in ("actor", "address", "target", "detail", "erased")}
    connection.execute(update(audit).where(audit.c.id == entry.id).values(salt="", **texts))


def find_by_hash(connection: Connection, known_hash: str) -> int:
    """Return the id of the entry with this hash if all entries up to it are unchanged, else 0. Reads all of them."""
    chain = _Chain(summary(connection), known_hash)
    with suppress(sqlite_driver.module.Error):
        for _ in chain.faults(connection):
            break
    return chain.match


class _Chain:
    """A walk from the first entry to the last; afterwards it has the id and hash of the last one.

    It begins after what `beginning` replaced, which an entry must record (SUMMARIZED). The first entry with a
    commitment must be the one that closes the former part (RENEWED). Texts that were erased are recorded, too (ERASED),
    with their number.
    """

    def __init__(self, beginning: Summary | None, known_hash: str) -> None:
        self.last, self.hash = (beginning.last, beginning.hash) if beginning else (0, "")
        self.match = 0
        self._beginning = beginning
        self._known_hash = known_hash.encode()
        self._is_former = self._is_renewed = False
        self._erased: Counter[int] = Counter()

    def faults(self, connection: Connection) -> Iterator[str]:
        is_sound, is_recorded = True, self._beginning is None
        for row in connection.execute(select(*_READ).order_by(audit.c.id)):
            entry = _entry(row, "surrogateescape")
            here = []
            if not isinstance(row[0], int):  # only in a table that was recreated
                yield f"audit: an entry has the number {row[0]!r:.40}"
                is_sound = False
                continue
            if entry.id != self.last + 1:
                here.append(f"audit: entry {self.last + 1} is missing, entry {entry.id} follows")
            if not self._is_as_written(row, entry):
                here.append(f"audit: entry {entry.id} is not as it was written, or the one before it is not")
            if entry.action == ERASED:
                # Fewer, if some were erased again with another person, or summarized.
                stated = _text(entry.detail, "entries")[:9]
                if self._erased.pop(entry.id, 0) > (int(stated) if stated.isdecimal() else 0):
                    here.append(f"audit: more texts are erased than entry {entry.id} says")
            is_recorded = is_recorded or self._is_record_of_beginning(entry)
            is_sound = is_sound and not here
            if is_sound and row.hash == self._known_hash:
                self.match = entry.id
            self.last, self.hash = entry.id, entry.hash
            yield from here
        for number, count in self._erased.items():
            yield f"audit: the texts of {count} entries are erased, and entry {number} does not say so"
        if self._beginning and not is_recorded:
            yield f"audit: no entry says that the entries up to {self._beginning.last} were summarized"

    def _is_as_written(self, row: Row, entry: AuditRow) -> bool:
        if None in (row.at, row.actor, row.address, row.action, row.target, row.detail, row.hash, row.salt):
            return False
        texts = entry.actor, entry.address, entry.target, entry.detail
        if row.commitment is None:
            self._is_former = True
            is_former_text = (entry.erased, entry.salt) == (0, "") and not self._is_renewed
            values = (entry.id, entry.at, entry.actor, entry.address, entry.action, entry.target, entry.detail)
            return is_former_text and entry.hash == _hash(self.hash, *values)
        if self._is_former and not self._is_renewed and entry.action != RENEWED:
            return False
        self._is_renewed = True
        if entry.salt == "" and isinstance(entry.erased, int) and entry.erased > entry.id:
            self._erased[entry.erased] += 1
        elif entry.erased != 0 or entry.commitment != _hash(entry.salt, *texts):
            return False
        return entry.hash == _hash(self.hash, entry.id, entry.at, entry.action, entry.commitment)

    def _is_record_of_beginning(self, entry: AuditRow) -> bool:
        beginning = self._beginning
        return (
            beginning is not None
            and (entry.action, entry.at) == (SUMMARIZED, beginning.at)
            and _text(entry.detail, "last") == str(beginning.last)
            and _text(entry.detail, "last_hash") == beginning.hash
            and _text(entry.detail, "until") == beginning.until
            and _text(entry.detail, "reason") == beginning.reason
        )


def _text(detail: str, name: str) -> str:
    with suppress(ValueError, AttributeError, RecursionError):
        return str(json.loads(detail).get(name, ""))
    return ""


def _is_moment(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _entry(row: Row, on_error: str) -> AuditRow:
    values: Sequence[Any] = row
    return AuditRow(*values[:2], *((text or b"").decode("utf-8", on_error) for text in values[2:]))


def _normal(sql: str | None) -> str:
    """Return SQL without redundant white space: SQLite stores the text as given."""
    return " ".join((sql or "").split())


def _normal_all(triggers: Mapping[str, str]) -> dict[str, str]:
    return {name: _normal(sql) for name, sql in triggers.items()}


def _hash(*values: Any) -> str:
    return hashlib.sha256(json.dumps(values, ensure_ascii=True).encode()).hexdigest()
