"""This module decides for each SCIM request whether its IP address is allowed, and remembers who asked.

A request is never made to wait here for more than two small look-ups a second, and one row an hour for an address.
"""

import itertools
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from app import bounds, clock
from app.ip_addresses import Address, NetworkSet
from app.scim.errors import ScimError
from app.store.access import ip_allow_list_rows as rows
from app.store.database import directory_database
from app.throttle import Throttle

_changes = itertools.count(1)
_last_change = 0


def forget_policy() -> None:
    """To be called after a change is written: every application of this process reads the policy anew."""
    global _last_change
    _last_change = next(_changes)


class Mode(StrEnum):
    """The mode of the list, as it is stored."""

    OFF = "off"
    WATCH = "watch"
    ENFORCE = "enforce"

    @property
    def label(self) -> str:
        """Return the word that administrators read."""
        return "monitor" if self is Mode.WATCH else self.value


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """How addresses are held at a moment."""

    mode: Mode
    allowed: NetworkSet

    @property
    def is_watched(self) -> bool:
        """Whether who comes is remembered."""
        return self.mode is not Mode.OFF

    def allows(self, text: str) -> bool:
        """Whether a request from the address that this text is, is answered; what is no address is on no list."""
        return self.mode is not Mode.ENFORCE or self.allowed.has(text)


class CurrentPolicy:
    """The policy, at most `bounds.SOURCE_POLICY_S` old: the command line of another process changes it too.

    Threads need no lock: each reads and replaces the whole, and what was read is as old as the moment before.
    """

    def __init__(self) -> None:
        self._kept: tuple[SourcePolicy, int, float] | None = None

    def read(self) -> SourcePolicy:
        """Raises `errors.unavailable` when the database cannot be used: nobody is let in without being looked at."""
        now, change, kept = time.monotonic(), _last_change, self._kept
        if kept is not None and kept[1] == change and now - kept[2] < bounds.SOURCE_POLICY_S:
            return kept[0]
        with directory_database.reading() as connection:
            row = rows.policy(connection)
            mode = Mode(row.mode) if row else Mode.OFF
            networks = rows.networks(connection) if mode is Mode.ENFORCE else ()
        policy = SourcePolicy(mode, _set_of(tuple(one.network for one in networks)))
        self._kept = policy, change, now
        return policy


@lru_cache(maxsize=4)
def _set_of(networks: tuple[str, ...]) -> NetworkSet:
    """Made anew only when the list is another one: for a long list that takes longer than to read it."""
    return NetworkSet.of(networks)


class SeenSources:
    """Who came with a right key: each address is written down once an hour.

    What cannot be written at once, since others are writing, is kept until the next request that finds the way free.
    """

    def __init__(self) -> None:
        self._notes = Throttle(bounds.SEEN_SOURCES)
        self._waiting: dict[str, str] = {}
        self._failures = Throttle()
        self._is_writing = False
        self._lock = threading.Lock()

    def note(self, address: Address) -> None:
        """Remember that somebody came from there just now. Never waits for other writers, and never raises."""
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
        """What this thread is to write now; nothing where another one does, or where it failed just now."""
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
        """Let an address wait to be written if its hour is over."""
        has_room = len(self._waiting) < bounds.SEEN_SOURCES or address in self._waiting
        if self._notes.take(bounds.SOURCE_NOTED_S, address) and has_room:
            self._waiting[address] = clock.to_wire(clock.utc_now())
