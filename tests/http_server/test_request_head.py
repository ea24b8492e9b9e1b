"""The head of a request: what two readers could understand differently is refused, and everything in linear time."""

import re
import sys
from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waitress import parser as waitress_parser
from waitress.adjustments import Adjustments

from app import bounds
from app.http_server import request_head
from app.http_server.client_connection import Parser
from app.scim.errors import ScimError
from tests.examples import examples

tried = settings(max_examples=examples(200), derandomize=True, deadline=None, database=None)

KEY = "rcn_scim_not-to-be-repeated"
HOST = b"Host: localhost\r\n"
GET = b"GET /scim/Users HTTP/1.1\r\n" + HOST
POST = GET.replace(b"GET", b"POST")
MANY = 60_000


def read(request: bytes, packet: int = 8192) -> Parser:
    """Give a request to a parser in packets, as the server does."""
    adj = Adjustments(max_request_header_size=bounds.HEADER_BYTES, max_request_body_size=bounds.WIRE_BODY_BYTES)
    reader = Parser(adj, "", lambda path, authorization: bounds.WIRE_BODY_BYTES, request_head.HeadReader())
    while request and not reader.completed:
        taken = reader.received(request[:packet])
        assert taken > 0
        request = request[taken:]
    return reader


def status(request: bytes, packet: int = 8192) -> int:
    """Return 200 for a request that is taken, and 0 for one that has not ended."""
    reader = read(request, packet)
    return reader.error.code if reader.error else 200 if reader.completed else 0


REFUSED = {
    "a scheme and thousands of digits": b"GET a://" + b"1" * 8_000 + b" BAD\r\n" + HOST,
    "twenty thousand of them": b"GET a://" + b"1" * 20_000 + b" BAD\r\n" + HOST,
    "the same and a version": b"GET a://" + b"1" * 8_000 + b" HTTP/1.1\r\n" + HOST,
    "no version": b"GET /scim/Users\r\n" + HOST,
    "blank before the method": b" GET /scim/Users HTTP/1.1\r\n" + HOST,
    "tab before the method": b"\tGET /scim/Users HTTP/1.1\r\n" + HOST,
    "form feed before the method": b"\x0cGET /scim/Users HTTP/1.1\r\n" + HOST,
    "two blanks": b"GET  /scim/Users HTTP/1.1\r\n" + HOST,
    "blank behind the version": b"GET /scim/Users HTTP/1.1 \r\n" + HOST,
    "tab in the line": b"GET\t/scim/Users HTTP/1.1\r\n" + HOST,
    "small letters": b"get /scim/Users HTTP/1.1\r\n" + HOST,
    "a key as method": f"GET({KEY} /scim/Users HTTP/1.1\r\n".encode() + HOST,
    "# in the target": b"GET /scim/Users#x HTTP/1.1\r\n" + HOST,
    "# alone": b"GET # HTTP/1.1\r\n" + HOST,
    "encoded slash as target": b"GET %2fscim/Users HTTP/1.1\r\n" + HOST,
    "control character in the target": b"GET /scim/\x01Users HTTP/1.1\r\n" + HOST,
    "NUL in the target": b"GET /scim/\x00Users HTTP/1.1\r\n" + HOST,
    "a byte that is not ASCII in the target": b"GET /scim/\xc3\xa4 HTTP/1.1\r\n" + HOST,
    "another scheme": b"GET ftp://localhost/scim HTTP/1.1\r\n" + HOST,
    "an address without a host": b"GET http:///scim HTTP/1.1\r\n" + HOST,
    "an open bracket as host": b"GET http://[/scim HTTP/1.1\r\n" + HOST,
    "version with two digits": b"GET /scim/Users HTTP/1.10\r\n" + HOST,
    "version in small letters": b"GET /scim/Users http/1.1\r\n" + HOST,
    "bare CR in the line": b"GET /scim/Users\r HTTP/1.1\r\n" + HOST,
    "bare LF after the line": b"GET /scim/Users HTTP/1.1\n" + HOST,
    "many blanks and a letter": GET + b"X:" + b" " * MANY + b"a\r\n",
    "many blanks and a control character": GET + b"X:" + b" " * MANY + b"\x01\r\n",
    "many tabs": GET + b"X: a" + b"\t" * MANY + b"b\r\n",
    "many blanks behind a value": GET + b"X: a" + b" " * MANY + b"\r\n",
    "many blanks in a cookie": GET + b"Cookie: a=" + b" " * 12_000 + b'x"\r\n',
    "blanks and tabs in a cookie": GET + b"Cookie: a=" + b" \t" * bounds.HEADER_BLANKS + b'x"\r\n',
    "many words and a control character": GET + b"X: " + b"a " * 30_000 + b"\x7f\r\n",
    "blank before the colon": GET + b"X : a\r\n",
    "tab before the colon": GET + b"Transfer-Encoding\t: chunked\r\n",
    "no colon": GET + b"X\r\n",
    "no name": GET + b": a\r\n",
    "many letters without a colon": GET + b"X" * MANY + b"\r\n",
    "folded": GET + b"X: a\r\n b\r\n",
    "folded at once": b"GET /scim/Users HTTP/1.1\r\n X: a\r\n" + HOST,
    "bare CR": GET + b"X: a\rb\r\n",
    "bare CR before the end": GET + b"X: a\r\r\n",
    "bare LF": GET + b"X: a\nY: b\r\n",
    "NUL": GET + b"X: a\0b\r\n",
    "DEL": GET + b"X: a\x7fb\r\n",
    "NUL in a name": GET + b"X\0: a\r\n",
    "a byte that is not ASCII in a name": GET + b"X\xe4: a\r\n",
    "quoted name": GET + b'"X": a\r\n',
    "two Content-Type": POST + b"Content-Type: text/plain\r\nContent-Type: text/html\r\n",
    "a long boundary": POST
    + b"Content-Type: multipart/form-data; boundary="
    + b"-" * bounds.CONTENT_TYPE_LENGTH
    + b"\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n",
    "chunked twice, without a blank": POST + b"Transfer-Encoding: chunked,chunked\r\n",
    "chunked in two fields": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "empty Transfer-Encoding": POST + b"Transfer-Encoding:\r\n",
    "blank Transfer-Encoding": POST + b"Transfer-Encoding: \t \r\n",
    "a comma": POST + b"Transfer-Encoding: ,\r\n",
    "a comma behind chunked": POST + b"Transfer-Encoding: chunked,\r\n",
    "a comma before chunked": POST + b"Transfer-Encoding: , chunked\r\n",
    "chunked is not last": POST + b"Transfer-Encoding: chunked, gzip\r\n",
    "no chunked": POST + b"Transfer-Encoding: identity\r\n",
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n',
    "chunked with a parameter": POST + b"Transfer-Encoding: chunked;a=b\r\n",
    "chunked behind a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n",
    "chunked behind a strange blank": POST + b"Transfer-Encoding: \x85chunked\r\n",
    "empty Transfer-Encoding and Content-Length": POST + b"Transfer-Encoding:\r\nContent-Length: 2\r\n",
    "chunked and Content-Length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    "empty Content-Length": POST + b"Content-Length:\r\n",
    "Content-Length as a list": POST + b"Content-Length: 2, 2\r\n",
    "Content-Length in hexadecimal digits": POST + b"Content-Length: 0x2\r\n",
    "Content-Length with an underline": POST + b"Content-Length: 1_0\r\n",
    "Content-Length in other digits": POST + "Content-Length: ٢\r\n".encode(),
    "Content-Length without an end": POST + b"Content-Length: " + b"9" * 4_000 + b"\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_two_readers_could_understand_differently_is_refused(name: str) -> None:
    request = REFUSED[name] + b"\r\n"
    assert status(request) == 400
    reader = read(request)
    assert reader.completed and reader.is_cut, "nothing that follows is read"
    assert reader.path == "", "waitress logs it where the client is gone before its answer is written"
    assert KEY not in reader.error.body and "\r" not in reader.error.body
    assert status(request, packet=7) == 400, "in any packets"


def test_too_much_is_refused_as_such() -> None:
    assert status(b"GET /" + b"x" * bounds.HEADER_LINE_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n") == 414
    assert status(GET + b"X: " + b"x" * bounds.HEADER_LINE_BYTES + b"\r\n\r\n") == 431
    assert status(GET + b"X: " + b"x" * bounds.HEADER_BYTES) == 431, "before its end"
    assert status(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n") == 501
    assert status(POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n") == 413


TAKEN = {
    "a long filter": b"GET /scim/Users?filter=" + b"%E4%BA%BA" * 4_096 + b" HTTP/1.1\r\n" + HOST,
    "a whole address": b"GET http://localhost/scim/Users?a=b HTTP/1.1\r\n" + HOST,
    "a whole address in an address": b"GET /scim/Users?next=http://elsewhere.test/ HTTP/1.1\r\n" + HOST,
    "HTTP/1.0 without a host": b"GET /scim/Users HTTP/1.0\r\n",
    "an empty value": GET + b"X:\r\n",
    "no blank": GET + b"X:a\r\n",
    "blanks around": GET + b"X: \t a b\tc \t\r\n",
    "a byte that is not ASCII": GET + b"X: \xe4\r\n",
    "as many blanks as are taken": GET + b"X: a" + b" " * bounds.HEADER_BLANKS + b"b\r\n",
    "empty lines before": b"\r\n\r\n\r\n" + GET,
    "quotes in a target": b'GET /scim/Users?filter=title%20eq%20"a" HTTP/1.1\r\n' + HOST,
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_can_be_understood_in_one_way_is_taken(name: str) -> None:
    reader = read(TAKEN[name] + b"\r\n", packet=100)
    assert reader.completed and not reader.error
    assert reader.path == "/scim/Users"
    assert reader.headers.get("X", "a") in ("", "a", "a b\tc", "ä", "a" + " " * bounds.HEADER_BLANKS + "b")


def test_chunked_is_taken_in_any_letters() -> None:
    for coding in (b"chunked", b" CHUNKED ", b"\tChunked"):
        assert status(POST + b"Transfer-Encoding:" + coding + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n") == 200


# --- linear -----------------------------------------------------------------------------------------------------------


def expressions() -> Iterator[re.Pattern[bytes]]:
    yield from (value for value in vars(request_head).values() if isinstance(value, re.Pattern))


def flat(items: Any) -> Iterator[tuple[str, Any]]:
    """Yield an expression's items without its groups."""
    for operation, argument in items:
        if str(operation) == "SUBPATTERN":
            yield from flat(argument[3])
        else:
            yield str(operation), argument


def characters(operation: str, argument: Any) -> frozenset[int]:
    """Return what one item of an expression takes."""
    if operation == "MAX_REPEAT":
        [(inner, of_inner)] = flat(argument[2])
        assert inner != "MAX_REPEAT"
        return characters(inner, of_inner)
    if operation == "LITERAL":
        return frozenset({argument})
    if operation == "NOT_LITERAL":
        return frozenset(range(256)) - {argument}
    if operation == "ANY":
        return frozenset(range(256)) - {10}
    assert operation == "IN", operation
    found: set[int] = set()
    for kind, of_kind in argument:
        if str(kind) == "LITERAL":
            found.add(of_kind)
        elif str(kind) == "RANGE":
            found.update(range(of_kind[0], of_kind[1] + 1))
        else:
            assert str(kind) == "NEGATE", kind
    is_negated = any(str(kind) == "NEGATE" for kind, _ in argument)
    return frozenset(range(256)) - found if is_negated else frozenset(found)


def test_no_expression_can_go_back() -> None:
    """Where what follows a repeated character is never that character, there is one way to match, found in one pass."""
    assert len(list(expressions())) == 5
    for expression in expressions():
        items = list(flat(_parser.parse(expression.pattern, expression.flags)))
        for (operation, argument), following in zip(items, items[1:], strict=False):
            if operation == "MAX_REPEAT":
                assert characters(operation, argument).isdisjoint(characters(*following)), expression.pattern


def test_waitress_parses_no_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of its expressions grows by the square for a line that does not match, and for blanks before a value."""
    monkeypatch.delattr(waitress_parser, "HEADER_FIELD_RE")
    monkeypatch.delattr(waitress_parser, "crack_first_line")
    for request in (*REFUSED.values(), *TAKEN.values()):
        assert read(request + b"\r\n").completed


OF_HEAD = ("command", "version", "headers", "path", "query", "request_uri", "content_length", "chunked")


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"X: a\r\nx:b\r\nX-Y: \r\nX_Y: z\r\nCookie: a=b; c=\xe4\r\n",
        b"Content-Type: text/plain\r\nContent-Length: 0000\r\nConnection: Close\r\n",
        b"Content-Length: 20\r\nExpect: 100-Continue\r\n",
        b"Transfer-Encoding: \tChunked \r\n",
    ],
)
@pytest.mark.parametrize(
    "target", [b"/", b"/scim/Users?a=%2f&b", b"//scim//Users", b"/a:b@c/%C3%A4%zz%2", b"/?a?b", b"/[;x", b"/%00%0a"]
)
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_head_is_read_as_waitress_reads_it(target: bytes, fields: bytes, version: bytes) -> None:
    if version == b"1.0" and b"Transfer" in fields:
        fields = b""
    head = b"PUT " + target + b" HTTP/" + version + b"\r\n" + HOST + fields + b"\r\n"
    reader, theirs = read(head), waitress_parser.HTTPRequestParser(Adjustments())
    theirs.received(head)
    assert not reader.error and not theirs.error
    assert [getattr(reader, name) for name in OF_HEAD] == [getattr(theirs, name) for name in OF_HEAD]
    assert reader.completed == theirs.completed
    assert reader.expect_continue == (theirs.expect_continue and not theirs.completed)


def test_a_field_of_the_head_before_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = request_head.HeadReader()
    first = heads.read(GET + b"X: y\r\n\r\n")
    monkeypatch.delattr(request_head, "_VALUE")
    assert heads.read(GET + b"X: y\r\n\r\n") == first
    with pytest.raises(NameError):
        heads.read(GET + b"X: z\r\n\r\n")


@pytest.mark.parametrize("request_bytes", [GET + HOST + b"\r\n", GET.replace(HOST, b"") + b"\r\n"])
def test_what_a_head_must_have_once_is_counted_in_each_head(request_bytes: bytes) -> None:
    heads = request_head.HeadReader()
    heads.read(GET + b"\r\n")
    with pytest.raises(ScimError):
        heads.read(request_bytes)


def test_a_long_head_is_not_remembered() -> None:
    heads = request_head.HeadReader()
    heads.read(GET + b"X: " + b"x" * bounds.HEAD_REMEMBERED_BYTES + b"\r\n\r\n")
    assert not heads._fields
    heads.read(GET + b"\r\n")
    assert list(heads._fields) == [HOST.strip()]


def steps(request: bytes) -> int:
    """Return how many functions are called while a request is read."""
    count = 0

    def one_more(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(one_more)
    try:
        read(request)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "grown",
    [
        lambda n: b"GET a://" + b"1" * 64 * n + b" BAD\r\n" + HOST + b"\r\n",
        lambda n: GET + b"X:" + b" a" * 32 * n + b"\x01\r\n\r\n",
        lambda n: GET + b"X: y\r\n" * n + b"\r\n",
        lambda n: POST + b"Transfer-Encoding: " + b"chunked," * n + b"\r\n\r\n",
        lambda n: b"\r\n" * n + GET + b"\r\n",
    ],
)
def test_the_steps_grow_as_the_head_does(grown: Any) -> None:
    small, large = steps(grown(40)), steps(grown(80))
    assert large <= 2 * small + 20


def test_a_head_that_comes_byte_by_byte_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []
    read_head = request_head.HeadReader.read

    def counted(reader: request_head.HeadReader, head: bytes) -> request_head.RequestHead:
        heads.append(head)
        return read_head(reader, head)

    monkeypatch.setattr(request_head.HeadReader, "read", counted)
    assert status(GET + b"X: y\r\n" * 50 + b"\r\n", packet=1) == 200
    assert heads == [GET + b"X: y\r\n" * 50 + b"\r\n"]


# --- whatever comes ---------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(b"GET", b"POST", b"/", b"/scim/Users", b"/healthz", b"a://", b"http://localhost", b"HTTP/1.1", b"HTTP/1.0"),
        *(b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\x0b", b"\x7f", b"\x85", b"\xff", b"#", b"?", b":", b",", b'"'),
        *(b"Host: localhost\r\n", b"Content-Length: ", b"Transfer-Encoding: ", b"chunked", b"0", b"9" * 20, b"[", b"%"),
        *(b"Expect: 100-continue\r\n", b"Connection: ", b"close", b"Cookie: a=", b"2\r\n{}\r\n", b"0\r\n\r\n", b"_"),
    ]
)
LINES = st.lists(PIECES | st.binary(max_size=8), max_size=14).map(b"".join)


@tried
@given(LINES, LINES, st.sampled_from([b"", b"GET ", GET, POST]), st.integers(1, 40))
def test_whatever_comes_is_taken_or_refused(line: bytes, rest: bytes, before: bytes, packet: int) -> None:
    answered = status(before + line + b"\r\n\r\n" + rest, packet)
    assert answered in (0, 200, 400, 413, 414, 431, 501)
    assert answered == status(before + line + b"\r\n\r\n" + rest, 8192), "in any packets"


@tried
@given(st.lists(st.sampled_from([GET, POST]) | LINES, max_size=4), st.lists(LINES, max_size=4))
def test_what_a_connection_sent_before_changes_nothing(before: list[bytes], lines: list[bytes]) -> None:
    def outcome(heads: request_head.HeadReader, line: bytes) -> object:
        try:
            return heads.read(GET + line + request_head.BLANK_LINE)
        except ScimError as error:
            return error.detail

    used = request_head.HeadReader()
    for line in (*before, *lines, *before):
        assert outcome(used, line) == outcome(request_head.HeadReader(), line)
