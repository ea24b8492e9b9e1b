"""This module records the last use of each SCIM Key, in memory and at intervals in the database."""

from contextlib import suppress

from app import bounds, clock, throttle
from app.administration.credentials import key_rotation
from app.scim.errors import ScimError
from app.store.access import scim_key_rows as rows
from app.store.database import directory_database
from app.throttle import Throttle


def note_key_use(key_id: str, address: str, *, is_simulated: bool = False) -> None:
    """Store the last use of a key from this IP address, at most once a minute per key. Never raises.

    It never waits for other writers: the last use is not worth a slow or failed request. The same transaction
    deactivates the keys whose rotation to this key is complete. The use by a simulation is stored separately: it does
    not show that Entra has the key.
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
    """The last use of each key by the monotonic clock. Thread-safe without a lock: each access is atomic."""

    def __init__(self) -> None:
        self._began = throttle.steady_s()
        self._used: dict[str, float] = {}

    def add(self, key_id: str) -> None:
        self._used[key_id] = throttle.steady_s()

    def is_quiet(self, key_id: str) -> bool:
        """Return whether this process has not seen a use of the key for a day, including uses that were not stored.

        For a key without a use, the process must have run for `bounds.KEY_LISTENED_S`: before, the program may have
        been off, or its clock wrong.
        """
        used = self._used.get(key_id)
        if used is None:
            return throttle.steady_s() - self._began >= bounds.KEY_LISTENED_S
        return throttle.steady_s() - used >= bounds.KEY_HAND_OVER_S


_uses = Uses()
_notes, _simulated_notes = Throttle(bounds.KEYS_NOTED), Throttle(bounds.KEYS_NOTED)
