"""This module finds out whether a write can be stored now, by a small write whose outcome is remembered."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from app import bounds
from app.scim.errors import ScimError
from app.store.database import directory_database


def damaged_since() -> str:
    """Return when this process first met damage in the database file, in wire form; "" if it has not."""
    return directory_database.file.damaged_since


class Readiness:
    """The outcome of the last write, at most `bounds.WRITE_PROBE_S` old; one thread at a time writes.

    `context` gives an application context for the thread.
    """

    def __init__(self, context: Callable[[], AbstractContextManager[object]]) -> None:
        self._context = context
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
                directory_database.try_write()
            refusal = ""
        except ScimError as error:
            refusal = error.detail
        finally:
            self._refusal = refusal
            self._ended.set()
