"""This module limits how often something is done, by this process's own steady clock."""

import threading
import time
from collections import OrderedDict


def steady_s() -> float:
    """Return seconds on a clock that nobody sets; only pictures and tests put another in its place."""
    return time.monotonic()


class Throttle:
    """Allows something once within some seconds, to each of the `keys` keys that did it last. Threads share it."""

    def __init__(self, keys: int = 1) -> None:
        self._keys = keys
        self._begun: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.RLock()

    def is_due(self, every_s: float, key: str = "") -> bool:
        """Return whether the interval of the key that began last, if any, is over."""
        return steady_s() - self._begun.get(key, float("-inf")) >= every_s

    def begin(self, key: str = "") -> None:
        """Begin an interval, in which the key is not due."""
        with self._lock:
            self._begun[key] = steady_s()
            self._begun.move_to_end(key)
            if len(self._begun) > self._keys:
                self._begun.popitem(last=False)

    def take(self, every_s: float, key: str = "") -> bool:
        """Return whether the key is due, and begin its interval if it is; of several threads one gets it."""
        with self._lock:
            is_due = self.is_due(every_s, key)
            if is_due:
                self.begin(key)
            return is_due
