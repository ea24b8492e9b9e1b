"""This module reports how far each rotation is and which SCIM Keys are not used as they should be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app import bounds, clock
from app.administration.credentials import scim_keys
from app.store.access.scim_key_rows import KeyRow

Warned = Literal["", "idle", "unused"]
"""Nothing; was used, but not for three days; the new key of a hand-over, made three days ago and not used yet."""


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """A key and the active ones that it hands over to (`successor`) and takes over from (`predecessor`).

    `retires`: about when it retires if only its successor is used until then, in wire form, and `is_due` whether that
    moment has come; None while its successor is not used yet, or it is still used itself.
    """

    key: KeyRow
    successor: KeyRow | None
    predecessor: KeyRow | None
    retires: str | None
    is_due: bool
    warned: Warned


def active_keys(rows: Sequence[KeyRow] | None = None) -> list[ActiveKey]:
    """The active ones among these keys, or among all; newest first."""
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
