"""This module calls the application for one request and sends its response (WSGI, PEP 3333).

The bytes are those of waitress 3.0.2, formed in fewer steps. `tests/http_server/test_response.py` compares them.
"""

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.task import WSGITask
from waitress.utilities import build_http_date

_WITHOUT_PREFIX = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
_name = itemgetter(0)
_date = lru_cache(1)(build_http_date)


@lru_cache(256)
def _capitalized(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))


class Failure(Exception):  # noqa: N818  # the error is its cause
    """The application raised OSError, which waitress would take for one of the connection."""


class Task(WSGITask):  # type: ignore[misc]
    """One request for the application."""

    environ: dict[str, Any] | None = None
    complete: bool = False
    wrote_header: bool = False
    chunked_response: bool = False

    def get_environment(self) -> dict[str, Any]:
        """Return the request as WSGI describes it, always the same object."""
        if self.environ is None:
            request, channel, path = self.request, self.channel, self.request.path
            address, port, *_ = channel.addr
            self.environ = environ = {
                **channel.server.environ,
                "REMOTE_ADDR": address,
                "REMOTE_HOST": address,
                "REMOTE_PORT": str(port),
                "REQUEST_METHOD": request.command,
                "SERVER_PROTOCOL": "HTTP/" + self.version,
                "PATH_INFO": "/" + path.lstrip("/") if path.startswith("//") else path,
                "REQUEST_URI": request.request_uri,
                "QUERY_STRING": request.query,
                "wsgi.errors": sys.stderr,
                "wsgi.input": request.get_body_stream(),
                "waitress.client_disconnected": channel.check_client_disconnected,
            }
            for key, value in request.headers.items():
                environ[key if key in _WITHOUT_PREFIX else "HTTP_" + key] = value
        return self.environ

    def start_response(
        self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Take status and header fields. Raises the exception of `exc_info` if the head is already sent."""
        if exc_info and self.wrote_header:
            raise exc_info[1]
        if self.complete and not exc_info:
            raise AssertionError("start_response was called twice")
        self.complete, self.status, self.content_length = True, status, None
        self.response_headers = [(_capitalized(name), value) for name, value in headers]
        for name, value in self.response_headers:
            if name == "Content-Length":
                self.content_length = int(value)
        return self.write

    def execute(self) -> None:
        """Call the application and send what it returns; close the connection if that is less than it announced."""
        try:
            pieces = self.channel.server.application(self.get_environment(), self.start_response)
        except OSError as error:
            raise Failure from error
        is_closed_by_channel = False
        try:
            if isinstance(pieces, ReadOnlyFileBasedBuffer) and (size := pieces.prepare(self.content_length)):
                if self.content_length != size:
                    self.remove_content_length_header()
                    self.content_length = size
                self.write(b"")
                if self.request.command != "HEAD":
                    self.channel.write_soon(pieces)
                    is_closed_by_channel = True
                return
            for piece in pieces:
                if self.content_length is None and hasattr(pieces, "__len__") and len(pieces) == 1:
                    self.content_length = len(piece)
                if piece:
                    self.write(piece)
            if self.content_length not in (None, self.content_bytes_written) and self.request.command != "HEAD":
                self.close_on_finish = True
                self.logger.warning(
                    "sent only %d of %d bytes of a response", self.content_bytes_written, self.content_length
                )
        finally:
            if not is_closed_by_channel and hasattr(pieces, "close"):
                pieces.close()

    def write(self, data: bytes) -> None:
        """Send a part of the body, the first one together with the head; to HEAD only the head."""
        head = b""
        if not self.wrote_header:
            head = self.build_response_header()
            self.wrote_header = True
        if self.request.command == "HEAD" or not self.has_body:
            self.content_bytes_written += len(data)
            data = b""
        elif self.chunked_response:
            data = b"%X\r\n%b\r\n" % (len(data), data) if data else b""
        elif self.content_length is not None:
            data = data[: self.content_length - self.content_bytes_written]
            self.content_bytes_written += len(data)
        self.channel.write_soon(head + data)

    def build_response_header(self) -> bytes:
        """Return the head, and decide whether the connection stays open: not while the server stops.

        Unlike waitress, it stays open after a response that has no body by its status, and HEAD gets no body, whatever
        the application returns: the client would read it as the next response (RFC 9112 §6.3).
        Raises ValueError for a line break in the status or in a header field.
        """
        headers, length = self.response_headers, self.content_length
        if not self.has_body:
            headers = [field for field in headers if field[0] != "Content-Length"]
        elif length is None:
            if self.version == "1.1":
                headers.append(("Transfer-Encoding", "chunked"))
                self.chunked_response = self.request.command != "HEAD"
            self.close_on_finish = True
        elif all(name != "Content-Length" for name, _ in headers):
            headers.append(("Content-Length", str(length)))
        connection = self.request.headers.get("CONNECTION", "").lower()
        is_kept = connection == "keep-alive" if self.version == "1.0" else connection != "close"
        if not is_kept or self.close_on_finish or self.channel.server.is_stopping:
            headers.append(("Connection", "close"))
            self.close_on_finish = True
        elif self.version == "1.0":
            headers.append(("Connection", "Keep-Alive"))
        if all(name != "Date" for name, _ in headers):
            headers.append(("Date", _date(int(self.start_time))))
        headers.sort(key=_name)
        lines = [f"HTTP/{self.version} {self.status}", *[f"{name}: {value}" for name, value in headers]]
        head = "\r\n".join(lines)
        if head.count("\n") >= len(lines) or head.count("\r") >= len(lines):
            raise ValueError("a line break in the head of a response")
        return (head + "\r\n\r\n").encode("latin-1")
