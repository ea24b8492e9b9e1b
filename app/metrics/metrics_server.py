"""This module serves /metrics on an address of its own, one scrape at a time."""

import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import Collector

from app import bounds

PATH = "/metrics"


class _Handler(WSGIRequestHandler):
    """A request, whose client may not delay the next one for long."""

    timeout = bounds.METRICS_WAIT_S

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a scrape is no event."""

    def handle(self) -> None:
        # The timeout of a socket applies to each received piece, so a client that sends one byte after the other
        # would never reach it.
        self._timer = threading.Timer(bounds.METRICS_WAIT_S, _cut, (self.connection,))
        self._timer.daemon = True
        self._timer.start()
        try:
            super().handle()
        except OSError:  # the client is gone, or too slow
            self.close_connection = True
        finally:
            self._timer.cancel()

    def parse_request(self) -> bool:
        try:
            return super().parse_request()
        finally:
            self._timer.cancel()


class _Server(WSGIServer):
    allow_reuse_address = True

    def __init__(self, listen: tuple[str, int]) -> None:
        self._is_over = threading.Event()
        self._connection: socket.socket | None = None
        super().__init__(listen, _Handler)

    def server_bind(self) -> None:
        """Bind without asking for the name of the host, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connection = request
        if self._is_over.is_set():
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown(self) -> None:
        """End `serve_forever`, and what a client is sending."""
        self._is_over.set()
        if self._connection is not None:
            _cut(self._connection)
        super().shutdown()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: what a client sends here is no event."""


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended
        connection.shutdown(socket.SHUT_RDWR)


class _Server6(_Server):
    address_family = socket.AF_INET6


class MetricsServer:
    """The server of /metrics. Raises OSError for an address that cannot be used."""

    def __init__(self, listen: tuple[str, int], collector: Collector) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(collector)
        self._metrics = make_wsgi_app(registry)
        self._server = (_Server6 if ":" in listen[0] else _Server)(listen)
        self._server.set_app(self._application)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the socket."""
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            try:
                answer: Iterable[bytes] = self._metrics(environ, start_response)
            except TypeError:  # the library compares the version in this field, also one that is no number
                answer = self._metrics(environ | {"HTTP_ACCEPT": ""}, start_response)
            return answer
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"only {PATH} is here\n".encode()]
