"""This module limits how many threads do slow work at the same time and how many wait; it refuses the rest.

The number of waiting threads is limited, since each of them also holds a thread of the server.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Limits(NamedTuple):
    """The limits: places at once, waiting threads, seconds to wait, and waiting threads of one caller."""

    at_once: int
    waiting: int
    wait_s: float
    waiting_of_one: int = 1


class Full(Exception):  # noqa: N818
    """All places are taken, and too many threads wait or the wait was too long."""


class _Waiter(NamedTuple):
    caller: str
    ticket: object


class Places:
    """Places for slow work. `terms` is called each time. Thread-safe; waiting threads are served in order."""

    def __init__(self, terms: Callable[[], Limits]) -> None:
        self._terms = terms
        self._changed = threading.Condition()
        self._callers: list[str] = []
        self._waiters: list[_Waiter] = []

    @contextmanager
    def taken(self, caller: str = "") -> Iterator[None]:
        """Hold a place until the block ends. One `caller` has only one at a time; "" has no such limit.

        Raises:
            Full: immediately if too many threads wait, or after `wait_s` seconds without a place.
        """
        with self._changed:
            if not self._may_take(caller):
                self._wait(caller)
            self._callers.append(caller)
        try:
            yield
        finally:
            with self._changed:
                self._callers.remove(caller)
                self._changed.notify_all()

    def _wait(self, caller: str) -> None:
        terms, waiter = self._terms(), _Waiter(caller, object())
        own = sum(other.caller == caller for other in self._waiters) if caller else 0
        is_entering = bool(own) and self._is_absent(caller)  # the first of them, which has not woken up yet
        if len(self._waiters) >= terms.waiting or own - is_entering >= terms.waiting_of_one:
            raise Full
        self._waiters.append(waiter)
        try:
            if not self._changed.wait_for(lambda: self._may_take(caller, waiter), terms.wait_s):
                raise Full
        finally:
            self._waiters.remove(waiter)

    def _may_take(self, caller: str, waiter: _Waiter | None = None) -> bool:
        """Return whether a place is free for which no other caller has waited longer."""
        if len(self._callers) >= self._terms().at_once or not self._is_absent(caller):
            return False
        first = next((other for other in self._waiters if self._is_absent(other.caller)), waiter)
        return first is waiter

    def _is_absent(self, caller: str) -> bool:
        return caller == "" or caller not in self._callers
