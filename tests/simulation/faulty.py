"""A proxy in front of a real appliance that breaks one thing: it changes what is asked, or what is answered.

It plays the services that Entra's administrators complain about. It checks nothing.
"""

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SCIM_TYPE = "application/scim+json"


@dataclass
class Asked:
    method: str
    target: str
    document: Any


@dataclass
class Answered:
    status: int
    media_type: str
    document: Any
    text: str = ""


Forward = Callable[[Asked], Answered]
Fault = Callable[[Asked, Forward], Answered | None]
"""None: the connection is closed without an answer."""


def error(status: int, detail: Any = "broken on purpose") -> Answered:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    return Answered(status, SCIM_TYPE, body)


class Behind:
    """The service behind the proxy, on one kept connection: the client in front has one too."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)

    def ask(self, asked: Asked, headers: Mapping[str, str]) -> Answered:
        content = None if asked.document is None else json.dumps(asked.document).encode()
        self.connection.request(asked.method, asked.target, content, dict(headers))
        response = self.connection.getresponse()
        text = response.read().decode()
        return Answered(response.status, response.getheader("Content-Type", ""), json.loads(text) if text else None)


@contextmanager
def faulty(url: str, fault: Fault) -> Iterator[str]:
    """The address of the proxy while it runs."""
    behind = Behind(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            try:
                asked = Asked(self.command, self.path, json.loads(given) if given else None)
            except ValueError:
                answered = error(400)
            else:
                answered = fault(asked, lambda asked: behind.ask(asked, kept))
            if answered is None:
                self.close_connection = True
                return
            body = answered.text.encode()
            if not body and answered.document is not None:
                body = json.dumps(answered.document).encode()
            self.send_response(answered.status)
            if body:
                self.send_header("Content-Type", answered.media_type)
            if answered.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        behind.connection.close()
