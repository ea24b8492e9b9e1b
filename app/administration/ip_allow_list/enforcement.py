"""This module decides for each SCIM request whether its IP address is allowed, and records the IP address.

It costs one row per hour and IP address.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from app import bounds, clock
from app.ip_addresses import Address, NetworkSet
from app.scim.errors import ScimError
from app.store.access import ip_allow_list_rows as rows
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.database.remembered_reads import remembered
from app.throttle import Throttle


class Mode(StrEnum):
    """The mode of the list, as it is stored."""

    OFF = "off"
    WATCH = "watch"
    ENFORCE = "enforce"

    @property
    def label(self) -> str:
        """The name of the mode that administrators see."""
        return "monitor" if self is Mode.WATCH else self.value


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """The mode and the allowed networks at one moment."""

    mode: Mode
    allowed: NetworkSet

    @property
    def is_watched(self) -> bool:
        """Whether the IP addresses of clients are recorded."""
        return self.mode is not Mode.OFF

    def allows(self, text: str) -> bool:
        """Return whether requests from an IP address are allowed. A text that is not an IP address is on no list."""
        return self.mode is not Mode.ENFORCE or self.allowed.has(text)


def current_policy() -> SourcePolicy:
    """Return the current policy. Raises UNAVAILABLE for an unusable database: the request fails."""
    with directory_database.reading() as connection:
        return read_policy(connection)


@remembered
def read_policy(connection: Connection) -> SourcePolicy:
    """Return the policy that a transaction sees."""
    row = rows.policy(connection)
    mode = Mode(row.mode) if row else Mode.OFF
    networks = rows.networks(connection) if mode is Mode.ENFORCE else ()
    return SourcePolicy(mode, NetworkSet.of(one.network for one in networks))


class SeenSources:
    """The recorder of IP addresses of requests with a valid key. It writes each IP address once an hour.

    While another thread or process writes, entries wait in memory until a later request can write them.
    """

    def __init__(self) -> None:
        self._notes = Throttle(bounds.SEEN_SOURCES)
        self._waiting: dict[str, str] = {}
        self._failures = Throttle()
        self._is_writing = False
        self._lock = threading.Lock()

    def note(self, address: Address) -> None:
        """Record a request from this IP address. Never waits for other writers, and never raises."""
        with self._lock:
            self._take(str(address))
        while moments := self._begin():
            is_written = False
            try:
                with suppress(ScimError), directory_database.writing(wait=False) as connection:
                    rows.note_seen(connection, moments, bounds.SEEN_SOURCES)
                    is_written = True
            finally:
                self._end(moments, is_written)

    def _begin(self) -> dict[str, str]:
        """Return the entries to write now; {} while another thread writes, and shortly after a failure."""
        with self._lock:
            if self._is_writing or not self._failures.is_due(bounds.SOURCE_NOTE_PAUSE_S):
                return {}
            moments, self._waiting = self._waiting, {}
            self._is_writing = bool(moments)
            return moments

    def _end(self, moments: dict[str, str], is_written: bool) -> None:
        with self._lock:
            self._is_writing = False
            if not is_written:
                self._waiting = moments | self._waiting
                self._failures.begin()

    def _take(self, address: str) -> None:
        """Add an IP address to the waiting entries if it was not recorded within the hour."""
        has_room = len(self._waiting) < bounds.SEEN_SOURCES or address in self._waiting
        if self._notes.take(bounds.SOURCE_NOTED_S, address) and has_room:
            self._waiting[address] = clock.to_wire(clock.utc_now())
