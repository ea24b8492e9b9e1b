"""This module fills in the last-seen time of resources that the log does not know.

A resource's last change came from a client, so it was spoken of then at the latest.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from app import bounds
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.store.database import directory_database
from app.store.directory import console_lists
from app.store.request_log import last_seen_rows as rows
from app.store.request_log import log_database

_EVER = "~"  # sorts behind every moment in wire form

log = logging.getLogger(__name__)


def note_in_background(
    context: Callable[[], AbstractContextManager[object]], types: Iterable[ResourceType]
) -> threading.Thread:
    """`note_missing` in a thread of its own, since a million takes minutes, and nobody waits for it.

    `context` gives an application context. When it is cut short, the next start goes on.
    """

    def run() -> None:
        try:
            with context():
                note_missing(types)
        except ScimError as error:
            log.warning("who was last spoken of when stays unknown: %s", error.detail)

    thread = threading.Thread(target=run, name="first-mentions", daemon=True)
    thread.start()
    return thread


def note_missing(types: Iterable[ResourceType]) -> int:
    """Notes the last change of every resource of which there is no mention; nothing to do at most starts.

    Gives how many resources were looked at. Portion by portion, each in a transaction of its own.
    """
    return sum(_note(one) for one in types if _are_missing(one))


def _are_missing(resource_type: ResourceType) -> bool:
    with directory_database.reading() as connection:
        here = console_lists.count_in(connection, resource_type, "")
    with log_database.reading() as connection:
        return rows.count_before(connection, resource_type.name, _EVER) < here


def _note(resource_type: ResourceType) -> int:
    looked_at, after = 0, 0
    while True:
        with directory_database.reading() as connection:
            found = console_lists.positions_with(connection, resource_type, "", "", after, bounds.WALKED_AT_ONCE)
            keys = console_lists.keys(connection, resource_type, found)
        if not found:
            return looked_at
        with log_database.writing() as connection:
            rows.note(connection, {key.id: (resource_type.name, key.last_modified) for key in keys})
        looked_at, after = looked_at + len(keys), found[-1]
