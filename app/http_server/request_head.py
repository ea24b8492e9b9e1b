"""This module checks the head of an HTTP request and rewrites it in one canonical form (RFC 9112 §2 to §6).

Every regular expression here takes linear time: what follows a repeated character is never that character. Those of
waitress and werkzeug do not, so they only see input that was checked here.

See also: client_connection.py (limits of a connection).
"""

import re
from collections.abc import Mapping, Sequence

from app import bounds
from app.scim.errors import Code, ScimError

BLANK_LINE = b"\r\n\r\n"

# A method in capital letters; a target of ASCII, without "#" and control characters.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Z-]+) ([!\"$-~]+) HTTP/([0-9]\.[0-9])")
_ABSOLUTE = re.compile(rb"https?://([^/?]+)(/.*)", re.IGNORECASE)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_LENGTH = re.compile(rb"[0-9]{1,64}")

# If one of these is repeated, two readers can disagree about end, sender or meaning of a request (RFC 9112 §11.2).
_ONCE = (b"host", b"authorization", b"content-length", b"content-type", b"transfer-encoding")


def check(head: bytes) -> bytes:
    """Return a head, from the method to the blank line, in a form that waitress can read safely.

    Its target is a path, and no blanks surround a value. A refusal repeats nothing of the head, which may contain a
    key. Raises ScimError (400, 414, 431, 501) for what two readers could interpret differently, and for exceeded
    limits.
    """
    line, *lines = head.removesuffix(BLANK_LINE).split(b"\r\n")
    parts = _REQUEST_LINE.fullmatch(line)
    if not parts:
        raise ScimError(Code.BAD_REQUEST, "request line", "a method, a path and HTTP/1.1, with one space between them")
    method, target, version = parts.groups()
    if len(lines) > bounds.HEADER_FIELDS:
        raise ScimError(Code.BAD_REQUEST, "", f"at most {bounds.HEADER_FIELDS} header fields")
    pairs = [_field(number, field) for number, field in enumerate(lines, 1)]
    if version not in (b"1.0", b"1.1"):
        raise ScimError(Code.BAD_REQUEST, "", "HTTP/1.0 or HTTP/1.1")
    fields = _checked([(name.lower(), value) for name, value in pairs], version)
    path = _path(target, fields.get(b"host"))
    if len(line) > bounds.HEADER_LINE_BYTES:
        raise ScimError(Code.URI_TOO_LONG, "request line", f"at most {bounds.HEADER_LINE_BYTES} bytes")
    for number, field in enumerate(lines, 1):
        if len(field) > bounds.HEADER_LINE_BYTES:
            raise ScimError(Code.HEAD_TOO_LARGE, f"header field {number}", f"at most {bounds.HEADER_LINE_BYTES} bytes")
    return b"\r\n".join([b"%s %s HTTP/%s" % (method, path, version), *(b"%s:%s" % pair for pair in pairs)]) + BLANK_LINE


def _field(number: int, line: bytes) -> tuple[bytes, bytes]:
    """Return name and value of a header field. Raises ScimError (400) with the number of an invalid field."""
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
    return name, value.strip(b" \t")


def _checked(fields: Sequence[tuple[bytes, bytes]], version: bytes) -> Mapping[bytes, bytes]:
    """Return the fields by lower-case name. Raises ScimError (400, 501) unless they define one end and one host."""
    names = [name for name, _ in fields]
    for name in _ONCE:
        if names.count(name) > 1:
            raise ScimError(Code.BAD_REQUEST, name.decode().title(), "one", "several")
    by_name = dict(fields)
    if version == b"1.1" and b"host" not in by_name:
        raise ScimError(Code.WRONG_HOST, "Host", "the header in HTTP/1.1")
    if len(by_name.get(b"content-type", b"")) > bounds.CONTENT_TYPE_LENGTH:
        raise ScimError(Code.BAD_REQUEST, "Content-Type", f"at most {bounds.CONTENT_TYPE_LENGTH} characters")
    if not _LENGTH.fullmatch(by_name.get(b"content-length", b"0")):
        raise ScimError(Code.BAD_REQUEST, "Content-Length", "a number")
    if (coding := by_name.get(b"transfer-encoding")) is not None:
        _check_coding(coding, version, b"content-length" in by_name)
    return by_name


def _check_coding(coding: bytes, version: bytes, has_length: bool) -> None:
    """Raise ScimError (400, 501) for every transfer coding except a single `chunked` (RFC 9112 §6.1, §6.3)."""
    codings = [one.strip(b" \t").lower() for one in coding.split(b",")]
    if has_length:
        raise ScimError(Code.BAD_REQUEST, "", "Content-Length or Transfer-Encoding", "both")
    if version == b"1.0":
        raise ScimError(Code.BAD_REQUEST, "Transfer-Encoding", "HTTP/1.1")
    if b"" in codings or codings[-1] != b"chunked" or codings.count(b"chunked") > 1:
        raise ScimError(Code.BAD_REQUEST, "Transfer-Encoding", "chunked, once and last")
    if len(codings) > 1:
        raise ScimError(Code.NOT_IMPLEMENTED, "Transfer-Encoding", "chunked alone")


def _path(target: bytes, host: bytes | None) -> bytes:
    """Return a target as a path with its query.

    Raises ScimError (400) for a full URL whose host differs from the Host header, and for any other form.
    """
    if target.startswith(b"/"):
        return target
    url = _ABSOLUTE.fullmatch(target)
    if not url:
        raise ScimError(Code.BAD_REQUEST, "", "a path that begins with a slash")
    if url[1] != host:
        raise ScimError(Code.WRONG_HOST, "Host", "the host of the request line")
    return url[2]
