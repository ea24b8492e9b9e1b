"""This module exports everything that the data folder has about one user, also a deleted one, as one JSON file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.observation.directory import history_reader
from app.provisioning.erasures import names_user
from app.scim.differences import spread
from app.scim.resource_types import USER, ResourceType
from app.store.access import audit_rows, role_rows, session_rows
from app.store.database import directory_database
from app.store.directory import resource_rows
from app.store.erasure import log_part, person
from app.store.erasure.person import Person
from app.store.request_log import log_database

FORMAT = 1
_encode = json.JSONEncoder(ensure_ascii=False).encode


def export(user_id: str, by: Actor, user_type: ResourceType = USER) -> Iterator[str]:
    """Record the export in the audit, and return the text of the file, which is read in portions.

    `user_type` has the custom attributes of users. Values that are never returned are left out. Raises Refused if there
    is no such user.
    """
    with directory_database.writing() as connection:
        someone = person.find(connection, user_id)
        if someone is None:
            raise Refused("There is no such user.")
        at = audit.record(connection, by, Action.USER_EXPORTED, someone.name, person=user_id)
        newest, _ = audit_rows.head(connection)
    return _text(someone, user_type, at, newest)


def _text(someone: Person, user_type: ResourceType, at: str, newest: int) -> Iterator[str]:
    now = _now(someone, user_type)
    yield f'{{\n"format": {FORMAT},\n"made": {_encode(at)},\n"id": {_encode(someone.id)}'
    for name, value in now.items():
        yield f",\n{_encode(name)}: {_encode(value)}"
    parts: Mapping[str, Iterator[Any]] = {
        "history": _history(someone, user_type),
        "memberships": _memberships(someone),
        "requests": _requests(someone),
        "problems": _problems(someone),
        "audit": _audit(someone, newest),
    }
    for name, rows in parts.items():
        yield f",\n{_encode(name)}: ["
        separator = "\n"
        for row in rows:
            yield separator + _encode(row)
            separator = ",\n"
        yield "\n]"
    yield "\n}\n"


def _now(someone: Person, user_type: ResourceType) -> Mapping[str, Any]:
    with directory_database.reading() as connection:
        sessions = session_rows.list_owned(connection, None, someone.id)
        grant = role_rows.grant_of(connection, someone.id)
        record = resource_rows.load(connection, user_type, someone.id) if someone.is_here else None
    with log_database.reading() as log:
        seen = log_part.last_seen_of(log, someone.id)
    state: dict[str, Any] = {"user": None}
    if record is not None:
        meta = {"version": record.version, "created": record.created, "lastModified": record.last_modified}
        state = {"user": spread(user_type, record.content), "meta": meta}
    names = ("method", "created", "last_seen", "proved", "address", "user_agent")
    state["sessions"] = [{name: getattr(row, name) for name in names} for row in sessions]
    state["role"] = asdict(grant) if grant else None
    return state | {"lastSeen": seen}


def _history(someone: Person, user_type: ResourceType) -> Iterator[Any]:
    before = None
    while events := history_reader.events_of(user_type, someone.id, before, bounds.EXPORT_ROWS_AT_ONCE):
        for event in events:
            yield asdict(event)
        before = events[-1].id


def _memberships(someone: Person) -> Iterator[Any]:
    before, beyond = None, ""
    while links := history_reader.links_of_member(someone.id, before, bounds.EXPORT_ROWS_AT_ONCE, beyond):
        for link in links:
            yield asdict(link)
        before, beyond = links[-1].event_id, links[-1].group_id


def _requests(someone: Person) -> Iterator[Any]:
    after: int | None = 0
    while after is not None:
        with log_database.reading() as log:
            rows, after = log_part.requests_naming(log, someone, after)
        yield from rows


def _problems(someone: Person) -> Iterator[Any]:
    with log_database.reading() as log:
        rows = log_part.problems_naming(log, someone)
    yield from rows


def _audit(someone: Person, newest: int) -> Iterator[Any]:
    after = 0
    while after < newest:
        with directory_database.reading() as connection:
            entries = list(audit_rows.entries(connection, after, bounds.EXPORT_ROWS_AT_ONCE))
        if not entries:
            return
        for entry in entries:
            if names_user(entry, someone):
                texts = {name: getattr(entry, name) for name in ("actor", "address", "action", "target")}
                yield {"id": entry.id, "at": entry.at, **texts, "detail": entry.detail}
        after = entries[-1].id


def file_name() -> str:
    """Return the name of the file, which does not name the user."""
    return f"user-{clock.utc_now().strftime('%Y-%m-%d')}.json"
