"""The hardened waitress over raw sockets: what it refuses, what it survives, how it stops. One test holds one point.

The clock is the test's own, so that no deadline is waited for.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import waitress

from app import bounds
from app.http_server import server
from app.http_server.client_connection import Channel, Chunks
from app.settings import Threads
from tests.conftest import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "rcn_scim_not-to-be-repeated"
GET = b"GET /scim/Users HTTP/1.1\r\nHost: localhost\r\n"
PORTION, LARGE = b"x" * 65_536, 60
"""An answer of 4 MB is far more than the system keeps for a client that does not read."""


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Application:
    """A WSGI application that remembers what reached it. `gate` holds requests to /wait back."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.lengths: list[str] = []
        self.gate = threading.Event()
        self.waiting = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.reached.append(environ["PATH_INFO"])
        if environ["PATH_INFO"].endswith("/wait"):
            self.waiting.release()
            assert self.gate.wait(30)
        if environ["PATH_INFO"].endswith("/raise"):
            raise RuntimeError("on purpose")
        if environ["PATH_INFO"].endswith("/exit"):
            raise SystemExit("on purpose")
        if environ["PATH_INFO"].endswith("/large"):
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(LARGE * len(PORTION)))])
            return (PORTION for _ in range(LARGE))
        self.lengths.append(environ.get("CONTENT_LENGTH", ""))
        body = environ["wsgi.input"].read() or b"nothing"
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]


class Running:
    """A server in a thread of this process, its clock, and what reached its application."""

    def __init__(self, **of: Any) -> None:
        self.clock = Clock()
        self.application = Application()
        bound = server.bind(("127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        self.server = server.Server(self.application, bound, threads=4, clock=self.clock, **of)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def answer(self, request: bytes) -> bytes:
        """All that comes back until the server closes, or until the answer to one request is complete."""
        with closing(self.connect()) as connection:
            connection.sendall(request)
            return receive(connection, is_head=request.startswith(b"HEAD "))

    def stop(self) -> None:
        self.application.gate.set()
        self.server.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


def receive(connection: socket.socket, is_head: bool = False) -> bytes:
    """One whole answer, or what came before the connection was closed."""
    got = b""
    while True:
        head, found, body = got.partition(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if found and (is_head or (length and len(body) >= int(length[0].split(b":")[1]))):
            return got
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            return got
        if not chunk:
            return got
        got += chunk


@contextmanager
def running(**of: Any) -> Iterator[Running]:
    started = Running(**of)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def served() -> Iterator[Running]:
    with running() as started:
        yield started


def assert_scim_error(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) or head.startswith(b"HTTP/1.0 %d " % status), answer
    assert b"\r\nContent-Type: application/scim+json\r\n" in head + b"\r\n"
    error = json.loads(body)
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(status)
    assert KEY not in answer.decode("latin-1")


def test_the_waitress_that_this_leans_on() -> None:
    from importlib.metadata import version

    assert waitress.__name__ and version("waitress") == "3.0.2"


def test_an_ordinary_request(served: Running) -> None:
    body = b'{"a": 1}'
    answer = served.answer(GET.replace(b"GET", b"POST") + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(body)


def test_the_server_does_not_name_itself(served: Running) -> None:
    for request in (GET + b"\r\n", GET + b"Host: twice\r\n\r\n"):
        answer = served.answer(request).lower()
        assert b"\r\nserver:" not in answer and b"waitress" not in answer


MALFORMED = {
    "Content-Length and Transfer-Encoding": GET + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two Content-Length": GET + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "negative Content-Length": GET + b"Content-Length: -1\r\n\r\n",
    "signed Content-Length": GET + b"Content-Length: +2\r\n\r\n{}",
    "Content-Length of 5,000 digits": GET + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "two Host": GET + b"Host: evil.test\r\n\r\n",
    "two Host, another spelling": GET + b"HOST : evil.test\r\n\r\n",
    "no Host": b"GET /scim/Users HTTP/1.1\r\n\r\n",
    "two Authorization": GET + b"Authorization: Bearer " + KEY.encode() + b"\r\nAuthorization: Bearer x\r\n\r\n",
    "HTTP/9.9": b"GET /scim/Users HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "HTTP/0.9": b"GET /scim/Users\r\n\r\n",
    "Transfer-Encoding in HTTP/1.0": b"POST /scim/Users HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "101 header fields": GET + b"".join(b"X-%d: y\r\n" % n for n in range(bounds.HEADER_FIELDS)) + b"\r\n",
    "folded header field": GET + b"X-A: a\r\n b\r\n\r\n",
    "NUL in a header field": GET + b"X-A: a\0b\r\n\r\n",
    "bare LF beside a key": GET + b"Authorization: " + KEY.encode() + b"\nX: y\r\n\r\n",
    "another host in the request line": b"GET http://evil.test/scim/Users HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no IPv6 address in the request line": b"GET http://[/scim/Users HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad chunk size": GET + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused_and_the_connection_closed(served: Running, name: str) -> None:
    with closing(served.connect()) as connection:
        connection.sendall(MALFORMED[name])
        answer = receive(connection)
        assert_scim_error(answer, 400)
        assert b"evil.test" not in answer
        assert connection.recv(1024) == b"", "nothing after the refused request is read"
    assert served.application.reached == []


def test_a_hundred_header_fields_are_taken(served: Running) -> None:
    fields = b"".join(b"X-%d: y\r\n" % n for n in range(bounds.HEADER_FIELDS - 1))
    assert served.answer(GET + fields + b"\r\n").startswith(b"HTTP/1.1 200 ")


def test_chunks_are_taken(served: Running) -> None:
    answer = served.answer(GET.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"{}")


CHUNKED = GET.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n"


def test_chunk_extensions_and_trailers_are_taken_up_to_their_bounds(served: Running) -> None:
    extension = b";a=" + b"x" * (bounds.CHUNK_LINE_BYTES - 10)
    trailer = b"X-A: " + b"x" * (bounds.CHUNK_TRAILER_BYTES - 10)
    answer = served.answer(CHUNKED + b"2" + extension + b"\r\n{}\r\n0\r\n" + trailer + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"{}")


@pytest.mark.parametrize(
    "endless",
    [
        b"1;a=" + b"x" * bounds.CHUNK_LINE_BYTES,
        b"2\r\n{}\r\n" + b"0" * bounds.CHUNK_LINE_BYTES + b"1",
        b"0\r\nX: " + b"x" * bounds.CHUNK_TRAILER_BYTES,
        b"0\r\n" + b"X: y\r\n" * (bounds.CHUNK_TRAILER_BYTES // 6 + 1),
        b"1\r\na\r\n" * (bounds.CHUNK_OVERHEAD_BYTES // 4),
        (b"1;a=" + b"x" * 1_000 + b"\r\na\r\n") * (bounds.CHUNK_OVERHEAD_BYTES // 1_000 + 1),
    ],
)
def test_what_stands_between_chunks_is_refused_before_its_end(served: Running, endless: bytes) -> None:
    with closing(served.connect()) as connection:
        connection.sendall(CHUNKED + endless)
        assert_scim_error(receive(connection), 400)
        assert connection.recv(1024) == b""
    assert served.application.reached == []


@pytest.mark.parametrize(
    ("chunk_bytes", "body_bytes"), [(1, 4_096), (100, bounds.BODY_BYTES), (300, bounds.BODY_BYTES)]
)
def test_a_body_in_chunks_of_a_hundred_bytes_is_taken(served: Running, chunk_bytes: int, body_bytes: int) -> None:
    chunk = b"%x\r\n%s\r\n" % (chunk_bytes, b"a" * chunk_bytes)
    answer = served.answer(CHUNKED + chunk * (body_bytes // chunk_bytes) + b"0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and body == b"a" * (body_bytes // chunk_bytes * chunk_bytes)


def test_all_chunks_of_a_packet_reach_the_buffer_at_once() -> None:
    class Buffer(list[bytes]):
        def __len__(self) -> int:
            return sum(map(len, self))

    buffer = Buffer()
    chunks = Chunks(buffer)
    chunks.received(b"1\r\na\r\n" * 500)
    assert list(buffer) == [b"a" * 500] and chunks.error is None


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (431, GET + b"X-A: " + b"a" * bounds.HEADER_BYTES + b"\r\n\r\n"),
        (413, GET.replace(b"GET", b"POST") + b"Content-Length: %d\r\n\r\n" % bounds.WIRE_BODY_BYTES),
        (413, GET.replace(b"GET", b"POST") + b"Content-Length: " + b"9" * 30 + b"\r\nExpect: 100-continue\r\n\r\n"),
        (400, GET + b"Transfer-Encoding: xchunked\r\n\r\n"),
    ],
)
def test_too_much_is_refused_in_scims_form(served: Running, status: int, request_bytes: bytes) -> None:
    answer = served.answer(request_bytes)
    if status == 400:
        assert answer.split(b" ")[1] in (b"400", b"501")
    else:
        assert_scim_error(answer, status)
    assert served.application.reached == []


def test_elsewhere_a_refusal_is_one_plain_line(served: Running) -> None:
    answer = served.answer(b"GET /login HTTP/1.1\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"\r\nContent-Type: text/plain; charset=utf-8\r\n" in head + b"\r\n"
    assert body.count(b"\n") == 1 and b"<" not in body
    assert b"X-Content-Type-Options: nosniff" in head and b"Cache-Control: no-store" in head


def test_the_sub_path_belongs_to_scim_as_well() -> None:
    with running(base_path="/recnice") as served:
        assert_scim_error(served.answer(b"GET /recnice/scim/Users HTTP/1.1\r\n\r\n"), 400)


@pytest.mark.parametrize("line", [b"GET /scim/raise", b"GET /scim/exit", b"POST /scim/exit"])
def test_an_exception_of_the_application_is_told_without_a_traceback(
    served: Running, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    answer = served.answer(line + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert_scim_error(answer, 500)
    assert b"on purpose" not in answer and b"Traceback" not in answer
    assert "on purpose" in caplog.text


def test_a_request_that_cannot_be_answered_loses_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("on purpose")

    with running(on_refusal=fail) as served:
        assert served.answer(b"GET /scim/#\r\n\r\n") == b""
        wait_until(lambda: not served.server.active_channels, "the connection is closed")
    assert caplog.text.count("a request was not answered") == 1


@pytest.mark.parametrize("path", ["/scim/Users", "/scim/raise", "/#"])
def test_head_gets_no_body(served: Running, path: str) -> None:
    """A client would take it for the response to its next request."""
    with closing(served.connect()) as connection:
        connection.sendall(b"HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode() + GET + b"\r\n")
        head, _, rest = receive(connection).partition(b"\r\n\r\n")
        assert b"\r\nContent-Length: " in head and b"\r\nContent-Length: 0\r\n" not in head
        assert rest.startswith(b"HTTP/1.1 200 ") if path == "/scim/Users" else rest == b""


def test_continue_is_not_promised_where_no_body_comes(served: Running) -> None:
    assert served.answer(GET + b"Expect: 100-continue\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_three_hundred_idle_connections_delay_nobody() -> None:
    with running(connections=1000) as served:
        idle = [served.connect() for _ in range(300)]
        wait_until(lambda: len(served.server.active_channels) == 300, "all connections are open")
        assert served.answer(GET + b"\r\n").startswith(b"HTTP/1.1 200 ")
        assert len(served.server.active_channels) >= 300, "a healthy number of connections is kept"
        for connection in idle:
            connection.close()


def test_more_connections_than_the_limit_are_let_in_when_idle_ones_are_closed() -> None:
    with running(connections=20) as served:
        idle = [served.connect() for _ in range(40)]
        late = served.connect()
        late.sendall(GET + b"\r\n")

        def passing() -> bool:
            served.clock.now += bounds.IDLE_CONNECTION_CROWDED_S + 1
            return served.application.reached == ["/scim/Users"]

        wait_until(passing, "the late connection is served")
        for connection in (*idle, late):
            connection.close()


def test_a_trickled_request_is_cut_off(served: Running) -> None:
    with closing(served.connect()) as slow:
        slow.sendall(GET)
        wait_until(lambda: arriving(served), "the beginning has arrived")
        served.clock.now += bounds.REQUEST_ARRIVAL_S - 1
        slow.sendall(b"X-A: y\r\n")
        assert not closed(served)
        served.clock.now += 2
        assert slow.recv(1024) == b"", "a byte now and then does not buy more time"
    assert served.application.reached == []


def test_a_trickled_body_is_cut_off(served: Running) -> None:
    with closing(served.connect()) as slow:
        slow.sendall(GET.replace(b"GET", b"POST") + b"Content-Length: 100\r\n\r\n{")
        wait_until(lambda: arriving(served), "the beginning has arrived")
        served.clock.now += bounds.REQUEST_ARRIVAL_S + 1
        assert slow.recv(1024) == b""
    assert served.application.reached == [], "half a request never reaches the application"


def test_an_idle_connection_is_closed_in_the_end(served: Running) -> None:
    with closing(served.connect()) as idle:
        idle.sendall(GET + b"\r\n")
        assert receive(idle).startswith(b"HTTP/1.1 200 ")
        served.clock.now += bounds.REQUEST_ARRIVAL_S + 2
        idle.sendall(GET + b"\r\n")
        assert receive(idle).startswith(b"HTTP/1.1 200 "), "kept open between requests"
        wait_until(lambda: closed(served, passing_s=bounds.IDLE_CONNECTION_S + 1), "it is closed")
        assert idle.recv(1024) == b""


def test_a_request_under_work_is_not_cut_off(served: Running) -> None:
    with closing(served.connect()) as patient:
        patient.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert served.application.waiting.acquire(timeout=10)
        assert not closed(served, passing_s=10 * bounds.IDLE_CONNECTION_S)
        served.application.gate.set()
        assert receive(patient).startswith(b"HTTP/1.1 200 ")


def arriving(served: Running) -> bool:
    return any(channel.arriving_since is not None for channel in list(served.server.active_channels.values()))


def closed(served: Running, passing_s: float = 0.0) -> bool:
    """Whether no connection is open after the server has looked once more, `passing_s` later."""
    served.clock.now += passing_s
    served.server.pull_trigger()
    seen = served.server._next_look
    served.clock.now += server.LOOK_EVERY_S
    wait_until(lambda: served.server._next_look > seen, "the server looks")
    served.server.pull_trigger()
    return not served.server.active_channels


# --- bodies that are not looked at ------------------------------------------------------------------------------------


def body_bytes(path: str, authorization: str) -> int:
    if path == "/login":
        return bounds.FORM_BYTES
    return bounds.WIRE_BODY_BYTES if path != "/scim/Users" or authorization == "Bearer x" else 0


@pytest.fixture
def guarded() -> Iterator[Running]:
    """A server that reads no body for /scim/Users without a token, and a short one for /login."""
    with running(base_path="/recnice", body_bytes=body_bytes) as started:
        yield started


POST = GET.replace(b"GET", b"POST")


@pytest.mark.parametrize("framing", [b"Content-Length: 500000\r\n", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
@pytest.mark.parametrize("base", [b"", b"/recnice"])
def test_a_body_that_is_not_looked_at_is_not_waited_for(
    guarded: Running, framing: bytes, expect: bytes, base: bytes
) -> None:
    with closing(guarded.connect()) as connection:
        connection.sendall(POST.replace(b"/scim", base + b"/scim") + framing + expect + b"\r\n")
        answer = receive(connection)
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"nothing"), "neither 100 nor a body before it"
        assert b"\r\nConnection: close\r\n" in answer
    assert guarded.application.reached == [base.decode() + "/scim/Users"]


def test_with_a_token_the_client_is_told_to_go_on(guarded: Running) -> None:
    with closing(guarded.connect()) as connection:
        connection.sendall(POST + b"Authorization: Bearer x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert receive(connection).endswith(b"{}")


def test_with_a_token_the_body_is_read(guarded: Running) -> None:
    answer = guarded.answer(POST + b"Authorization: Bearer x\r\nContent-Length: 2\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"{}")


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 3000000\r\n\r\n",
        POST + b"Content-Length: %d\r\n\r\n" % (bounds.WIRE_BODY_BYTES + 1),
        b"POST /elsewhere HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n",
        POST.replace(b"/Users", b"/Groups") + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_who_still_sends_reads_the_answer_all_the_same(guarded: Running, request_bytes: bytes) -> None:
    """Closed with something unread in it, a connection is reset, and the answer is lost on its way."""
    with closing(guarded.connect()) as connection:
        connection.sendall(request_bytes)
        connection.sendall(b"GET /scim/wait HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40_000)
        assert receive(connection).startswith(b"HTTP/1.1 ")
        assert connection.recv(1024) == b""
    assert len(guarded.application.reached) <= 1, "what follows is no request"


LOGIN = b"POST /login HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "length"),
    [
        (LOGIN + b"Content-Length: %d\r\n\r\n" % (bounds.FORM_BYTES + 1), bounds.FORM_BYTES + 1),
        (
            LOGIN + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"a" * (bounds.FORM_BYTES + 1),
            bounds.FORM_BYTES + 1,
        ),
    ],
)
def test_a_body_longer_than_what_is_read_is_answered_before_its_end(
    guarded: Running, request_bytes: bytes, length: int
) -> None:
    """The application is told the length, by which it refuses."""
    with closing(guarded.connect()) as connection:
        connection.sendall(request_bytes)
        answer = receive(connection)
    assert answer.endswith(b"nothing") and b"\r\nConnection: close\r\n" in answer
    assert [int(one) for one in guarded.application.lengths] == [length]


def test_a_body_as_long_as_what_is_read_is_taken(guarded: Running) -> None:
    body = b"a" * bounds.FORM_BYTES
    assert guarded.answer(LOGIN + b"Content-Length: %d\r\n\r\n" % len(body) + body).endswith(body)
    answer = guarded.answer(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert answer.endswith(body)


def test_what_is_sent_after_a_refusal_is_read_for_a_moment(guarded: Running) -> None:
    with closing(guarded.connect()) as connection:
        connection.sendall(POST + b"Content-Length: 500000\r\n\r\n")
        assert receive(connection).startswith(b"HTTP/1.1 200 ")
        assert not closed(guarded)
        guarded.clock.now += bounds.REFUSED_READ_S + server.LOOK_EVERY_S
        wait_until(lambda: closed(guarded), "it is closed")


# --- answers that are not read ----------------------------------------------------------------------------------------


@pytest.fixture
def shallow(served: Running) -> Running:
    """A server that keeps little of an answer, so that its thread waits for the client."""
    served.server.adj.outbuf_high_watermark = 2 * len(PORTION)
    return served


def ask_for_much(served: Running) -> socket.socket:
    connection = served.connect()
    connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return connection


def test_a_connection_that_takes_nothing_of_its_answer_is_closed(shallow: Running) -> None:
    readers = Threads.of(4).reading
    with ExitStack() as stack:
        for _ in range(readers):
            stack.enter_context(closing(ask_for_much(shallow)))
        wait_until(lambda: shallow.application.reached == ["/large"] * readers, "every thread has one")
        late = stack.enter_context(closing(shallow.connect()))
        late.sendall(GET + b"\r\n")
        wait_until(lambda: len(shallow.server.active_channels) == readers + 1, "a reader waits")
        assert not closed(shallow, passing_s=bounds.ANSWER_UNREAD_S - 2) and len(shallow.application.reached) == readers
        wait_until(lambda: closed(shallow, passing_s=bounds.ANSWER_UNREAD_S) or late_is_answered(shallow), "a thread")
        assert receive(late).startswith(b"HTTP/1.1 200 ")


def late_is_answered(served: Running) -> bool:
    return served.application.reached[-1] == "/scim/Users"


def test_who_reads_slowly_but_steadily_gets_the_whole_answer(shallow: Running) -> None:
    got = 0
    with closing(ask_for_much(shallow)) as connection:
        began = shallow.clock.now
        for portion in range(1, 6):
            while got < portion * 10 * len(PORTION):
                got += len(connection.recv(65_536))
            assert not closed(shallow, passing_s=bounds.ANSWER_UNREAD_S - 2 * server.LOOK_EVERY_S)
        assert shallow.clock.now - began > 2 * bounds.ANSWER_UNREAD_S
        while got < LARGE * len(PORTION):
            chunk = connection.recv(65_536)
            assert chunk, "it is sent whole"
            got += len(chunk)


# --- reads and health wait for no writer ------------------------------------------------------------------------------

WAITING_WRITE = b"POST /scim/wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def open_all(stack: ExitStack, served: Running, request: bytes, count: int) -> list[socket.socket]:
    opened = [stack.enter_context(closing(served.connect())) for _ in range(count)]
    for connection in opened:
        connection.sendall(request)
    return opened


def test_who_reads_is_answered_while_more_writers_wait_than_there_are_threads(served: Running) -> None:
    with ExitStack() as stack:
        writers = open_all(stack, served, WAITING_WRITE, 10)
        for _ in range(Threads.of(4).writing):
            assert served.application.waiting.acquire(timeout=10)
        for request in (
            GET + b"\r\n",
            b"HEAD /scim/Users HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /scim/Users/.search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
            HEALTH,
        ):
            assert served.answer(request).startswith(b"HTTP/1.1 200 ")
        assert served.application.reached.count("/scim/wait") == Threads.of(4).writing, "the others wait"
        served.application.gate.set()
        assert all(receive(writer).startswith(b"HTTP/1.1 200 ") for writer in writers)


def test_who_comes_back_from_the_provider_counts_as_a_writer(served: Running) -> None:
    """A sign-in writes, although its method does not say so."""
    with ExitStack() as stack:
        open_all(stack, served, WAITING_WRITE, Threads.of(4).writing)
        for _ in range(Threads.of(4).writing):
            assert served.application.waiting.acquire(timeout=10)
        open_all(stack, served, b"GET /auth/callback?code=x HTTP/1.1\r\nHost: localhost\r\n\r\n", 3)
        wait_until(lambda: len(served.server._writing.queue) == 3, "they wait with the writers")
        assert served.answer(GET + b"\r\n").startswith(b"HTTP/1.1 200 ")


def test_health_is_answered_while_every_thread_is_at_work(served: Running) -> None:
    with ExitStack() as stack:
        open_all(stack, served, WAITING_WRITE, 3)
        open_all(stack, served, WAITING_WRITE.replace(b"POST", b"GET"), 3)
        for _ in range(4):
            assert served.application.waiting.acquire(timeout=10)
        for request in (HEALTH, HEALTH.replace(b"GET", b"HEAD")):
            assert served.answer(request).startswith(b"HTTP/1.1 200 ")


def test_a_writer_too_many_is_refused_while_the_others_wait(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "WRITES_QUEUED", 2)
    with ExitStack() as stack:
        open_all(stack, served, WAITING_WRITE, Threads.of(4).writing)
        for _ in range(Threads.of(4).writing):
            assert served.application.waiting.acquire(timeout=10)
        queued = open_all(stack, served, WAITING_WRITE, 2)
        wait_until(lambda: len(served.server._writing.queue) == 2, "two are queued")
        answer = served.answer(WAITING_WRITE)
        assert_scim_error(answer, 503)
        assert b"\r\nRetry-After: 5\r\n" in answer
        served.clock.now += bounds.WRITE_WAIT_S + 1
        served.application.gate.set()
        for connection in queued:
            assert_scim_error(receive(connection), 503)
    assert served.application.reached == ["/scim/wait"] * Threads.of(4).writing


# --- the thread that reads answers ------------------------------------------------------------------------------------

WAITING_READ = WAITING_WRITE.replace(b"POST", b"GET")


def test_requests_in_one_packet_are_answered_in_their_order(served: Running) -> None:
    requests = [GET + b"\r\n", POST + b"Content-Length: 2\r\n\r\n{}", HEALTH, GET + b"\r\n", POST + b"\r\n"]
    with closing(served.connect()) as connection:
        connection.sendall(b"".join(requests))
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < len(requests) or not got.endswith(b"nothing"):
            got += connection.recv(65_536)
    assert served.application.reached == ["/scim/Users", "/scim/Users", "/healthz", "/scim/Users", "/scim/Users"]
    assert [answer[-7:] for answer in got.split(b"HTTP/1.1 ")[1:]] == [b"nothing", b"T\r\n\r\n{}", *[b"nothing"] * 3]


@pytest.mark.parametrize("request_bytes", [WAITING_READ, WAITING_WRITE])
def test_what_arrives_during_a_request_is_answered_after_it(served: Running, request_bytes: bytes) -> None:
    with closing(served.connect()) as connection:
        connection.sendall(request_bytes)
        assert served.application.waiting.acquire(timeout=10)
        [channel] = served.server.active_channels.values()
        connection.sendall(GET + b"\r\n")
        wait_until(lambda: channel.watched == 0, "the loop no longer waits for this connection")
        served.application.gate.set()
        got = receive(connection)  # which may be both responses
        while got.count(b"HTTP/1.1 200 OK") < 2 or not got.endswith(b"nothing"):
            got += connection.recv(65_536)


def test_a_client_that_leaves_during_a_request_is_forgotten(served: Running) -> None:
    with closing(served.connect()) as connection:
        connection.sendall(WAITING_READ)
        assert served.application.waiting.acquire(timeout=10)
    served.application.gate.set()
    wait_until(lambda: not served.server.active_channels, "the connection is closed")


def test_only_the_loop_closes_a_connection(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread would take the socket from the loop while it changes the events for which it waits."""
    threads: list[str] = []
    close = Channel.handle_close

    def handle_close(channel: Channel) -> None:
        threads.append(threading.current_thread().name)
        close(channel)

    monkeypatch.setattr(Channel, "handle_close", handle_close)
    with closing(served.connect()) as connection:
        connection.sendall(WAITING_WRITE + POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert served.application.waiting.acquire(timeout=10)
    served.application.gate.set()
    wait_until(lambda: threads, "the connection is closed")
    assert [name for name in threads if not name.startswith("reading-")] == []


def test_more_slow_readers_than_threads_leave_one_that_reads(served: Running) -> None:
    with ExitStack() as stack:
        slow = open_all(stack, served, WAITING_READ, 5)
        for _ in range(Threads.of(4).reading):
            assert served.application.waiting.acquire(timeout=10)
        assert served.answer(POST + b"\r\n").startswith(b"HTTP/1.1 200 ")
        assert served.application.reached.count("/scim/wait") == Threads.of(4).reading
        served.application.gate.set()
        assert all(receive(connection).startswith(b"HTTP/1.1 200 ") for connection in slow)


def test_without_requests_no_thread_looks(served: Running) -> None:
    assert served.answer(GET + b"\r\n").startswith(b"HTTP/1.1 200 ")
    for _ in range(2):
        wait_until(lambda: served.server._thread_watch.is_paused, "the watch pauses")
        with ExitStack() as stack:
            open_all(stack, served, WAITING_READ, 1)
            assert served.application.waiting.acquire(timeout=10)
            assert served.answer(GET + b"\r\n").startswith(b"HTTP/1.1 200 "), "another thread leads"
            served.application.gate.set()


def test_an_error_of_the_loop_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = server.bind(("127.0.0.1", 0))
    failing = server.Server(Application(), bound, threads=2)
    monkeypatch.setattr(failing, "_turn", lambda _wait_s: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failing.run()
    failing.close()


# --- stopping --------------------------------------------------------------------------------------------------------


def test_stopping_finishes_what_was_accepted(served: Running) -> None:
    with closing(served.connect()) as patient, closing(served.connect()) as idle:
        patient.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert served.application.waiting.acquire(timeout=10)
        served.server.stop()
        assert idle.recv(1024) == b"", "an idle connection is closed at once"
        wait_until(lambda: refuses(served.port), "no new connection is taken")
        served.application.gate.set()
        answer = receive(patient)
        assert answer.startswith(b"HTTP/1.1 200 ") and b"Connection: close" in answer
        served.thread.join(10)
        assert not served.thread.is_alive()


def test_stopping_answers_who_is_connected_already() -> None:
    application = Application()
    bound = server.bind(("127.0.0.1", 0))
    stopped = server.Server(application, bound, threads=4)
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(socket.create_connection(bound.getsockname(), 10))) for _ in range(5)]
        for client in clients:
            client.sendall(GET + b"\r\n")
        stopped.stop()
        stopped.run()
        assert [receive(client)[:13] for client in clients] == [b"HTTP/1.1 200 "] * 5


def test_a_stop_answers_the_next_request_of_a_kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "STOP_IDLE_S", 10)

    def is_closed() -> bool:
        try:
            started.connect().close()
        except ConnectionRefusedError:
            return True
        return False

    with running() as started, closing(started.connect()) as kept:
        kept.sendall(GET + b"\r\n")
        assert b"Connection: close" not in receive(kept)
        started.server.stop()
        wait_until(is_closed, "no new connection is taken")
        kept.sendall(GET + b"\r\n")
        answer = receive(kept)
        assert answer.startswith(b"HTTP/1.1 200 ") and b"Connection: close" in answer
        assert kept.recv(1) == b""


def test_stopping_waits_no_longer_than_the_drain(served: Running, caplog: pytest.LogCaptureFixture) -> None:
    with closing(served.connect()) as patient:
        patient.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert served.application.waiting.acquire(timeout=10)
        served.server.stop()
        wait_until(lambda: refuses(served.port), "no new connection is taken")
        served.clock.now += bounds.DRAIN_S + 1
        served.thread.join(10)
        assert not served.thread.is_alive()
        assert "unfinished" in caplog.text
        assert patient.recv(1024) == b""


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


PROGRAM = """
import sys
from app.http_server import server
bound = server.bind(("127.0.0.1", 0))
def application(environ, start_response):
    sys.stdout.write("working\\n"); sys.stdout.flush()
    sys.stdin.readline()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
running = server.Server(application, bound, threads=2)
server.stop_on_signals(running)
print(bound.getsockname()[1], flush=True)
running.run()
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own, which prints its port, and `working` when a request is at it."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as started:
        yield started
        if started.poll() is None:
            started.kill()


def begin_request(process: subprocess.Popen[str]) -> socket.socket:
    assert process.stdout
    connection = socket.create_connection(("127.0.0.1", int(process.stdout.readline())), timeout=10)
    connection.sendall(GET + b"\r\n")
    assert process.stdout.readline() == "working\n"
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(process: subprocess.Popen[str], number: int) -> None:
    with closing(begin_request(process)) as connection:
        process.send_signal(number)
        port = connection.getpeername()[1]
        wait_until(lambda: refuses(port), "no new connection is taken")
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        assert receive(connection).endswith(b"ok")
    assert process.wait(10) == 0


def test_a_second_signal_stops_at_once(process: subprocess.Popen[str]) -> None:
    with closing(begin_request(process)) as connection:
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(connection.getpeername()[1]), "no new connection is taken")

        def ended() -> bool:
            process.send_signal(signal.SIGTERM)
            return process.poll() is not None

        wait_until(ended, "the second signal ends it")
    assert process.returncode == 1


def test_hang_up_means_nothing(process: subprocess.Popen[str]) -> None:
    with closing(begin_request(process)) as connection:
        process.send_signal(signal.SIGHUP)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        assert receive(connection).endswith(b"ok")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


# --- sockets and limits ----------------------------------------------------------------------------------------------


def test_a_taken_port_is_an_error() -> None:
    with closing(server.bind(("127.0.0.1", 0))) as first:
        first.listen()
        with pytest.raises(OSError, match="in use"):
            server.bind(first.getsockname())


def test_the_connections_leave_open_files_for_the_rest() -> None:
    assert server.connections_for(40) == 20
    assert server.connections_for(1024) == 824
    assert server.connections_for(4096) == bounds.CONNECTIONS


def test_out_of_open_files_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running() as served:
        several = [served.connect() for _ in range(5)]
        wait_until(lambda: len(served.server.active_channels) == 5, "all connections are open")
        late = socket.socket()
        late.settimeout(10)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            late.connect(("127.0.0.1", served.port))
            wait_until(lambda: "no more open files" in caplog.text, "it is said")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert caplog.text.count("no more open files") == 1, "and not said a thousand times a second"
        served.clock.now += server.LOOK_EVERY_S
        late.sendall(GET + b"\r\n")
        assert receive(late).startswith(b"HTTP/1.1 200 ")
        for connection in (*several, late):
            connection.close()
