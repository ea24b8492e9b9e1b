"""This module caches what was fetched from a URL and limits how often it is fetched again.

Threads that need the same URL at once wait for one fetch. A failed fetch is not retried at once either: a hanging
provider must not block all threads one after the other.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from app import bounds
from app.openid.errors import ProviderError

Address = TypeVar("Address", bound=Hashable)
Value = TypeVar("Value")


class _Entry(Generic[Value]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.success: tuple[float, Value] | None = None
        self.failure: tuple[float, ProviderError] | None = None


class Cache(Generic[Address, Value]):
    """A cache by URL. `fetch` returns what is at a URL, or raises ProviderError; `monotonic` is a clock in seconds."""

    def __init__(self, fetch: Callable[[Address], Value], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: dict[Address, _Entry[Value]] = {}

    def kept(self, address: Address) -> Value | None:
        """Return the cached value if it is fresh, without waiting for anything."""
        return self._kept(self._entry(address), lambda _: True)

    def get(self, address: Address, suffices: Callable[[Value], bool] = lambda _: True) -> Value:
        """Return the cached value; fetch it again if it is old, or does not suffice and was not fetched just now.

        The result may not suffice.
        """
        entry = self._entry(address)
        if (kept := self._kept(entry, suffices)) is not None:
            return kept
        with entry.lock:
            if (kept := self._kept(entry, suffices)) is not None:
                return kept
            pause = bounds.PROVIDER_ANEW_S if self._is_fresh(entry) else bounds.PROVIDER_RETRY_S
            if entry.failure is not None and self._monotonic() - entry.failure[0] < pause:
                raise entry.failure[1].again()
            return self._fetch_into(entry, address)

    def renew(self, address: Address) -> Value:
        """Fetch now, whatever is cached; if that fails, the cached value stays."""
        entry = self._entry(address)
        with entry.lock:
            return self._fetch_into(entry, address)

    def _fetch_into(self, entry: _Entry[Value], address: Address) -> Value:
        try:
            value = self._fetch(address)
        except ProviderError as error:
            entry.failure = (self._monotonic(), error)
            raise
        entry.success, entry.failure = (self._monotonic(), value), None
        return value

    def _kept(self, entry: _Entry[Value], suffices: Callable[[Value], bool]) -> Value | None:
        if entry.success is None or not self._is_fresh(entry):
            return None
        fetched_at, value = entry.success
        return value if suffices(value) or self._monotonic() - fetched_at < bounds.PROVIDER_ANEW_S else None

    def _is_fresh(self, entry: _Entry[Value]) -> bool:
        return entry.success is not None and self._monotonic() - entry.success[0] < bounds.PROVIDER_KEPT_S

    def _entry(self, address: Address) -> _Entry[Value]:
        with self._lock:
            entry = self._entries.pop(address, None) or _Entry[Value]()
            self._entries[address] = entry  # the most recently used entry is the last
            if len(self._entries) > bounds.PROVIDERS_KEPT:
                del self._entries[next(iter(self._entries))]
            return entry
