"""This module runs the threads that wait for connections and answer the requests that only read.

One of them leads: it waits for all connections, and answers requests itself, since to wake another thread costs as much
as most answers. If the watch finds it at the same request again, another thread takes over the lead, so no request
waits for a slow one (docs/decisions/0055-the-thread-that-reads-answers.md).
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from app import process
from app.http_server.watch import ThreadWatch

log = logging.getLogger("recnice.server")


class WaitingRequest(Protocol):
    """A request that waits."""

    def service(self) -> None:
        """Answer it; this may take long."""

    def cancel(self) -> None:
        """Give it up."""


class ReadingThreads:
    """So many threads, and one more that leads when all of them are at work.

    `turn` waits for connections once, adds tasks, and returns whether to go on. One thread at a time calls it.
    """

    def __init__(self, count: int, turn: Callable[[], bool], watch: ThreadWatch) -> None:
        self.is_over = threading.Event()
        self.error: BaseException | None = None
        self._count = count
        self._turn = turn
        self.queue: deque[WaitingRequest] = deque()
        self._leading = threading.Lock()  # taken while one leads; the watch releases it in place of a busy leader
        self._leader = 0
        self._lock = threading.Lock()  # for the following, and to take a task
        self._others_at_work = 0
        self._number = 0  # of the last task that a leader began
        self._current = 0  # the number of the task that the leader works on
        self._seen = (0, 0)  # both, at the last look
        self._watch = watch
        watch.add(self._look)

    def start(self) -> None:
        """Start the threads."""
        for number in range(self._count + 1):
            process.start_thread(self._work, f"reading-{number}")

    def add(self, task: WaitingRequest) -> None:
        """Queue a task; a caller that does not lead wakes the leader afterwards."""
        self.queue.append(task)

    def is_leading(self) -> bool:
        """Return whether the calling thread leads."""
        return self._leader == threading.get_ident()

    def cancel(self) -> None:
        """Give up the tasks that wait."""
        while self.queue:
            self.queue.popleft().cancel()

    def _work(self) -> None:
        while True:
            self._leading.acquire()
            self._leader = threading.get_ident()
            if self.is_over.is_set() or not self._lead():
                self._leading.release()
                return

    def _lead(self) -> bool:
        """Lead until another thread does, then work on until no task waits; return False at the end of all turns."""
        try:
            while self._turn():
                while begun := self._first():
                    number, first = begun
                    serve(first)
                    with self._lock:
                        is_leading = self._current == number
                        if is_leading:
                            self._current = 0
                    if not is_leading:
                        while task := self._following():
                            serve(task)
                        return True
        except BaseException as error:
            self.error = error
        self.is_over.set()
        return False

    def _first(self) -> tuple[int, WaitingRequest] | None:
        """Return a task for the leader with its number; None if there is none, or if the last free thread has to lead.

        The number is not read later: the next leader may have begun a task by then.
        """
        if not self.queue:
            return None
        with self._lock:
            if not self.queue or self._others_at_work == self._count:
                return None
            self._number = self._current = number = self._number + 1
            task = self.queue.popleft()
        self._watch.resume()
        return number, task

    def _following(self) -> WaitingRequest | None:
        """Return the next task for a thread that no longer leads; None if none waits, and the thread is free."""
        with self._lock:
            if self.queue:
                return self.queue.popleft()
            self._others_at_work -= 1
            return None

    def _look(self) -> bool:
        """Let another thread lead if the leader still works on the same task; return whether a task was begun."""
        with self._lock:
            number, current = self._seen
            if self._current and self._current == current:
                self._current = 0
                self._others_at_work += 1
                self._leading.release()
            self._seen = self._number, self._current
            return self._number != number


def serve(task: WaitingRequest) -> None:
    """Answer a request; log an exception, which would end the thread."""
    try:
        task.service()
    except BaseException:
        log.exception("a request was not answered")
        task.cancel()
