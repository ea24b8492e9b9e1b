"""This module runs the HTTP server (waitress) on one socket and stops it in order.

It depends on internal names of waitress 3.0.2; `tests/http_server/test_server.py` tests each of them.
"""

import errno
import logging
import os
import select
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from app import bounds
from app.http_server.client_connection import BodyBytes, Channel
from app.http_server.reading_threads import ReadingThreads
from app.http_server.watch import ThreadWatch
from app.http_server.writing_threads import WritingThreads
from app.scim.errors import ScimError, busy
from app.settings import Threads

OnRefusal = Callable[[str, str, ScimError, str, bool], str]
"""A function that records a request that never reaches the application, and returns its request ID, "" if it is not
recorded: (method, path, error, IP address, whether it has an Authorization header)."""

LOOK_EVERY_S = 1.0
SAME_PRESS_S = 0.2

log = logging.getLogger("recnice.server")


class Server(TcpWSGIServer):  # type: ignore[misc]
    """The waitress server on one bound socket. `clock` counts seconds and never goes back."""

    channel_class = Channel
    next_channel_cleanup = float("inf")  # waitress's own cleanup uses the wall clock
    watched = 0

    def __init__(
        self,
        application: WSGIApplication,
        bound: socket.socket,
        *,
        threads: int,
        base_path: str = "",
        on_refusal: OnRefusal = lambda *_: "",
        body_bytes: BodyBytes = lambda *_: bounds.WIRE_BODY_BYTES,
        connections: int = bounds.CONNECTIONS,
        use_while_waiting: Callable[[Callable[[], bool]], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_path = base_path
        self.on_refusal = on_refusal
        self.body_bytes = body_bytes
        self.clock = clock
        self.is_stopping = False
        self._next_look = 0.0
        self._accept_again = 0.0
        self._give_up: float | None = None
        self._close_idle = 0.0
        self._selector = selectors.DefaultSelector()
        self._changed: deque[Any] = deque()
        self._is_any_changed = False
        shares = Threads.of(threads)
        self._thread_watch = ThreadWatch()
        self._reading = ReadingThreads(shares.reading, self._serve_once, self._thread_watch)
        self._writing = WritingThreads(shares.writing, self._thread_watch, use_while_waiting)
        self._health = _threads(1)
        super().__init__(
            application,
            map={},
            _sock=bound,
            bind_socket=False,
            dispatcher=self._health,
            sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
            adj=Adjustments(
                listen="127.0.0.1:0",  # not used: the socket is bound
                threads=threads,
                ident=None,
                connection_limit=connections,
                channel_request_lookahead=0,
                max_request_header_size=bounds.HEADER_BYTES,
                max_request_body_size=bounds.WIRE_BODY_BYTES,
                inbuf_overflow=bounds.BODY_IN_MEMORY_BYTES,
                expose_tracebacks=False,
                log_socket_errors=False,
                clear_untrusted_proxy_headers=False,  # app/web/public_url.py does it, with any server
            ),
        )
        self._selector.register(self.trigger._fileno, selectors.EVENT_READ, self.trigger)
        self.environ = constant_environ(self)

    def add_task(self, channel: Channel) -> None:
        """Queue a connection's next request for the threads of its kind."""
        request = channel.requests[0]
        request.waiting_since = self.clock()
        if request.is_health:
            self._health.add_task(channel)
            return
        if request.is_writing and len(self._writing.queue) >= bounds.WRITES_QUEUED:
            request.refuse(busy())
        if request.is_writing:
            self._writing.add(channel)
        else:
            self._reading.add(channel)

    def queue_lengths(self) -> dict[str, int]:
        """Return how many requests wait for a thread, by what they do: reading, writing."""
        return {"reading": len(self._reading.queue), "writing": len(self._writing.queue)}

    def readable(self) -> bool:
        return bool(super().readable()) and self.clock() >= self._accept_again

    def _close_overdue(self) -> None:
        now = self.clock()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_S
        crowded = len(self.active_channels) > self.adj.connection_limit // 2
        idle_s = bounds.IDLE_CONNECTION_CROWDED_S if crowded else bounds.IDLE_CONNECTION_S
        for channel in list(self.active_channels.values()):
            if channel.is_overdue(now, idle_s):
                channel.handle_close()  # immediately: a socket whose client does not read never becomes writable

    def accept(self) -> Any:
        """Accept a new connection; None if there is none.

        Without free file descriptors it waits a second, since the loop would otherwise retry without pause.
        """
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._accept_again = self.clock() + LOOK_EVERY_S
            log.warning("no more open files: no new connections for a moment")
            return None

    def set_socket_options(self, conn: socket.socket) -> None:
        super().set_socket_options(conn)
        # The system's default is megabytes: a slow reader would appear to read nothing for minutes.
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, bounds.SEND_BUFFER_BYTES)

    def stop(self) -> None:
        """Ask the loop to end; signal handlers and other threads may call this."""
        self.is_stopping = True
        with suppress(OSError):  # the loop may see the flag, end, and close the trigger before it is pulled
            self.pull_trigger()

    def pull_trigger(self) -> None:
        """Let the loop look at every connection; any thread may call this."""
        self._is_any_changed = True
        super().pull_trigger()

    def look_at(self, channel: Channel) -> None:
        """Let the loop find out for which events of a connection to wait; any thread may call this."""
        self._changed.append(channel)
        if not self._reading.is_leading():
            super().pull_trigger()

    def forget(self, channel: Any) -> None:
        """Wait for no event of a connection that is about to be closed."""
        if channel.watched:
            channel.watched = 0
            self._selector.unregister(channel._fileno)

    def del_channel(self, map: Any = None) -> None:
        self.forget(self)
        super().del_channel(map)

    def run(self) -> None:
        """Serve until `stop`, then finish accepted requests, for at most `bounds.DRAIN_S` seconds."""
        self._reading.start()
        self._writing.start()
        self._thread_watch.start()
        while not self._reading.is_over.wait(LOOK_EVERY_S):
            pass  # handlers of signals run in this thread, on Windows only between two waits
        if self._reading.error is not None:
            raise self._reading.error
        self._thread_watch.end()
        self._health.shutdown(timeout=1)
        self._writing.end()
        self._reading.cancel()
        wasyncore.close_all(self._map, ignore_all=True)
        self._selector.close()

    def _serve_once(self) -> bool:
        """Wait for events and handle them; return False after the server was stopped and has finished."""
        if not self.is_stopping:
            self._turn(LOOK_EVERY_S)
            return True
        if self._give_up is None:
            self._accept_established()
            wasyncore.dispatcher.close(self)
            self._give_up = self.clock() + bounds.DRAIN_S
            self._close_idle = time.monotonic() + bounds.STOP_IDLE_S
        # A client may send its next request at this moment, and would get a reset instead of an answer.
        if time.monotonic() >= self._close_idle:
            for channel in list(self.active_channels.values()):
                if not channel.is_busy:
                    channel.handle_close()
        if not self.active_channels:
            return False
        if self.clock() >= self._give_up:
            log.warning(
                "stopped with %d connections unfinished after %d seconds", len(self.active_channels), bounds.DRAIN_S
            )
            return False
        self._turn(0.1)
        return True

    def _accept_established(self) -> None:
        """Accept all connections that are already established, one in each turn, and read their requests."""
        for _ in range(self.adj.connection_limit):
            before = set(self.active_channels)
            self._turn(0.0)
            if before == set(self.active_channels):
                return

    def _turn(self, wait_s: float) -> None:
        self._close_overdue()
        if self._is_any_changed:
            self._is_any_changed = False
            self._changed.extend(list(self.active_channels.values()))
        while self._changed:
            self._watch(self._changed.popleft())
        self._watch(self)
        for key, events in self._selector.select(wait_s):
            self._handle(key.data, events)

    def _handle(self, channel: Any, events: int) -> None:
        if channel._fileno is None:  # closed in this turn
            return
        if events & selectors.EVENT_READ and channel.readable():
            wasyncore.read(channel)
            if not channel.writable():
                return  # also if it is not readable now: the next event is seldom earlier than the response
        if events & selectors.EVENT_WRITE and channel.writable():
            wasyncore.write(channel)
        self._watch(channel)

    def _watch(self, channel: Any) -> None:
        """Wait for the events that a connection needs."""
        if channel._fileno is None:
            return
        events = _events_of(channel)
        before = channel.watched
        if events == before:
            return
        channel.watched = events
        if not before:
            self._selector.register(channel._fileno, events, channel)
        elif not events:
            self._selector.unregister(channel._fileno)
        else:
            self._selector.modify(channel._fileno, events, channel)
        # Another thread that finished a response meanwhile has still seen the events from before.
        if events != _events_of(channel):
            self._changed.append(channel)


def constant_environ(server: Any) -> dict[str, Any]:
    """Return what WSGI says about a server, the same for each request."""
    return {
        "SERVER_NAME": server.server_name,
        "SERVER_PORT": str(server.effective_port),
        "SERVER_SOFTWARE": server.adj.ident,
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": server.adj.url_scheme,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": ReadOnlyFileBasedBuffer,
        "wsgi.input_terminated": True,
    }


def _events_of(channel: Any) -> int:
    return selectors.EVENT_READ * bool(channel.readable()) | selectors.EVENT_WRITE * bool(channel.writable())


def _threads(count: int) -> Any:
    made = ThreadedTaskDispatcher()
    made.set_thread_count(count)
    return made


def bind(listen: tuple[str, int]) -> socket.socket:
    """Return a bound socket that does not listen yet. Raises OSError, for example EADDRINUSE."""
    family, kind, protocol, _, address = socket.getaddrinfo(*listen, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
        0
    ]
    bound = socket.socket(family, kind, protocol)
    try:
        # On Windows SO_REUSEADDR lets two programs share a port, so the exclusive option is used there.
        bound.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def connections_for(open_files: int) -> int:
    """Return how many connections to keep open, so that the database and the log always get a file descriptor."""
    limit = min(bounds.CONNECTIONS, max(open_files // 2, open_files - bounds.OPEN_FILES_RESERVED))
    return limit if hasattr(select, "poll") else min(limit, bounds.CONNECTIONS_WITHOUT_POLL)


def stop_on_signals(server: Server) -> Callable[[], bool]:
    """Handle signals: the first TERM or INT (Windows: INT or BREAK) stops in order, the second immediately; ignore HUP.

    Ctrl-C reaches the process of the one-file executable twice, from the terminal and from its launcher; that counts
    once. Return a function that tells whether one was received.
    """
    first: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not first:
            first.append(now)
            server.stop()
        elif now - first[0] > SAME_PRESS_S:
            os._exit(1)

    _take_signals(handle)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return lambda: bool(first)


def default_signals() -> None:
    """Let signals end the process at once, between two servers of it."""
    _take_signals(signal.SIG_DFL)


def ignore_signals() -> None:
    """Ignore signals after everything is stopped.

    The interpreter restores the default handlers while it ends, and a late Ctrl-C would terminate it that way.
    """
    _take_signals(signal.SIG_IGN)


def _take_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)
