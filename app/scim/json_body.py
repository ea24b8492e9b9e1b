"""This module reads the JSON of a request within limits.

Python's reader alone would accept duplicate names, NaN and numbers of any length, and would raise RecursionError on
deep nesting.
"""

import json
import re
from typing import Any

from app import bounds
from app.scim.errors import Code, ScimError

# Possessive, and content with a missing last quote: text that ends in the middle of a string is also read only once.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_INFINITE = (float("inf"), float("-inf"))
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_json(body: bytes | str) -> Any:
    """Return the JSON value in UTF-8 bytes (RFC 8259; a byte order mark is allowed) or in text.

    Of an integer with more than `bounds.NUMBER_DIGITS` digits the nearest double is read (RFC 8259 §6). Raises
    invalidSyntax for text that is not JSON, more than `bounds.JSON_SEPARATORS` commas, brackets and braces, nesting
    deeper than `bounds.JSON_DEPTH` or a duplicate name. The same for a number with more than `bounds.NUMBER_LENGTH`
    characters or beyond 64 bits, and for half of a character (RFC 8259 §8.2).
    """
    value, fault = examine_json(body)
    if fault is not None:
        raise fault
    return value


def examine_json(body: bytes | str) -> tuple[Any, ScimError | None]:
    """Return the value as far as it can be read, and why `read_json` refuses it; None if it does not.

    The value is None for text that is not JSON, or has too many values. Otherwise null replaces only what is refused,
    and of two values of the same name the last one is read.
    """
    try:
        text = body if isinstance(body, str) else body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None, ScimError(Code.INVALID_SYNTAX, "body", "JSON in UTF-8")
    if not text or text.isspace():
        return None, ScimError(Code.INVALID_SYNTAX, "body", "JSON", "nothing")
    try:
        return _STRICT.read(text), None
    except _RefusedError:
        reader = _JsonReader()
        return reader.read(text), reader.fault


def read_number(text: str) -> int | float | None:
    """Return the number whose JSON spelling (RFC 8259 §6) a text is; None for any other text, and out of bounds."""
    if not is_number(text) or len(text) > bounds.NUMBER_LENGTH:
        return None
    number = int(text) if text.lstrip("-").isdigit() and len(text) <= bounds.NUMBER_DIGITS else float(text)
    return None if number in _INFINITE else number


def is_number(text: str) -> bool:
    """Return whether a text is the JSON spelling of a number, in bounds or not."""
    return _NUMBER.match(text) is not None


class _JsonReader:
    """A reader of one text; `fault` is the first refused thing in it."""

    def __init__(self) -> None:
        self.fault: ScimError | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self.pairs,
            parse_constant=lambda constant: self.refuse("a number", constant),
            parse_int=self.number,
            parse_float=self.number,
        )

    def read(self, text: str) -> Any:
        """Return the value of a JSON text, or note the fault.

        Separators inside strings count too, since a count that excludes them takes as long as reading. A text with more
        than any client sends is not read: that holds the interpreter for a second, in 48 MB.
        """
        brackets = text.count("[") + text.count("{")
        if brackets + text.count(",") > bounds.JSON_SEPARATORS:
            return self.refuse(f"at most {bounds.JSON_SEPARATORS} commas, brackets and braces")
        if brackets > bounds.JSON_DEPTH:  # fewer cannot be deeper
            text = self.shallow(text)
        try:
            value = self._decoder.decode(text)
        except ValueError as error:
            where = f" at position {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
            return self.refuse(f"JSON{where}")
        return self.whole_characters(value) if "\\u" in text and _SURROGATE.search(text) else value

    def refuse(self, expected: str, got: str = "") -> None:
        self.fault = self.fault or ScimError(Code.INVALID_SYNTAX, "body", expected, got)

    def shallow(self, text: str) -> str:
        """Return the text with null for values nested too deep: Python's reader would raise RecursionError."""
        pieces: list[str] = []
        begin = depth = 0
        for match in _NESTING.finditer(text):
            if match.group() in "[{":
                depth += 1
                if depth == bounds.JSON_DEPTH + 1:
                    self.refuse(f"at most {bounds.JSON_DEPTH} levels of nesting")
                    pieces += (text[begin : match.start()], "null")
                    begin = len(text)
            elif match.group() in "]}":
                depth -= 1
                if depth == bounds.JSON_DEPTH:
                    begin = match.end()
        return "".join((*pieces, text[begin:])) if pieces else text

    def whole_characters(self, value: Any) -> Any:
        """Refuse a lone surrogate: UTF-8 cannot encode it, so it could be neither stored nor sent."""
        text = json.dumps(value, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.refuse("whole characters", "half of a surrogate pair")
            return json.loads(text.encode(errors="replace"))
        return value

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) != len(pairs):
            self.refuse("each name once in an object")
        return document

    def number(self, text: str) -> int | float | None:
        number = read_number(text)
        if number is None:
            is_long = len(text) > bounds.NUMBER_LENGTH
            self.refuse(
                f"numbers of at most {bounds.NUMBER_LENGTH} characters" if is_long else "a number that fits 64 bits"
            )
        return number


class _RefusedError(Exception):
    """The text has something that is refused."""


class _StrictReader(_JsonReader):
    """A reader that only reads texts without a fault. It keeps nothing, so all threads use the same one."""

    def refuse(self, expected: str, got: str = "") -> None:
        raise _RefusedError


_STRICT = _StrictReader()
