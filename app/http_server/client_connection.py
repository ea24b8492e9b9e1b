"""This module reads requests from one connection, refuses malformed ones and enforces time limits.

It depends on internal names of waitress 3.0.2; `tests/http_server/test_server.py` tests each of them.
"""

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from waitress.buffers import OverflowableBuffer
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver, FixedStreamReceiver
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, InternalServerError, RequestEntityTooLarge

from app import bounds
from app.http_server import request_head
from app.http_server.request_head import HeadReader
from app.http_server.response import Failure, Task
from app.scim.errors import Code, ScimError, busy, shortage
from app.web.public_url import CALLBACK, HEALTH, refusal, without_base
from app.web.request_log.middleware import HEADER
from app.web.request_log.path_kinds import SEARCH
from app.web.request_log.redacted_record import BULK
from app.web.service_routing import is_scim

BodyBytes = Callable[[str, str], int]
"""A function that returns how many bytes of a request's body to read: (path without the sub-path, Authorization
header)."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Fault(BadRequest):  # type: ignore[misc]
    """An error in a request, in the form that waitress expects."""

    def __init__(self, error: ScimError) -> None:
        super().__init__(error.detail)
        self.error = error
        self.code = error.status
        self.reason = HTTPStatus(error.status).phrase


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """One request. It refuses whatever two readers could interpret differently (request_head.py).

    `is_cut`: the request is answered before all of its body is read, and nothing after it is read. `is_writing`: it may
    change data. `is_brief`: it writes one resource of SCIM, which takes little time. `waiting_since`: when it was
    complete, by the server's clock.
    """

    body_rcv: Any = None
    content_length: int = 0
    path = ""  # waitress logs it, even if a refused head had none
    is_cut = False
    is_writing = False
    is_brief = False
    is_health = False
    waiting_since = 0.0

    def __init__(self, adj: Any, base_path: str, body_bytes: BodyBytes, heads: HeadReader) -> None:
        super().__init__(adj)
        self._base_path = base_path
        self._body_bytes = body_bytes
        self._most_bytes = 0
        self._head: bytes | bytearray = b""
        self._body = b""
        self._heads = heads

    @property
    def request_line(self) -> bytes:
        """The first line as far as received, even if it is invalid."""
        return bytes(self._head).partition(b"\r\n")[0]

    @property
    def has_authorization(self) -> bool:
        """Whether the head received so far has an Authorization header, even if the head is unreadable."""
        return b"\nauthorization:" in self._head.lower()

    def received(self, data: bytes) -> int:
        """Consume the bytes of `data` that belong to this request and return their number."""
        if not self.headers_finished:
            return self._take_head(data)
        taken: int = super().received(data)
        if self.error:
            return self._cut(data)
        if not self.completed and len(self.body_rcv) > self._most_bytes:
            return self._cut_body(data, len(self.body_rcv))
        return taken

    def get_body_stream(self) -> Any:
        """Return the body as a file."""
        return self.body_rcv.getfile() if self.body_rcv is not None else BytesIO(self._body)

    def refuse(self, error: ScimError) -> None:
        """Answer with an error instead of calling the application."""
        self.error = Fault(error)
        self.version = "1.0" if self.request_line.endswith(b"HTTP/1.0") else "1.1"
        self.is_writing = self.is_health = False
        self.completed = self.headers_finished = True

    def _take_head(self, data: bytes) -> int:
        if self._head or data.startswith(b"\r\n"):
            longer = self._head if isinstance(self._head, bytearray) else bytearray(self._head)
            longer += data
            while longer.startswith(b"\r\n"):  # RFC 9112 §2.2
                del longer[:2]
            self._head = longer
        else:
            self._head = data
        head = self._head
        # Only new bytes are searched: a head may arrive byte by byte.
        end = head.find(request_head.BLANK_LINE, max(0, len(head) - len(data) - len(request_head.BLANK_LINE)))
        size = end + len(request_head.BLANK_LINE) if end >= 0 else len(head)
        if size >= bounds.HEADER_BYTES:
            self.refuse(ScimError(Code.HEAD_TOO_LARGE, "", f"a head of less than {bounds.HEADER_BYTES} bytes"))
            return self._cut(data)
        if end < 0:
            return len(data)
        try:
            self._read_head(bytes(head[:size]))
        except ScimError as error:
            self.refuse(error)
            return self._cut(data)
        if self.content_length >= bounds.WIRE_BODY_BYTES:
            self.error = RequestEntityTooLarge(f"exceeds max_body of {bounds.WIRE_BODY_BYTES}")
            return self._cut(data)
        path = without_base(self.path, self._base_path)
        has_body = self.chunked or self.content_length > 0
        if has_body:
            self._most_bytes = self._body_bytes(path, self.headers.get("AUTHORIZATION", ""))
            if not self._most_bytes:
                return self._cut(data)
            if self.content_length > self._most_bytes:
                return self._cut_body(data, self.content_length)
        if self.command in _SAFE:
            self.is_health = path == HEALTH
            self.is_writing = path == CALLBACK
        else:
            name = path.rstrip("/").rpartition("/")[2]
            self.is_writing = name != SEARCH
            is_short = not self.chunked and self.content_length <= bounds.BRIEF_BODY_BYTES
            self.is_brief = is_short and name != BULK and is_scim(path)
        taken = len(data) - (len(head) - size)
        if not has_body:
            self.expect_continue = False  # no body follows, so both sides would wait
            self.completed = True
        elif self.chunked:
            self.body_rcv = Chunks(OverflowableBuffer(bounds.BODY_IN_MEMORY_BYTES))
        elif not self.expect_continue and len(data) - taken >= self.content_length:
            self._body = data[taken : taken + self.content_length]
            taken += self.content_length
            self.completed = True
        else:
            self.body_rcv = FixedStreamReceiver(self.content_length, OverflowableBuffer(bounds.BODY_IN_MEMORY_BYTES))
        return taken

    def _read_head(self, text: bytes) -> None:
        """Take over what a head contains. Raises ScimError."""
        self.command, self.request_uri, self.version, self.headers = self._heads.read(text)
        path, _, self.query = self.request_uri.partition("?")
        self.path = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
        if self.version == "1.1":
            self.chunked = self.headers.pop("TRANSFER_ENCODING", None) is not None
            self.expect_continue = self.headers.get("EXPECT", "").lower() == "100-continue"
        self.content_length = int(self.headers.get("CONTENT_LENGTH", "0"))
        self.headers_finished = True

    def _cut_body(self, data: bytes, size: int) -> int:
        """Let the application refuse the request for the size of its body: it gets the size, but not the body."""
        taken = self._cut(data)
        self.headers["CONTENT_LENGTH"] = str(size)
        return taken

    def _cut(self, data: bytes) -> int:
        """Complete the request now, without a body, and close the connection after its response."""
        self.close()
        self.body_rcv = None
        self.headers.pop("CONTENT_LENGTH", None)
        self.headers["CONNECTION"] = "close"
        self.completed = self.is_cut = True
        self.expect_continue = self.is_writing = False
        return len(data)


class Chunks(ChunkedReceiver):  # type: ignore[misc]
    """A chunked body (RFC 9112 §7.1) with limits.

    An unfinished line or trailer is searched again with every packet, so its length is limited. Each chunk takes time
    of the one thread that reads for all clients, so a body of tiny chunks is refused.
    """

    buf: Any

    def __init__(self, buf: Any) -> None:
        super().__init__(buf)
        self._overhead_bytes = 0

    def received(self, data: bytes) -> int:
        buf: Any = self.buf
        parts: list[bytes] = []
        self.buf = parts
        consumed: int = super().received(data)
        self.buf = buf
        body = b"".join(parts)
        buf.append(body)  # once for all chunks of a packet: each append is several calls on a file
        self._overhead_bytes += consumed - len(body)
        most = bounds.CHUNK_OVERHEAD_BYTES + len(self) * bounds.CHUNK_OVERHEAD_SHARE
        if len(self.control_line) > bounds.CHUNK_LINE_BYTES:
            self.error = BadRequest(f"expected chunk lines of at most {bounds.CHUNK_LINE_BYTES} bytes")
        elif len(self.trailer) > bounds.CHUNK_TRAILER_BYTES:
            self.error = BadRequest(f"expected at most {bounds.CHUNK_TRAILER_BYTES} bytes after the last chunk")
        elif self._overhead_bytes > most:
            got = f"{self._overhead_bytes} bytes around a body of {len(self)}"
            self.error = BadRequest(f"expected larger chunks, got {got}")
        return consumed


class Refusal(ErrorTask):  # type: ignore[misc]
    """A refusal before the application (400, 413, 414, 431, 501, 503), in the same form as the application's."""

    def execute(self) -> None:
        fault = self.request.error
        # After an exception in the application `self.request` is empty; the real one is still first in the queue.
        request: Parser = self.channel.requests[0]
        method, target, *_ = *request.request_line.decode("latin-1").split(" "), ""
        path = target.partition("?")[0]
        if "://" in path:  # a full URL
            path = "/" + path.partition("://")[2].partition("/")[2]
        path = without_base(path, self.channel.server.base_path)
        error = fault.error if isinstance(fault, Fault) else ScimError(Code.of(fault.code), sentence=fault.body)
        headers, body = refusal(path, error)
        sender = self.channel.addr[0], request.has_authorization
        if number := self.channel.server.on_refusal(method, path, error, *sender):
            headers.append((HEADER, number))
        self.status = f"{fault.code} {fault.reason}"
        self.response_headers.extend(headers)
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(b"" if method == "HEAD" else body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, with the times that its limits need.

    `is_cut`: its last request was answered before all of it was read. `refused_since`: when that response was sent.
    `arriving_since`: when its current request began to arrive. `unread_since`: since when its response is not read.
    `quiet_since`: since when no byte was transferred. `watched`: the events for which the loop waits.
    """

    requests: list[Parser]
    current_outbuf_count: int = 0
    task_class = Task
    error_task_class = Refusal
    is_cut = False
    close_when_flushed: bool = False
    refused_since: float | None = None
    arriving_since: float | None = None
    unread_since: float | None = None
    quiet_since = 0.0
    seen_activity = -1.0
    watched = 0

    def __init__(self, server: Any, connection: socket.socket, address: Any, adj: Any, map: Any) -> None:
        self._heads = HeadReader()
        super().__init__(server, connection, address, adj, map=map)

    def parser_class(self, adj: Any) -> Parser:
        """Return the parser of the next request."""
        return Parser(adj, self.server.base_path, self.server.body_bytes, self._heads)

    def add_channel(self, map: Any = None) -> None:
        super().add_channel(map)
        self.server.look_at(self)

    def del_channel(self, map: Any = None) -> None:
        self.server.forget(self)
        super().del_channel(map)

    def received(self, data: bytes) -> bool:
        if self.refused_since is not None:
            return False
        taken: bool = super().received(data)
        if self.request is None:
            self.arriving_since = None
        elif self.arriving_since is None:
            self.arriving_since = self.server.clock()
        return taken

    def service(self) -> None:
        """Answer the first request of the queue, on a thread that may wait."""
        request = self.requests[0]
        self.is_cut = request.is_cut
        if request.is_writing and self.server.clock() - request.waiting_since > bounds.WRITE_WAIT_S:
            request.refuse(busy())
        is_last = self._answer(request).close_on_finish
        request.close()
        if self.current_outbuf_count:  # a new buffer for the next response, so that this one can be deleted
            self.current_outbuf_count = self.adj.outbuf_high_watermark
        has_more = False
        with self.requests_lock:
            if is_last:
                self.close_when_flushed = True
                for later in self.requests[1:]:
                    later.close()
                self.requests = []
            else:
                self.requests.pop(0)
                has_more = self.connected and bool(self.requests)
                is_awaited = self.request is not None and self.request.expect_continue and not self.sent_continue
                if self.connected and not self.requests and is_awaited and self.request.headers_finished:
                    self.send_continue()
        self.last_activity = time.time()
        if has_more:
            self._flush_outbufs_below_high_watermark()
            self.server.add_task(self)
            self.server.pull_trigger()
        elif self.connected and (self.watched != selectors.EVENT_READ or self.writable()):
            self.server.look_at(self)

    def _answer(self, request: Parser) -> Any:
        """Return the finished task of a request. An exception of the application becomes status 500, or 503."""
        task = self.error_task_class(self, request) if request.error else self.task_class(self, request)
        try:
            if self.connected:
                task.service()
            else:
                task.close_on_finish = True
        except ClientDisconnected:
            task.close_on_finish = True
        except BaseException as error:  # also SystemExit, which ends neither this thread nor the server
            refusal = shortage((isinstance(error, Failure) and error.__cause__) or error)
            if refusal is None:
                self.logger.exception("Exception while serving %s", request.path)
            task.close_on_finish = True
            if not task.wrote_header:
                request.error = (
                    Fault(refusal)
                    if refusal is not None
                    else InternalServerError("The server encountered an unexpected internal server error")
                )
                task = self.error_task_class(self, request)
                with suppress(ClientDisconnected):
                    task.service()
                task.close_on_finish = True
        return task

    def cancel(self) -> None:
        """Give up all requests and close the connection."""
        super().cancel()
        self.server.look_at(self)

    def send_continue(self) -> None:
        """Let the client send the body. Unlike waitress, leave it to the loop to close a connection that is gone."""
        self.request.expect_continue = self.request.completed = False
        self.sent_continue = True
        with suppress(OSError, ClientDisconnected):
            self.write_soon(b"HTTP/1.1 100 Continue\r\n\r\n")

    def write_soon(self, data: Any) -> int:
        """Send a part of a response. Keep what the client does not take yet; wait if that is much."""
        if not isinstance(data, bytes):
            return int(super().write_soon(data))
        with self.outbuf_lock:
            sent = 0
            if self.connected and not self.total_outbufs_len:
                sent = self.send(data, do_close=False)
                self.last_activity = time.time()
            if sent < len(data):
                super().write_soon(data[sent:])
        return len(data)

    def readable(self) -> bool:
        return self.refused_since is not None or bool(super().readable())

    def handle_write(self) -> None:
        """Send the response; after a refusal, close only the sending side.

        If the whole connection were closed, a client that still sends would get a reset instead of its refusal (RFC
        9112 §9.6).
        """
        if not (self.is_cut and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close or not self.connected:
            self.handle_close()
        elif not self.total_outbufs_len:
            self.close_when_flushed = False
            self.refused_since = self.server.clock()
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.handle_close()

    @property
    def is_busy(self) -> bool:
        """Whether a request is arriving, waiting, in progress, or being answered."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len or self.close_when_flushed)

    def is_overdue(self, now: float, idle_s: float) -> bool:
        """Return whether to close: a request arrives too slowly, a response is not read, or the connection is idle.

        waitress stamps `last_activity` with the wall clock, which can be set back, so only its changes are used.
        """
        is_moving = self.last_activity != self.seen_activity
        if is_moving:
            self.seen_activity, self.quiet_since = self.last_activity, now
        if self.refused_since is not None:
            return now - self.refused_since > bounds.REFUSED_READ_S
        if is_moving or not self.total_outbufs_len:
            self.unread_since = None
        if self.total_outbufs_len:
            if self.unread_since is None:
                self.unread_since = now
            return now - self.unread_since > bounds.ANSWER_UNREAD_S
        if self.requests:
            return False
        if self.arriving_since is not None and now - self.arriving_since > bounds.REQUEST_ARRIVAL_S:
            return True
        return now - self.quiet_since > idle_s
