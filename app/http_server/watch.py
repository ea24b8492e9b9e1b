"""This module runs a thread that looks at others every WATCH_EVERY_S while they have work."""

import threading
import time
from collections.abc import Callable

WATCH_EVERY_S = 0.002
QUIET_LOOKS = 5  # until it pauses


class ThreadWatch:
    """Calls functions that look, and return whether there is work; pauses when there is none, until `resume`."""

    def __init__(self) -> None:
        self.is_paused = False
        self._looks: list[Callable[[], bool]] = []
        self._is_over = False
        self._resumed = threading.Event()

    def add(self, look: Callable[[], bool]) -> None:
        """Call one more function; to be called before `start`."""
        self._looks.append(look)

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def resume(self) -> None:
        """Look again. Any thread calls this after it has begun work."""
        if self.is_paused:
            self.is_paused = False
            self._resumed.set()

    def end(self) -> None:
        """End the thread."""
        self._is_over = True
        self._resumed.set()

    def _run(self) -> None:
        quiet = 0
        while not self._is_over:
            time.sleep(WATCH_EVERY_S)
            quiet = 0 if self._has_work() else quiet + 1
            if quiet == QUIET_LOOKS:
                self._pause()
                quiet = 0

    def _pause(self) -> None:
        self._resumed.clear()
        self.is_paused = True
        if self._is_over or self._has_work():  # that began before it could see the pause
            self.is_paused = False
        else:
            self._resumed.wait()

    def _has_work(self) -> bool:
        return any([look() for look in self._looks])
