"""This module lets a few threads at a time do slow work, a few more wait, and refuses the rest.

Whoever waits holds a thread of the server as well, so that the number of both together is bounded.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Limits(NamedTuple):
    """How many hold a place, how many wait for one and for how many seconds, and how many of these of one caller."""

    at_once: int
    waiting: int
    wait_s: float
    waiting_of_one: int = 1


class Full(Exception):  # noqa: N818
    """There is no place, and no room to wait for one."""


class _Waiter(NamedTuple):
    caller: str
    ticket: object


class Places:
    """`terms` is asked each time. Threads share it; those who wait are served in the order in which they came."""

    def __init__(self, terms: Callable[[], Limits]) -> None:
        self._terms = terms
        self._changed = threading.Condition()
        self._callers: list[str] = []
        self._waiters: list[_Waiter] = []

    @contextmanager
    def taken(self, caller: str = "") -> Iterator[None]:
        """Hold a place until the block ends. One `caller` has only one at a time; "" is anybody.

        Raises:
            Full: at once where enough others wait, or after waiting in vain.
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
        if len(self._waiters) >= terms.waiting or own >= terms.waiting_of_one:
            raise Full
        self._waiters.append(waiter)
        try:
            if not self._changed.wait_for(lambda: self._may_take(caller, waiter), terms.wait_s):
                raise Full
        finally:
            self._waiters.remove(waiter)

    def _may_take(self, caller: str, waiter: _Waiter | None = None) -> bool:
        """Whether a place is free that nobody has waited for longer."""
        if len(self._callers) >= self._terms().at_once or not self._is_absent(caller):
            return False
        first = next((other for other in self._waiters if self._is_absent(other.caller)), waiter)
        return first is waiter

    def _is_absent(self, caller: str) -> bool:
        return caller == "" or caller not in self._callers
