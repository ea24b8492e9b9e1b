"""This module records when each SCIM Key was used, in memory and now and then in the database."""

from contextlib import suppress

from app import bounds, clock, throttle
from app.administration.credentials import key_rotation
from app.scim.errors import ScimError
from app.store.access import scim_key_rows as rows
from app.store.database import directory_database
from app.throttle import Throttle


def note_key_use(key_id: str, address: str, *, is_simulated: bool = False) -> None:
    """Remember that a key was used now, from this address; at most one try a minute for a key. Never raises.

    A note is worth neither a refused request nor one that waits: where others are writing, it is left for next time.
    The same transaction retires the keys whose hand-over to this one is complete. That a simulation used the key is
    noted apart: it is no sign that Entra has it.
    """
    if not is_simulated:
        _uses.add(key_id)
    if not (_simulated_notes if is_simulated else _notes).take(bounds.KEY_USE_NOTED_S, key_id):
        return
    with suppress(ScimError), directory_database.writing(wait=False) as connection:
        row, now = rows.find(connection, key_id), clock.to_wire(clock.utc_now())
        if row and is_simulated:
            rows.change(connection, key_id, last_simulated=now, last_simulated_address=address)
        elif row:
            key_rotation.note_use(connection, row, _uses.is_quiet)
            used = {"last_used": now, "last_address": address, "first_used": min(row.first_used or now, now)}
            rows.change(connection, key_id, relieved=None, **used)


class Uses:
    """When each key was used last, on this process's own steady clock. Threads share it: each reads or sets a whole."""

    def __init__(self) -> None:
        self._began = throttle.steady_s()
        self._used: dict[str, float] = {}

    def add(self, key_id: str) -> None:
        self._used[key_id] = throttle.steady_s()

    def is_quiet(self, key_id: str) -> bool:
        """Whether this process has not seen the key used for a day. It knows of uses that could not be noted.

        Where it has not seen it at all, it must have listened for `bounds.KEY_LISTENED_S`: before that, the program may
        have been off, or its clock wrong.
        """
        used = self._used.get(key_id)
        if used is None:
            return throttle.steady_s() - self._began >= bounds.KEY_LISTENED_S
        return throttle.steady_s() - used >= bounds.KEY_HAND_OVER_S


_uses = Uses()
_notes, _simulated_notes = Throttle(bounds.KEYS_NOTED), Throttle(bounds.KEYS_NOTED)
