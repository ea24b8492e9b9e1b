"""This module rotates SCIM Keys: both work until only the new one was used for a day, then the old one is revoked.

Every function works on rows in the transaction of whatever happens to the keys.

    an old key retires when, at a use of its successor,
        the first use of the successor after the last one of the old key was a day ago or earlier (`relieved`),
        the successor was used before within the last day too, and
        the old key was not used for a day, as far as its row and this process know, which has listened for some time

Two mere tests of a new key, a day apart, are not that: a use of the old key in between begins the day anew. Moments
in the future, which a clock that was set back leaves behind, end nothing.
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
"""What `stopped_by` says of a key that nobody stopped."""


def begin(connection: Connection, new_id: str) -> list[KeyRow]:
    """Make a new key the successor of every active one that has none, and return these."""
    olds = [old for old in rows.list_active(connection) if old.successor is None]
    for old in olds:
        rows.change(connection, old.id, successor=new_id)
    return olds


def call_off(connection: Connection, stopped_id: str) -> None:
    """A key is stopped: whoever hands over to it stays, and it hands over to nobody itself."""
    for key_id in (stopped_id, *(old.id for old in rows.list_predecessors(connection, stopped_id))):
        rows.change(connection, key_id, successor=None, relieved=None)


def note_use(connection: Connection, key: KeyRow, is_quiet: Callable[[str], bool]) -> None:
    """A key is used now, before that is written into its row: relieve or retire what hands over to it.

    `is_quiet` tells by a key's id whether this process, too, has not seen it used for a day.
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
    """By the rows alone. Moments in wire form are in the order of their texts."""
    day_ago = clock.to_wire(clock.utc_now() - timedelta(seconds=bounds.KEY_HAND_OVER_S))
    if old.relieved is None or new.last_used is None:
        return False
    return max(old.relieved, old.last_used or old.created) <= day_ago <= new.last_used <= now
