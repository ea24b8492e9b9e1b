"""A response has the bytes that waitress forms, and the application gets what waitress gives it."""

import io
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.adjustments import Adjustments
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.task import WSGITask

from app import bounds
from app.http_server import server
from app.http_server.client_connection import Parser
from app.http_server.request_head import HeadReader
from app.http_server.response import Task
from tests.http_server.test_request_head import tried

BOTH = b"Connection: close\r\nConnection: Keep-Alive\r\n"
"""What waitress sends after half of an announced body to an HTTP/1.0 client."""
HEAD = "{} {} HTTP/{}\r\nHost: localhost\r\n{}\r\n"


class Sink:
    """What a task needs of a connection; it keeps the bytes."""

    def __init__(self, application: Any) -> None:
        self.sent: list[bytes] = []
        self.addr = ("192.0.2.1", 1234)
        self.adj = Adjustments(ident=None)
        self.server = SimpleNamespace(
            application=application,
            adj=self.adj,
            is_stopping=False,
            environ=server.constant_environ(SimpleNamespace(effective_port=80, server_name="here", adj=self.adj)),
            effective_port=80,
            server_name="here",
        )

    def check_client_disconnected(self) -> bool:
        return False

    def write_soon(self, data: Any) -> None:
        self.sent.append(data.get() if isinstance(data, ReadOnlyFileBasedBuffer) else data)


def request_of(text: str) -> Parser:
    request = Parser(Adjustments(), "", lambda *_: bounds.WIRE_BODY_BYTES, HeadReader())
    head, _, body = text.partition("\r\n\r\n")
    data = (head + "\r\n\r\n" + body).encode("latin-1")
    while data:
        data = data[request.received(data) :]
    request.url_scheme = "http"  # waitress reads it there
    return request


def both(text: str, application: Any) -> list[tuple[bytes, bool, dict[str, Any]]]:
    """Return of this server and of waitress: the response, whether it is the last one, what the application got."""
    outcomes = []
    for kind in (Task, WSGITask):
        got: dict[str, Any] = {}

        def observed(environ: dict[str, Any], start_response: Any, got: dict[str, Any] = got) -> Any:
            got.update(environ, **{"wsgi.input": environ["wsgi.input"].read()})
            del got["waitress.client_disconnected"]
            return application(environ, start_response)

        channel = Sink(observed)
        task = kind(channel, request_of(text))
        task.start = lambda: None
        task.start_time = 1_000_000_000.5
        task.service()
        outcomes.append((b"".join(channel.sent), task.close_on_finish, got))
    return outcomes


NAMES = st.sampled_from(["x-request-id", "ETag", "LOCATION", "Set-Cookie", "Content-Type", "x--y", "Date"])
FIELDS = st.lists(st.tuples(NAMES, st.sampled_from(["a", 'W/"1"', "ä b"])), max_size=6)


@tried
@given(
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.sampled_from(["1.0", "1.1"]),
    st.sampled_from(["", "Connection: close\r\n", "Connection: Keep-Alive\r\n"]),
    FIELDS,
    st.sampled_from([["ab"], [], ["a", "", "bc"], [""]]),
    st.sampled_from([None, 0, 2, 3]),
    st.booleans(),
)
def test_a_response_is_that_of_waitress(
    method: str,
    version: str,
    connection: str,
    fields: list[tuple[str, str]],
    pieces: list[str],
    length: int | None,
    is_generator: bool,
) -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Any:
        announced = [] if length is None else [("content-length", str(length))]
        start_response("200 OK", [*fields, *announced])
        return (piece.encode() for piece in pieces) if is_generator else [piece.encode() for piece in pieces]

    ours, theirs = both(HEAD.format(method, "/a%20b?c=d", version, connection + "X-A: b\r\n"), application)
    sent = theirs[0].replace(BOTH, BOTH[:19])
    if method == "HEAD":
        sent = sent[: sent.index(b"\r\n\r\n") + 4]  # waitress leaves that to the application
    assert (ours[0], *ours[1:]) == (sent, *theirs[1:])


@pytest.mark.parametrize("length", [None, 3, 6])
def test_a_file_is_sent_as_waitress_sends_it(length: int | None) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [] if length is None else [("Content-Length", str(length))])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"abc"))

    ours, theirs = both(HEAD.format("GET", "/", "1.1", ""), application)
    assert ours == theirs and b"\r\nContent-Length: 3\r\n" in ours[0]


def test_a_file_is_not_sent_to_head() -> None:
    file = io.BytesIO(b"abc")

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    channel = Sink(application)
    Task(channel, request_of(HEAD.format("HEAD", "/", "1.1", ""))).service()
    assert b"".join(channel.sent).endswith(b"\r\n\r\n") and b"\r\nContent-Length: 3\r\n" in channel.sent[0]
    assert file.closed


def test_a_body_reaches_the_application() -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("201 Created", [("Content-Length", "0")])
        return []

    text = HEAD.format("POST", "//a//b", "1.1", "Content-Type: text/plain\r\nContent-Length: 3\r\n") + "abc"
    ours, theirs = both(text, application)
    assert ours == theirs and ours[2]["wsgi.input"] == b"abc" and ours[2]["PATH_INFO"] == "/a//b"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_connection_stays_open_after_a_response_without_a_body(status: str) -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, [("ETag", "a"), ("Content-Length", "0")])
        return []

    (sent, is_closed, _), (theirs, _, _) = both(HEAD.format("GET", "/", "1.1", ""), application)
    assert sent == theirs.replace(b"Connection: close\r\n", b"") and not is_closed
    (sent, is_closed, _), (theirs, _, _) = both(HEAD.format("GET", "/", "1.1", "Connection: close\r\n"), application)
    assert sent == theirs and is_closed


@pytest.mark.parametrize("field", [("X", "a\r\nY: b"), ("X\n", "a"), ("X", "a\rb")])
def test_a_line_break_in_a_field_is_an_error(field: tuple[str, str]) -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "0"), field])
        return []

    with pytest.raises(ValueError, match="line break"):
        both(HEAD.format("GET", "/", "1.1", ""), application)


def test_after_an_error_the_head_can_be_replaced_until_it_is_sent() -> None:
    def application(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "5"), ("X-A", "b")])
        try:
            raise RuntimeError
        except RuntimeError as error:
            start_response("500 Internal Server Error", [("X-C", "d")], (RuntimeError, error, None))
        return [b"no"]

    ours = both(HEAD.format("GET", "/", "1.1", ""), application)[0][0]
    assert ours.startswith(b"HTTP/1.1 500 ") and b"X-A" not in ours and b"\r\nContent-Length: 2\r\n" in ours


def test_the_date_is_that_of_the_request() -> None:
    assert (
        b"\r\nDate: " + time.strftime("%a, %d %b %Y", time.gmtime(1_000_000_000)).encode()
        in both(
            HEAD.format("GET", "/", "1.1", ""), lambda _environ, start_response: start_response("200 OK", []) and []
        )[0][0]
    )
