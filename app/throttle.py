"""This module limits how often an action runs, by a monotonic clock."""

import threading
import time
from collections import OrderedDict


def steady_s() -> float:
    """Return seconds of a monotonic clock. Tests and the scripts for pictures replace this function."""
    return time.monotonic()


class Throttle:
    """A limit of one action per interval and key. Only the `keys` latest keys are remembered. Thread-safe."""

    def __init__(self, keys: int = 1) -> None:
        self._keys = keys
        self._begun: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.RLock()

    def is_due(self, every_s: float, key: str = "") -> bool:
        """Return whether the key has no interval, or its latest one is over."""
        return steady_s() - self._begun.get(key, float("-inf")) >= every_s

    def begin(self, key: str = "") -> None:
        """Begin an interval in which the key is not due."""
        with self._lock:
            self._begun[key] = steady_s()
            self._begun.move_to_end(key)
            if len(self._begun) > self._keys:
                self._begun.popitem(last=False)

    def take(self, every_s: float, key: str = "") -> bool:
        """Return whether the key is due, and begin its interval if it is. Only one of several threads gets True."""
        if not self.is_due(every_s, key):
            return False
        with self._lock:
            is_due = self.is_due(every_s, key)
            if is_due:
                self.begin(key)
            return is_due
