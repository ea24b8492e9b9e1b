"""Servers that are not the provider itself: one that speaks TLS, and a proxy that leads names to other places."""

import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUIET = (ConnectionError, ssl.SSLError, TimeoutError)


class Server(ThreadingHTTPServer):
    """Speaks TLS where it has a context; the handshake is the connection's thread's, so that nobody waits for it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.stopping = threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves, or does not trust us, is no fault of the test's."""
        import sys

        if not isinstance(sys.exception(), QUIET):
            super().handle_error(request, client_address)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Proxy:
    """An HTTP proxy that knows only CONNECT: `places` says where a name leads, `asked` what it was asked for.

    `url` is for HTTPS_PROXY. A name without a place is refused.
    """

    def __init__(self, places: dict[str, int]) -> None:
        self.places = places
        self.asked: list[str] = []
        self.trickles = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_CONNECT(self) -> None:  # noqa: N802
                proxy.asked.append(self.path)
                if proxy.trickles:
                    while not self.server.stopping.wait(0.05):
                        self.wfile.write(b"H")
                port = proxy.places.get(self.path.rpartition(":")[0])
                if port is None:
                    self.send_error(403)
                    return
                self.send_response(200)
                self.end_headers()
                with socket.create_connection(("127.0.0.1", port)) as other:
                    _pass_on(self.connection, other, self.server.stopping)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        with serving(Server(Handler)) as self.server:
            yield self


def _pass_on(one: socket.socket, other: socket.socket, stopping: threading.Event) -> None:
    with selectors.DefaultSelector() as ready, suppress(ConnectionError):
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while not stopping.is_set():
            for key, _ in ready.select(0.1):
                assert isinstance(key.fileobj, socket.socket)
                if not (piece := key.fileobj.recv(65536)):
                    return
                key.data.sendall(piece)
