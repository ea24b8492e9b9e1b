"""This module reads the audit: filtered, by page, or completely for an export."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app import bounds
from app.administration import audit
from app.administration.audit import Action, Actor
from app.store.access import audit_rows as rows
from app.store.database import directory_database

View = Literal["", "sign-ins", "acts", "refused"]

REFUSED = frozenset({Action.SIGN_IN_REFUSED, Action.PROOF_REFUSED, Action.SIGN_INS_UNCOUNTED})
SIGN_INS = REFUSED | {Action.SIGNED_IN, Action.SIGNED_OUT, Action.PROVED, Action.RECOVERY_CODE_USED}

VIEWS: Mapping[View, frozenset[Action]] = {
    "": frozenset(Action),
    "sign-ins": SIGN_INS,
    "acts": frozenset(Action) - SIGN_INS,
    "refused": REFUSED,
}
"""The actions that each view displays."""

_BY_KEY: Mapping[str, Action] = {action.key: action for action in Action}
_CALLED = {"nobody": "a client that is not signed in", "itself": "Recnice SCIM", "host": "the command line"}
_BEFORE_TARGET = {Action.SIGN_IN_REFUSED: " as "}


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A filter of entries. `since` (inclusive) and `until` (exclusive) are times in wire form, "" for no limit."""

    view: View = ""
    action: Action | None = None
    actor: str = ""
    target: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry as displayed: `who` did `what` to `target`, with the texts of the detail by name.

    `what` ends so that the target can follow. `actor`, `action` and `detail` are as stored: `hash` is computed from
    `commitment`, `id`, `at`, `action` and the hash of the previous entry, and `commitment` from the texts and `salt`.
    `erased`: the id of the entry that records that the texts were erased, 0 if they were not.
    """

    id: int
    at: str
    who: str
    address: str
    what: str
    target: str
    texts: Mapping[str, str]
    actor: str
    action: str
    detail: str
    hash: str
    commitment: str
    salt: str
    erased: int
    is_refused: bool

    @property
    def sentence(self) -> str:
        """The action and its target, in one line."""
        return (self.what + self.target).strip()

    @property
    def has_time(self) -> bool:
        """Whether `at` is a valid time, as always unless the file was manipulated."""
        with suppress(ValueError):
            return datetime.fromisoformat(self.at).tzinfo is not None
        return False


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of entries, and the id before which the next page begins (None: this is the last page).

    A page may be empty and not the last: at most `bounds.AUDIT_ROWS_READ` entries are read for one page.
    """

    entries: Sequence[AuditEntry]
    before: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """The hash chain: the number of its entries, the hash of the last one ("" if there is none), and its summary.

    `summary`: what replaced the first entries; None if all are stored.
    """

    entries: int
    hash: str
    summary: rows.Summary | None


def find(query: AuditQuery, before: int | None = None) -> AuditPage:
    """Return a page of entries with an id below `before` (None: the first page), newest first."""
    with directory_database.reading() as connection:
        entries, following = rows.page(connection, _filter_of(query), before, bounds.CONSOLE_PAGE_SIZE)
    return AuditPage([_entry(row) for row in entries], following)


def export(query: AuditQuery, by: Actor, form: str) -> Iterator[AuditEntry]:
    """Record the export in the audit, and return an iterator of the entries, newest first, which reads in portions."""
    action = query.action.key if query.action else ""
    detail = {"view": query.view, "action": action, "who": query.actor, "target": query.target}
    detail |= {"form": form, "from": query.since, "to": query.until}
    with directory_database.writing() as connection:
        audit.record(connection, by, Action.AUDIT_EXPORTED, **detail)
        newest, _ = rows.head(connection)
    return _every(query, newest + 1)


def head() -> Head:
    """Return the end of the hash chain."""
    with directory_database.reading() as connection:
        return Head(*rows.head(connection), rows.summary(connection))


def _every(query: AuditQuery, before: int | None) -> Iterator[AuditEntry]:
    """Yield all entries below an id, newest first.

    Each portion is its own transaction, since a slow client must not keep one open for hours. Entries never change.
    """
    entry_filter = _filter_of(query)
    while before is not None:
        with directory_database.reading() as connection:
            entries, before = rows.page(connection, entry_filter, before, bounds.EXPORT_ROWS_AT_ONCE)
        yield from map(_entry, entries)


def _filter_of(query: AuditQuery) -> rows.AuditFilter:
    actions = VIEWS[query.view] & ({query.action} if query.action else VIEWS[""])
    # An empty list would mean no filter; [""] is a filter that matches nothing.
    keys = sorted(action.key for action in actions) or [""]
    is_any = not query.view and not query.action
    return rows.AuditFilter(() if is_any else keys, query.actor, query.target, query.since, query.until)


def _entry(row: rows.AuditRow) -> AuditEntry:
    action = _BY_KEY.get(row.action)
    what = action.title if action else row.action
    between = (_BEFORE_TARGET.get(action, " ") if action else " ") if row.target else ""
    return AuditEntry(
        id=row.id,
        at=row.at,
        who=_who(row.actor),
        address=row.address,
        what=what + between,
        target=row.target,
        texts=_texts(row.detail),
        actor=row.actor,
        action=row.action,
        detail=row.detail,
        hash=row.hash,
        commitment=row.commitment,
        salt=row.salt,
        erased=row.erased,
        is_refused=action in REFUSED,
    )


def _who(actor: str) -> str:
    """Return the display name of a stored actor: "operator eva" is an administrator, "person eva" stays as it is."""
    kind, _, name = actor.partition(" ")
    return f"administrator {name}" if kind == "operator" else _CALLED.get(kind, actor)


def _texts(detail: str) -> Mapping[str, str]:
    """Return the texts of a detail by name. Other JSON is from a manipulated file, and is returned unchanged."""
    try:
        texts = json.loads(detail)
    except (ValueError, RecursionError):
        texts = None
    if not isinstance(texts, dict):
        return {"detail": detail}
    return {name: str(text) for name, text in texts.items()}
