"""Requests with a wrong SCIM key, and others that show something wrong, counted for each address for a minute. In
memory: nobody is locked out by it.

Not here: what is refused (security.py, oauth_api.py, console/auth.py). Right keys are never counted and never slowed,
since Entra shares its addresses with others and takes refusals for a reason to stop.
"""

import threading
import time
from collections import OrderedDict, deque

from app import administration, bounds


class AddressFailures:
    """The failures of the addresses that failed last, at most `bounds.FAILING_ADDRESSES` of them.

    An IPv6 address counts as its /64: whoever has that takes another address for every request.
    """

    def __init__(self) -> None:
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, address: str) -> int:
        """Count one more failure. 0, or the seconds to wait when the address has had more than it may."""
        now, network = time.monotonic(), administration.counted_as(address)
        with self._lock:
            moments = self._moments.setdefault(network, deque(maxlen=bounds.ADDRESS_FAILURES))
            self._moments.move_to_end(network)
            if len(self._moments) > bounds.FAILING_ADDRESSES:
                self._moments.popitem(last=False)
            wait_s = _wait_s(moments, now)
            if not wait_s:
                moments.append(now)
            return wait_s

    def wait_s(self, address: str) -> int:
        """The same without counting: for what must not even be looked at."""
        with self._lock:
            return _wait_s(self._moments.get(administration.counted_as(address), deque()), time.monotonic())


def _wait_s(moments: deque[float], now: float) -> int:
    is_full = len(moments) == bounds.ADDRESS_FAILURES
    wait_s = moments[0] + bounds.ADDRESS_FAILURE_WINDOW_S - now if is_full else 0.0
    return int(wait_s) + 1 if wait_s > 0 else 0
