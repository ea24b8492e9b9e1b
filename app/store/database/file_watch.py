"""This module looks every second at the data folder of a running server: is the database file still there?

An open file without its name takes writes like any other, and the next start does not find them.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LOOK_EVERY_S = 1.0
LOST = "The database file was removed or replaced while the server ran"


class FileWatch:
    """A thread that looks every second whether a path still names the same file, and calls `on_loss` once if not.

    Each time it also calls `look`, for other files that may appear next to it.
    """

    def __init__(self, path: Path, on_loss: Callable[[], None], look: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._identity = _identity(path)
        self._on_loss = on_loss
        self._look = look
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="database-file", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread: who removes the folder of a stopped server loses nothing."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            # A disk that does not answer now has not lost the file.
            with suppress(OSError):
                if (identity := _identity(self._path)) is None or identity != self._identity:
                    self._on_loss()
                    return
                self._look()


def _identity(path: Path) -> tuple[int, int] | None:
    """Return the device and number of a file, which no other file has while it is open; None for a missing one."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino
