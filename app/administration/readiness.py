"""This module finds out whether a write can be stored now, by a small write whose outcome is remembered.

It also finds what does not prevent that, but needs an administrator (docs/decisions/0072-ready-means-writable.md).
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import timedelta

from app import bounds, clock
from app.administration.disk_usage import Storage
from app.scim.errors import ScimError
from app.store.database import directory_database
from app.store.directory import history_rows


def damaged_since() -> str:
    """Return when this process first met damage in the database file, in wire form; "" if it has not."""
    return directory_database.file.damaged_since


class Readiness:
    """The outcome of the last write, at most `bounds.WRITE_PROBE_S` old; one thread at a time writes.

    `context` gives an application context for the thread, `storage` the current sizes.
    """

    def __init__(self, context: Callable[[], AbstractContextManager[object]], storage: Callable[[], Storage]) -> None:
        self.warnings: Mapping[str, str] = {}
        """Sentences by `space`, `wal` and `clock`, as the last write found them."""
        self._context = context
        self._storage = storage
        self._newest = ""
        self._lock = threading.Lock()
        self._began = float("-inf")
        self._ended = threading.Event()
        self._ended.set()
        self._refusal = ""

    def refusal(self) -> str:
        """Return a sentence that says why no write can be stored, "" if one can. Needs an application context.

        The caller who begins a write waits for it, at most `bounds.WRITE_PROBE_WAIT_S`, all others for nothing.
        """
        with self._lock:
            now = time.monotonic()
            has_begun = self._ended.is_set() and now - self._began >= bounds.WRITE_PROBE_S
            if has_begun:
                self._began = now
                self._ended.clear()
                threading.Thread(target=self._write, name="write-probe", daemon=True).start()
        is_late = has_begun or now - self._began >= bounds.WRITE_PROBE_WAIT_S
        if not self._ended.wait(bounds.WRITE_PROBE_WAIT_S if has_begun else 0) and is_late:
            return f"A write takes longer than {bounds.WRITE_PROBE_WAIT_S} seconds"
        # A small write may still find room in the WAL where those of requests find none.
        return self._refusal or directory_database.last_refusal(bounds.WRITE_PROBE_S)

    def _write(self) -> None:
        refusal = "The service cannot write its database"
        try:
            with self._context():
                with suppress(OSError, ScimError):  # the write says more about such a disk
                    self.warnings = self._find_warnings()
                directory_database.try_write()
            refusal = ""
        except ScimError as error:
            refusal = error.detail
        finally:
            self._refusal = refusal
            self._ended.set()

    def _find_warnings(self) -> Mapping[str, str]:
        storage = self._storage()
        with directory_database.reading() as connection:
            stored = history_rows.newest_moment(connection)
        now = clock.utc_now()
        self._newest = max(self._newest, stored, clock.to_wire(now))
        is_back = clock.to_wire(now + timedelta(seconds=bounds.CLOCK_BACK_S)) < self._newest
        found = {
            "space": "Little disk space is free" if storage.is_low else "",
            "wal": "A program keeps an old state of a database open" if storage.has_large_wal else "",
            "clock": f"The clock was set back: it has shown {self._newest}" if is_back else "",
        }
        return {name: sentence for name, sentence in found.items() if sentence}
