"""This module reads the head of an HTTP request and refuses an ambiguous one (RFC 9112 §2 to §6).

Every regular expression here takes linear time: what follows a repeated character is never that character. Those of
waitress do not, and are not used. Those of werkzeug do not, so they only see input that was checked here.

See also: client_connection.py (limits of a connection).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from app import bounds
from app.scim.errors import Code, ScimError

BLANK_LINE = b"\r\n\r\n"

# A method in capital letters; a target of ASCII, without "#" and control characters.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Z-]+) ([!\"$-~]+) HTTP/([0-9]\.[0-9])")
_ABSOLUTE = re.compile(rb"https?://([^/?]+)(/.*)", re.IGNORECASE)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_LENGTH = re.compile("[0-9]{1,64}", re.ASCII)

# If one of these is repeated, two readers can disagree about end, sender or meaning of a request (RFC 9112 §11.2).
_ONCE = ("HOST", "AUTHORIZATION", "CONTENT_LENGTH", "CONTENT_TYPE", "TRANSFER_ENCODING")


class Field(NamedTuple):
    """A header field. `key` is its name in the form of WSGI, such as CONTENT_TYPE; "" if it is ignored."""

    key: str
    value: str


class RequestHead(NamedTuple):
    """A head that two readers cannot interpret differently. `target` is a path with its query."""

    method: str
    target: str
    version: str
    headers: dict[str, str]


class HeadReader:
    """Reads the heads of one connection. A header field that was in the head before is not checked again."""

    def __init__(self) -> None:
        self._fields: dict[bytes, Field] = {}

    def read(self, head: bytes) -> RequestHead:
        """Return what a head contains, from the method to the blank line.

        A refusal repeats nothing of the head, which may contain a key. Raises ScimError (400, 414, 431, 501) for what
        two readers could interpret differently, and for exceeded limits.
        """
        line, *lines = head[: -len(BLANK_LINE)].split(b"\r\n")
        parts = _REQUEST_LINE.fullmatch(line)
        if not parts:
            expected = "a method, a path and HTTP/1.1, with one space between them"
            raise ScimError(Code.BAD_REQUEST, "request line", expected)
        method, target, version = parts.groups()
        if len(lines) > bounds.HEADER_FIELDS:
            raise ScimError(Code.BAD_REQUEST, "", f"at most {bounds.HEADER_FIELDS} header fields")
        known = self._fields
        fields = [known.get(field) or _field(number, field) for number, field in enumerate(lines, 1)]
        if version not in (b"1.0", b"1.1"):
            raise ScimError(Code.BAD_REQUEST, "", "HTTP/1.0 or HTTP/1.1")
        headers = _headers(fields, version)
        if not target.startswith(b"/"):
            target = _path(target, headers.get("HOST"))
        if len(line) > bounds.HEADER_LINE_BYTES:
            raise ScimError(Code.URI_TOO_LONG, "request line", f"at most {bounds.HEADER_LINE_BYTES} bytes")
        for number, field in enumerate(lines, 1):
            if len(field) > bounds.HEADER_LINE_BYTES:
                expected = f"at most {bounds.HEADER_LINE_BYTES} bytes"
                raise ScimError(Code.HEAD_TOO_LARGE, f"header field {number}", expected)
        self._fields = dict(zip(lines, fields, strict=True)) if len(head) <= bounds.HEAD_REMEMBERED_BYTES else {}
        return RequestHead(method.decode(), target.decode(), version.decode(), headers)


def _field(number: int, line: bytes) -> Field:
    """Return a header field. Raises ScimError (400) with the number of an invalid one."""
    name, colon, value = line.partition(b":")
    if line.startswith((b" ", b"\t")):
        raise ScimError(Code.BAD_REQUEST, "", "no folded header fields")
    if not colon or not _NAME.fullmatch(name):
        raise ScimError(Code.BAD_REQUEST, f"header field {number}", "a name, and a colon right after it")
    if not _VALUE.fullmatch(value):
        raise ScimError(Code.BAD_REQUEST, f"header field {number}", "no control characters")
    # werkzeug's regular expression for cookies takes quadratic time on them.
    if b" " * (bounds.HEADER_BLANKS + 1) in value.replace(b"\t", b" "):
        raise ScimError(Code.BAD_REQUEST, f"header field {number}", f"at most {bounds.HEADER_BLANKS} blanks in a row")
    # In a key "-" becomes "_", so that a name with "_" could take the place of another one.
    key = "" if b"_" in name else name.decode().upper().replace("-", "_")
    return Field(key, value.strip(b" \t").decode("latin-1"))


def _headers(fields: Sequence[Field], version: bytes) -> dict[str, str]:
    """Return the values by their keys. Raises ScimError (400, 501) unless they define one end and one host."""
    headers: dict[str, str] = {}
    for key, value in fields:
        if key in headers:
            headers[key] += ", " + value
        elif key:
            headers[key] = value
    if len(headers) < len(fields):
        keys = [key for key, _ in fields]
        for key in _ONCE:
            if keys.count(key) > 1:
                raise ScimError(Code.BAD_REQUEST, key.replace("_", "-").title(), "one", "several")
    if version == b"1.1" and "HOST" not in headers:
        raise ScimError(Code.WRONG_HOST, "Host", "the header in HTTP/1.1")
    if len(headers.get("CONTENT_TYPE", "")) > bounds.CONTENT_TYPE_LENGTH:
        raise ScimError(Code.BAD_REQUEST, "Content-Type", f"at most {bounds.CONTENT_TYPE_LENGTH} characters")
    if not _LENGTH.fullmatch(headers.get("CONTENT_LENGTH", "0")):
        raise ScimError(Code.BAD_REQUEST, "Content-Length", "a number")
    if (coding := headers.get("TRANSFER_ENCODING")) is not None:
        _check_coding(coding, version, "CONTENT_LENGTH" in headers)
    return headers


def _check_coding(coding: str, version: bytes, has_length: bool) -> None:
    """Raise ScimError (400, 501) for every transfer coding except a single `chunked` (RFC 9112 §6.1, §6.3)."""
    codings = [one.strip(" \t").lower() for one in coding.split(",")]
    if has_length:
        raise ScimError(Code.BAD_REQUEST, "", "Content-Length or Transfer-Encoding", "both")
    if version == b"1.0":
        raise ScimError(Code.BAD_REQUEST, "Transfer-Encoding", "HTTP/1.1")
    if "" in codings or codings[-1] != "chunked" or codings.count("chunked") > 1:
        raise ScimError(Code.BAD_REQUEST, "Transfer-Encoding", "chunked, once and last")
    if len(codings) > 1:
        raise ScimError(Code.NOT_IMPLEMENTED, "Transfer-Encoding", "chunked alone")


def _path(target: bytes, host: str | None) -> bytes:
    """Return a target that is a full URL as a path with its query.

    Raises ScimError (400) if its host differs from the Host header, and for any other form.
    """
    url = _ABSOLUTE.fullmatch(target)
    if not url:
        raise ScimError(Code.BAD_REQUEST, "", "a path that begins with a slash")
    if url[1].decode() != host:
        raise ScimError(Code.WRONG_HOST, "Host", "the host of the request line")
    return url[2]
