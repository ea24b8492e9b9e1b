"""This module runs the threads that answer requests that may write.

One thread works as long as requests wait, since others would only compete with it for the interpreter. Before it waits
for the disk, it begins the next brief request, so that one commit stores several. The watch wakes another thread when
the first request of the queue has waited for two looks (docs/decisions/0055-the-thread-that-reads-answers.md).
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from app import bounds, process
from app.http_server.reading_threads import serve
from app.http_server.watch import ThreadWatch

_yield: Callable[[], object] = getattr(os, "sched_yield", lambda: time.sleep(0))


class WritingThreads:
    """So many threads. Each calls `use_while_waiting` with a function that answers one more request.

    That function returns False if none waits that is brief.
    """

    def __init__(
        self, count: int, watch: ThreadWatch, use_while_waiting: Callable[[Callable[[], bool]], None] = lambda _: None
    ) -> None:
        self.queue: deque[Any] = deque()  # of connections
        self._count = count
        self._watch = watch
        self._use_while_waiting = use_while_waiting
        self._lock = threading.Lock()  # for the following, and to take a request
        self._idle: list[threading.Lock] = []  # each thread waits for its own; the last one began to wait last
        self._seen: Any = None
        self._is_over = False
        self._of_thread = threading.local()
        watch.add(self._look)

    def start(self) -> None:
        """Start the threads."""
        for number in range(self._count):
            process.start_thread(self._work, f"writing-{number}")

    def add(self, channel: Any) -> None:
        """Queue the next request of a connection."""
        with self._lock:
            self.queue.append(channel)
            if len(self._idle) == self._count:
                self._idle.pop().release()
        self._watch.resume()

    def end(self) -> None:
        """Give up the requests that wait, and end the threads that have none."""
        with self._lock:
            self._is_over = True
            while self.queue:
                self.queue.popleft().cancel()
            while self._idle:
                self._idle.pop().release()

    def _look(self) -> bool:
        """Wake one more thread if the first request was there before; return whether any waits."""
        with self._lock:
            first = self.queue[0] if self.queue else None
            if first is not None and first is self._seen and self._idle:
                self._idle.pop().release()
            self._seen = first
            return first is not None

    def _work(self) -> None:
        self._use_while_waiting(self._answer_one_more)
        is_called = threading.Lock()
        is_called.acquire()
        while not self._is_over:
            with self._lock:
                channel = self.queue.popleft() if self.queue else None
                if channel is None:
                    self._idle.append(is_called)
            if channel is None:
                is_called.acquire()
            else:
                self._of_thread.more = bounds.WRITES_BEGUN
                self._of_thread.until = time.monotonic() + bounds.WRITES_BEGUN_S
                serve(channel)

    def _answer_one_more(self) -> bool:
        # Where the first one waits in vain, each of the others would wait in vain too, one after the other.
        if not self._of_thread.more or time.monotonic() > self._of_thread.until:
            return False
        if not self.queue:
            _yield()  # to the thread that reads: more requests may have arrived
        with self._lock:
            if not self.queue or not self.queue[0].requests[0].is_brief:
                return False
            channel = self.queue.popleft()
        self._of_thread.more -= 1
        # In the context of the other request, Flask would take over its application context.
        Context().run(serve, channel)
        return True
