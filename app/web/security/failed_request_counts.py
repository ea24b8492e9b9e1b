"""This module counts failed requests of each IP address for a minute, in memory.

The counts only delay requests and are not stored, so they lock no user out. Requests with a valid key are never counted
and never delayed: Entra shares its IP addresses with others, and refusals make it stop.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from app import bounds
from app.ip_addresses import CountedNetwork, counted_networks


class AddressFailures:
    """The failures of the networks that failed last, at most `bounds.FAILING_ADDRESSES` of them.

    `limit` returns how many failures a single IP address may have. An IPv6 address counts to all networks around it:
    the owner of such a network can use another IP address for every request.
    """

    def __init__(self, limit: Callable[[], int] = lambda: bounds.ADDRESS_FAILURES) -> None:
        self._limit = limit
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, address: str) -> int:
        """Count one more failure. Return 0, or the seconds to wait if the IP address exceeds its limit."""
        now, networks = time.monotonic(), counted_networks(address)
        with self._lock:
            wait_s = self._wait_s(networks, now)
            for network in networks:
                if not wait_s:
                    fresh = deque[float](maxlen=network.times * self._limit())
                    self._moments.setdefault(network.text, fresh).append(now)
                if network.text in self._moments:
                    self._moments.move_to_end(network.text)
            while len(self._moments) > bounds.FAILING_ADDRESSES:
                self._moments.popitem(last=False)
            return wait_s

    def wait_s(self, address: str) -> int:
        """Return the seconds to wait without counting, for requests that must not even be examined."""
        with self._lock:
            return self._wait_s(counted_networks(address), time.monotonic())

    def has_failed(self, address: str) -> bool:
        """Return whether an IP address (IPv6: its /64) failed within `bounds.ADDRESS_FAILURE_WINDOW_S`."""
        network = counted_networks(address)[0]
        with self._lock:
            moments = self._moments.get(network.text, deque())
            return len(moments) > 0 and moments[-1] + bounds.ADDRESS_FAILURE_WINDOW_S > time.monotonic()

    def _wait_s(self, networks: Sequence[CountedNetwork], now: float) -> int:
        waits = [0.0]
        for network in networks:
            moments = self._moments.get(network.text, deque())
            if len(moments) == network.times * self._limit():
                waits.append(moments[0] + bounds.ADDRESS_FAILURE_WINDOW_S - now)
        return int(max(waits)) + 1 if max(waits) > 0 else 0
