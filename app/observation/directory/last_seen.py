"""This module records when a client last matched, read or changed each resource.

Entra's silence about somebody is the one sign of a person who fell out of its scope unnoticed.
"""

from collections.abc import Iterable, Sequence

from app.observation.request_record import Request
from app.store.database.directory_database import Connection
from app.store.request_log import last_seen_rows as rows
from app.store.request_log import log_database


def fold(connection: Connection, batch: Sequence[Request]) -> None:
    """Notes who a batch of requests spoke of. To be called before `fold_deletions`."""
    moments: dict[str, tuple[str, str]] = {}
    for request in batch:
        if request.has_key and not request.is_refused:
            moments |= {resource_id: (resource_type, request.at) for resource_type, resource_id in request.mentioned}
    rows.note(connection, moments)


def fold_deletions(connection: Connection, batch: Sequence[Request]) -> None:
    """Forget who was deleted in a batch of requests; an id is never used again."""
    gone = {one.resource_id for one in batch if one.has_key and not one.is_refused and one.deed == "delete"}
    if gone:
        rows.forget(connection, gone)


def last_mentioned(ids: Iterable[str]) -> dict[str, str]:
    """When each of these was last spoken of (wire form); one that never was is not in it.

    Raises `errors.unavailable` when the log cannot be used, as the others here.
    """
    with log_database.reading() as connection:
        return rows.of_ids(connection, ids)


def silent_since(resource_type: str, before: str, start: int = 1, count: int = 50) -> list[tuple[str, str]]:
    """Ids, and when they were last spoken of, of those for whom that was before a moment; the longest ago first.

    `start`: the first one's place, from 1. Whoever was never spoken of since the log began is not among them.
    """
    with log_database.reading() as connection:
        return rows.before(connection, resource_type, before, start - 1, count)


def count_silent_since(resource_type: str, before: str) -> int:
    """How many these are."""
    with log_database.reading() as connection:
        return rows.count_before(connection, resource_type, before)
