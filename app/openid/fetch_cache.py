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
Found = TypeVar("Found")


class _Entry(Generic[Found]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.found: tuple[float, Found] | None = None
        self.failed: tuple[float, ProviderError] | None = None


class Cache(Generic[Address, Found]):
    """A cache by URL. `fetch` returns what is at a URL, or raises ProviderError; `monotonic` is a clock in seconds."""

    def __init__(self, fetch: Callable[[Address], Found], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: dict[Address, _Entry[Found]] = {}

    def kept(self, address: Address) -> Found | None:
        """Return the cached value if it is fresh, without waiting for anything."""
        return self._kept(self._entry(address), lambda _: True)

    def get(self, address: Address, suffices: Callable[[Found], bool] = lambda _: True) -> Found:
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
            if entry.failed is not None and self._monotonic() - entry.failed[0] < pause:
                raise entry.failed[1].again()
            return self._fetch_into(entry, address)

    def renew(self, address: Address) -> Found:
        """Fetch now, whatever is cached; if that fails, the cached value stays."""
        entry = self._entry(address)
        with entry.lock:
            return self._fetch_into(entry, address)

    def _fetch_into(self, entry: _Entry[Found], address: Address) -> Found:
        try:
            found = self._fetch(address)
        except ProviderError as error:
            entry.failed = (self._monotonic(), error)
            raise
        entry.found, entry.failed = (self._monotonic(), found), None
        return found

    def _kept(self, entry: _Entry[Found], suffices: Callable[[Found], bool]) -> Found | None:
        if entry.found is None or not self._is_fresh(entry):
            return None
        fetched, found = entry.found
        return found if suffices(found) or self._monotonic() - fetched < bounds.PROVIDER_ANEW_S else None

    def _is_fresh(self, entry: _Entry[Found]) -> bool:
        return entry.found is not None and self._monotonic() - entry.found[0] < bounds.PROVIDER_KEPT_S

    def _entry(self, address: Address) -> _Entry[Found]:
        with self._lock:
            entry = self._entries.pop(address, None) or _Entry[Found]()
            self._entries[address] = entry  # the most recently used entry is the last
            if len(self._entries) > bounds.PROVIDERS_KEPT:
                del self._entries[next(iter(self._entries))]
            return entry
