"""This module records when a client last matched, read or changed each resource.

A missing request from Entra is the only sign of a user who left its scope unnoticed. For resources that the log does
not know, the last change counts: a client made it.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from app import bounds
from app.request_record import Request
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import console_lists
from app.store.request_log import last_seen_rows as rows
from app.store.request_log import log_database

_EVER = "~"  # sorts after every moment in wire form

log = logging.getLogger(__name__)


def update_from(connection: Connection, batch: Sequence[Request]) -> None:
    """Record which resources a batch of requests was about. Call it before `remove_deleted`."""
    moments: dict[str, tuple[str, str]] = {}
    for request in batch:
        if request.resources and request.has_key and not request.is_refused:
            for resource_type, resource_id in request.resources:
                moments[resource_id] = (resource_type, request.at)
    rows.record(connection, moments)


def remove_deleted(connection: Connection, batch: Sequence[Request]) -> None:
    """Delete the entries of resources that a batch of requests deleted; an id is never used again."""
    gone = {one.resource_id for one in batch if one.action == "delete" and one.has_key and not one.is_refused}
    if gone:
        rows.forget(connection, gone)


def forget(resource_id: str) -> None:
    """Delete the entry of a resource that an owner deleted."""
    with log_database.writing() as connection:
        rows.forget(connection, [resource_id])


def last_requests(ids: Iterable[str]) -> dict[str, str]:
    """Return the last request about each resource (wire form); unknown ids are left out.

    Raises `errors.unavailable` when the log cannot be used, as the other functions here do.
    """
    with log_database.reading() as connection:
        return rows.of_ids(connection, ids)


def silent_since(resource_type: str, before: str, start: int = 1, count: int = 50) -> list[tuple[str, str]]:
    """Return the ids and last requests of resources whose last request is before a moment, the oldest first.

    `start`: the first one's place, from 1. Resources without a request since the log began are left out.
    """
    with log_database.reading() as connection:
        return rows.before(connection, resource_type, before, start - 1, count)


def fill_in_background(
    context: Callable[[], AbstractContextManager[object]], types: Iterable[ResourceType]
) -> threading.Thread:
    """Run `fill_missing` in its own thread, since a million resources take minutes.

    `context` gives an application context. If it is interrupted, the next start continues.
    """

    def run() -> None:
        try:
            with context():
                fill_missing(types)
        except ScimError as error:
            log.warning("who was last spoken of when stays unknown: %s", error.detail)

    thread = threading.Thread(target=run, name="last-seen", daemon=True)
    thread.start()
    return thread


def fill_missing(types: Iterable[ResourceType]) -> int:
    """Record the last change of every resource that has no entry; at most starts there is nothing to do.

    Returns the number of resources read. Each portion has its own transaction.
    """
    return sum(_fill(one) for one in types if _has_missing(one))


def _has_missing(resource_type: ResourceType) -> bool:
    with directory_database.reading() as connection:
        present = console_lists.count_in(connection, resource_type, "")
    with log_database.reading() as connection:
        return rows.count_before(connection, resource_type.name, _EVER) < present


def _fill(resource_type: ResourceType) -> int:
    total, after = 0, 0
    while True:
        with directory_database.reading() as connection:
            positions = console_lists.positions_with(connection, resource_type, "", "", after, bounds.WALKED_AT_ONCE)
            keys = console_lists.keys(connection, resource_type, positions)
        if not positions:
            return total
        with log_database.writing() as connection:
            rows.record(connection, {key.id: (resource_type.name, key.last_modified) for key in keys})
        total, after = total + len(keys), positions[-1]
