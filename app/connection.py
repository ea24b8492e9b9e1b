"""One connection: which requests are taken, how a refusal looks, and when a client has taken too long.

Not here: the loop over all connections (server.py) and what an accepted request means.
It leans on names inside waitress 3.0.2; `tests/web/test_server.py` holds each point.
"""

from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest

from app import bounds
from app.web.observed import HEADER
from app.web.proxy import refusal

# What may stand once only: two of them let two readers of one request disagree (RFC 9112 §11.2).
ONCE = (b"host", b"authorization", b"content-length", b"transfer-encoding")


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """One request. Refuses with 400 whatever two readers could understand differently (RFC 9112 §3 and §6)."""

    request_line = b""
    body_rcv: Any = None

    def parse_header(self, header_plus: bytes) -> None:
        """Raises ParsingError with a text that repeats nothing of the request: it may hold a key."""
        # Over the header limit, waitress parses a made-up request; what has come so far then has the real line.
        self.request_line = max(self.header_plus, header_plus, key=len).lstrip().partition(b"\r\n")[0]
        check_fields(header_plus)
        try:
            super().parse_header(header_plus)
        except (ParsingError, ValueError):
            raise ParsingError("expected a well-formed HTTP request") from None
        finally:
            # Where nothing is to come, or it will be refused, "continue" would only keep both sides waiting.
            if self.body_rcv is None or self.content_length >= self.adj.max_request_body_size:
                self.expect_continue = False
        self._check_line()
        if self.chunked:
            self.body_rcv = Chunks(self.body_rcv.getbuf())

    def _check_line(self) -> None:
        host = self.headers.get("HOST")
        problem = ""
        if self.version not in ("1.0", "1.1"):
            problem = "expected HTTP/1.0 or HTTP/1.1"
        elif self.version == "1.1" and host is None:
            problem = "Host: expected the header in HTTP/1.1"
        elif self.version == "1.0" and "TRANSFER_ENCODING" in self.headers:
            problem = "Transfer-Encoding: expected HTTP/1.1"
        elif not self.path.startswith("/"):
            problem = "expected a path that begins with a slash"
        elif self.proxy_netloc and self.proxy_netloc != host:
            problem = "Host: expected the host of the request line"
        if problem:
            self.expect_continue = False
            raise ParsingError(problem)


def check_fields(header_plus: bytes) -> None:
    """Refuse too many header fields, folded ones, and twins of those that say where a request ends or whose it is."""
    lines = [line for line in header_plus.split(b"\r\n")[1:] if line]
    if len(lines) > bounds.HEADER_FIELDS:
        raise ParsingError(f"expected at most {bounds.HEADER_FIELDS} header fields")
    if any(line.startswith((b" ", b"\t")) for line in lines):
        raise ParsingError("expected no folded header fields")
    names = [line.partition(b":")[0].strip().lower() for line in lines]
    for name in ONCE:
        if names.count(name) > 1:
            raise ParsingError(f"{name.decode().title()}: expected one, got several")
    if b"content-length" in names and b"transfer-encoding" in names:
        raise ParsingError("expected Content-Length or Transfer-Encoding, got both")


class Chunks(ChunkedReceiver):  # type: ignore[misc]
    """A chunked body (RFC 9112 §7.1). What has no end yet is searched anew with every packet, so it is short."""

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if len(self.control_line) > bounds.CHUNK_LINE_BYTES:
            self.error = BadRequest(f"expected chunk lines of at most {bounds.CHUNK_LINE_BYTES} bytes")
        elif len(self.trailer) > bounds.CHUNK_TRAILER_BYTES:
            self.error = BadRequest(f"expected at most {bounds.CHUNK_TRAILER_BYTES} bytes after the last chunk")
        return consumed


class Task(WSGITask):  # type: ignore[misc]
    """One request for the application."""

    def build_response_header(self) -> bytes:
        """While the server stops, tell clients that keep connections open not to use this one again."""
        if self.channel.server.is_stopping:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class Refusal(ErrorTask):  # type: ignore[misc]
    """What waitress itself refuses (400, 413, 431, 501), said as the application says it."""

    def execute(self) -> None:
        error = self.request.error
        # After an exception in the application the request here is an empty one; the real one is still first in line.
        method, path = self._asked(self.channel.requests[0])
        headers, body = refusal(path, error.code, error.body)
        if number := self.channel.server.on_refusal(method, path, error.code, error.body, self.channel.addr[0]):
            headers.append((HEADER, number))
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(headers)
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)

    def _asked(self, request: Parser) -> tuple[str, str]:
        """Method, and path without the sub-path, as far as they can be read; a whole address may stand for the path."""
        words = request.request_line.decode("latin-1").split(" ")
        target = words[1].partition("?")[0] if len(words) > 1 else ""
        if "://" in target:
            target = "/" + target.partition("://")[2].partition("/")[2]
        return words[0], target.removeprefix(self.channel.server.base_path)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, and since when its present request has been arriving."""

    parser_class = Parser
    task_class = Task
    error_task_class = Refusal
    arriving_since: float | None = None
    quiet_since = 0.0
    seen_activity = -1.0

    def received(self, data: bytes) -> bool:
        taken: bool = super().received(data)
        if self.request is None:
            self.arriving_since = None
        elif self.arriving_since is None:
            self.arriving_since = self.server.clock()
        return taken

    @property
    def is_busy(self) -> bool:
        """Whether a request is arriving, waiting, being worked on, or being answered."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len or self.close_when_flushed)

    def is_overdue(self, now: float, idle_s: float) -> bool:
        """Whether to close: a request that takes too long to arrive, or a connection on which nothing happens.

        waitress stamps `last_activity` with the wall clock, which can be set back; so only its change is looked at.
        """
        if self.last_activity != self.seen_activity:
            self.seen_activity, self.quiet_since = self.last_activity, now
        if self.requests:
            return False
        if self.arriving_since is not None and now - self.arriving_since > bounds.REQUEST_ARRIVAL_S:
            return True
        return now - self.quiet_since > idle_s
