"""This module rotates SCIM Keys: both are valid until only the new one was used for a day, then the old one ends.

Every function works on rows in the transaction of the event.

    an old key is deactivated at a use of its successor if
        the first use of the successor after the last use of the old key was at least a day ago (`relieved`),
        the successor was also used within the last day, and
        the old key was not used for a day, according to its row and to this process (see key_last_use.py)

Two tests of a new key, a day apart, are not sufficient: a use of the old key in between restarts the day. Times in the
future, which remain after the clock was set back, deactivate nothing.
"""

from collections.abc import Callable
from datetime import timedelta

from app import bounds, clock
from app.administration import audit
from app.administration.audit import ITSELF, Action
from app.store.access import scim_key_rows as rows
from app.store.access.scim_key_rows import KeyRow
from app.store.database.directory_database import Connection

RETIRED_BY = "hand-over"
"""The value of `stopped_by` of a key that was deactivated automatically."""


def begin(connection: Connection, new_id: str) -> list[KeyRow]:
    """Create a new key the successor of every active key without one, and return those keys."""
    olds = [old for old in rows.list_active(connection) if old.successor is None]
    for old in olds:
        rows.change(connection, old.id, successor=new_id)
    return olds


def call_off(connection: Connection, stopped_id: str) -> None:
    """Cancel the rotations from and to a key that is revoked. Keys that it was to replace stay active."""
    for key_id in (stopped_id, *(old.id for old in rows.list_predecessors(connection, stopped_id))):
        rows.change(connection, key_id, successor=None, relieved=None)


def note_use(connection: Connection, key: KeyRow, is_quiet: Callable[[str], bool]) -> None:
    """Continue the rotations to a key that is used now: set `relieved` of the old keys, or deactivate them.

    To be called before the use is stored in the row of the key. `is_quiet` returns for the id of a key whether this
    process has not seen a use for a day.
    """
    now = clock.to_wire(clock.utc_now())
    for old in rows.list_predecessors(connection, key.id):
        if old.relieved is None or old.relieved > now:
            rows.change(connection, old.id, relieved=now)
        elif _is_over(old, key, now) and is_quiet(old.id):
            rows.change(connection, old.id, stopped=now, stopped_by=RETIRED_BY)
            detail = {"key": old.id, "begins": old.prefix, "handed_over_to": key.name}
            audit.record(connection, ITSELF, Action.KEY_RETIRED, old.name, **detail)


def _is_over(old: KeyRow, new: KeyRow, now: str) -> bool:
    """Return whether the rotation is complete according to the rows. Times in wire form sort as text."""
    day_ago = clock.to_wire(clock.utc_now() - timedelta(seconds=bounds.KEY_HAND_OVER_S))
    if old.relieved is None or new.last_used is None:
        return False
    return max(old.relieved, old.last_used or old.created) <= day_ago <= new.last_used <= now
