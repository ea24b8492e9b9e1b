"""This module runs the HTTP server (waitress) on one socket and stops it in order.

It depends on internal names of waitress 3.0.2; `tests/http_server/test_server.py` tests each of them.
"""

import errno
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from app import bounds
from app.http_server.client_connection import BodyBytes, Channel
from app.scim.errors import ScimError, busy
from app.settings import Threads

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

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

    def __init__(
        self,
        application: "WSGIApplication",
        bound: socket.socket,
        *,
        threads: int,
        base_path: str = "",
        on_refusal: OnRefusal = lambda *_: "",
        body_bytes: BodyBytes = lambda *_: bounds.WIRE_BODY_BYTES,
        connections: int = bounds.CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_path = base_path
        self.on_refusal = on_refusal
        self.body_bytes = body_bytes
        self.clock = clock
        self.is_stopping = False
        self._next_look = 0.0
        self._accept_again = 0.0
        shares = Threads.of(threads)
        self._reading, self._writing = _threads(shares.reading), _threads(shares.writing)
        self._health = _threads(1)
        super().__init__(
            application,
            map={},
            _sock=bound,
            bind_socket=False,
            dispatcher=self._reading,
            sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
            adj=Adjustments(
                listen="127.0.0.1:0",  # not used: the socket is bound
                threads=threads,
                ident=None,
                connection_limit=connections,
                asyncore_use_poll=True,
                channel_request_lookahead=0,
                max_request_header_size=bounds.HEADER_BYTES,
                max_request_body_size=bounds.WIRE_BODY_BYTES,
                inbuf_overflow=bounds.BODY_IN_MEMORY_BYTES,
                expose_tracebacks=False,
                log_socket_errors=False,
                clear_untrusted_proxy_headers=False,  # app/web/public_url.py does it, with any server
            ),
        )

    def add_task(self, channel: Channel) -> None:
        """Queue a connection's next request for the threads of its kind."""
        request = channel.requests[0]
        request.waiting_since = self.clock()
        if request.is_health:
            self._health.add_task(channel)
            return
        if request.is_writing and len(self._writing.queue) >= bounds.WRITES_QUEUED:
            request.refuse(busy())
        (self._writing if request.is_writing else self._reading).add_task(channel)

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

    def run(self) -> None:
        """Serve until `stop`, then finish accepted requests, for at most `bounds.DRAIN_S` seconds."""
        while not self.is_stopping:
            self._turn(1.0)
        self._drain()

    def _turn(self, wait_s: float) -> None:
        self._close_overdue()
        wasyncore.loop(timeout=wait_s, map=self._map, use_poll=True, count=1)

    def _drain(self) -> None:
        self._turn(0.0)  # accepts the connections that are already established
        wasyncore.dispatcher.close(self)
        give_up = self.clock() + bounds.DRAIN_S
        while self.clock() < give_up:
            for channel in list(self.active_channels.values()):
                if not channel.is_busy:
                    channel.will_close = True
            if not self.active_channels:
                break
            self._turn(0.1)
        if cut := len(self.active_channels):
            log.warning("stopped with %d connections unfinished after %d seconds", cut, bounds.DRAIN_S)
        for threads in (self._reading, self._writing, self._health):
            threads.shutdown(timeout=1)
        wasyncore.close_all(self._map, ignore_all=True)


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


def stop_on_signals(server: Server) -> None:
    """Handle signals: the first TERM or INT (Windows: INT or BREAK) stops in order, the second immediately; ignore HUP.

    Ctrl-C reaches the process of the one-file executable twice, from the terminal and from its launcher; that counts
    once.
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


def ignore_signals() -> None:
    """Ignore signals after everything is stopped.

    The interpreter restores the default handlers while it ends, and a late Ctrl-C would terminate it that way.
    """
    _take_signals(signal.SIG_IGN)


def _take_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)
