"""This module reports the progress of rotations, and SCIM Keys that are unexpectedly not used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app import bounds, clock
from app.administration.credentials import scim_keys
from app.store.access.scim_key_rows import KeyRow

Warned = Literal["", "idle", "unused"]
"""The warning about a key: none; used before, but not for three days; the new key of a rotation, created three days ago
and never used."""


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """An active key, with the active key that replaces it (`successor`) and the one that it replaces (`predecessor`).

    `retires`: the approximate time of its deactivation if only its successor is used until then, in wire form; None
    while the successor is not used yet, or the key itself is still used. `is_due`: whether that time has passed.
    """

    key: KeyRow
    successor: KeyRow | None
    predecessor: KeyRow | None
    retires: str | None
    is_due: bool
    warned: Warned


def active_keys(rows: Sequence[KeyRow] | None = None) -> list[ActiveKey]:
    """Return the active keys among `rows`, or among all keys for None; newest first."""
    active = [row for row in (scim_keys.list_keys() if rows is None else rows) if row.stopped is None]
    return [_standing(row, active) for row in active]


def _standing(row: KeyRow, active: Sequence[KeyRow]) -> ActiveKey:
    now = clock.utc_now()
    successor = next((one for one in active if one.id == row.successor), None)
    predecessor = next((one for one in active if one.successor == row.id), None)
    retires = None
    if successor and row.relieved:
        retires = clock.to_wire(datetime.fromisoformat(row.relieved) + timedelta(seconds=bounds.KEY_HAND_OVER_S))
    idle_since = clock.to_wire(now - timedelta(seconds=bounds.KEY_IDLE_S))
    warned: Warned = ""
    if row.last_used:
        warned = "idle" if row.last_used <= idle_since else ""
    elif predecessor and row.created <= idle_since:
        warned = "unused"
    is_due = retires is not None and retires <= clock.to_wire(now)
    return ActiveKey(row, successor, predecessor, retires, is_due, warned)
