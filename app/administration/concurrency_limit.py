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


class _Waiter(NamedTuple):
    caller: str
    ticket: object


class Places:
    """Places for slow work. Thread-safe; waiting threads are served in order.

    `limits` is called each time. `refusal` returns the error of a thread that gets no place.
    """

    def __init__(self, limits: Callable[[], Limits], refusal: Callable[[], Exception]) -> None:
        self._limits = limits
        self._refusal = refusal
        self._changed = threading.Condition()
        self._callers: list[str] = []
        self._waiters: list[_Waiter] = []

    @contextmanager
    def taken(self, caller: str = "") -> Iterator[None]:
        """Hold a place until the block ends. One `caller` has only one at a time; "" has no such limit.

        Raises the refusal immediately if too many threads wait, or after `wait_s` seconds without a place.
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
        limits, waiter = self._limits(), _Waiter(caller, object())
        own = sum(other.caller == caller for other in self._waiters) if caller else 0
        is_entering = bool(own) and self._is_absent(caller)  # the first of them, which has not woken up yet
        if len(self._waiters) >= limits.waiting or own - is_entering >= limits.waiting_of_one:
            raise self._refusal()
        self._waiters.append(waiter)
        try:
            if not self._changed.wait_for(lambda: self._may_take(caller, waiter), limits.wait_s):
                raise self._refusal()
        finally:
            self._waiters.remove(waiter)

    def _may_take(self, caller: str, waiter: _Waiter | None = None) -> bool:
        """Return whether a place is free for which no other caller has waited longer."""
        if len(self._callers) >= self._limits().at_once or not self._is_absent(caller):
            return False
        first = next((other for other in self._waiters if self._is_absent(other.caller)), waiter)
        return first is waiter

    def _is_absent(self, caller: str) -> bool:
        return caller == "" or caller not in self._callers
