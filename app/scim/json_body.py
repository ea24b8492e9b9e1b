"""This module reads the JSON of a request within limits.

Python's reader alone would accept two names that are the same, NaN and numbers of any length, and end in a
RecursionError on deep nesting.
"""

import json
import re
from typing import Any

from app import bounds
from app.scim.errors import Code, ScimError

# Possessive, and content with a missing last quote: text that ends in the middle of a string is read once as well.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_INFINITE = (float("inf"), float("-inf"))
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_json(body: bytes) -> Any:
    """The JSON value in UTF-8 bytes (RFC 8259; a byte order mark is allowed).

    Raises invalidSyntax for what is no JSON, has more than `bounds.JSON_SEPARATORS` commas, brackets and braces,
    is nested deeper than `bounds.JSON_DEPTH`, names something twice, has a number of more than `bounds.NUMBER_LENGTH`
    characters or beyond 64 bits, or half of a character (RFC 8259 §8.2). Of an integer with more than
    `bounds.NUMBER_DIGITS` digits the nearest double is read (RFC 8259 §6).
    """
    return _accepted(*examine_json(body))


def read_json_text(text: str) -> Any:
    """The same for text that is already decoded."""
    return _accepted(*_examine_text(text))


def examine_json(body: bytes) -> tuple[Any, ScimError | None]:
    """Return the value as far as it can be read, and why `read_json` refuses it; None where it does not.

    The value is None for what is no JSON, or has too many values. Otherwise null replaces only what is refused, and of
    two values of the same name the last one is read.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None, ScimError(Code.INVALID_SYNTAX, "body", "JSON in UTF-8")
    if not text.strip():
        return None, ScimError(Code.INVALID_SYNTAX, "body", "JSON", "nothing")
    return _examine_text(text)


def read_number(text: str) -> int | float | None:
    """Return the number whose JSON spelling (RFC 8259 §6) a text is; None for any other text, and out of bounds."""
    if not is_number(text) or len(text) > bounds.NUMBER_LENGTH:
        return None
    number = int(text) if text.lstrip("-").isdigit() and len(text) <= bounds.NUMBER_DIGITS else float(text)
    return None if number in _INFINITE else number


def is_number(text: str) -> bool:
    """Return whether a text is the JSON spelling of a number, in bounds or not."""
    return _NUMBER.match(text) is not None


def _accepted(value: Any, fault: ScimError | None) -> Any:
    if fault is not None:
        raise fault
    return value


def _examine_text(text: str) -> tuple[Any, ScimError | None]:
    reader = _Reader()
    return reader.read(text), reader.fault


class _Reader:
    """Reads one text; `fault` is the first thing in it that is refused."""

    def __init__(self) -> None:
        self.fault: ScimError | None = None

    def read(self, text: str) -> Any:
        """The values in texts count too, since a count that tells them apart takes as long as reading.

        More than any client sends are not read: that holds the interpreter for a second, in 48 MB.
        """
        if sum(map(text.count, ",[{")) > bounds.JSON_SEPARATORS:
            return self.refuse(f"at most {bounds.JSON_SEPARATORS} commas, brackets and braces")
        text = self.shallow(text)
        try:
            value = json.loads(
                text,
                object_pairs_hook=self.pairs,
                parse_constant=lambda constant: self.refuse("a number", constant),
                parse_int=self.number,
                parse_float=self.number,
            )
        except ValueError as error:
            where = f" at position {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
            return self.refuse(f"JSON{where}")
        return self.whole_characters(value) if _SURROGATE.search(text) else value

    def refuse(self, expected: str, got: str = "") -> None:
        self.fault = self.fault or ScimError(Code.INVALID_SYNTAX, "body", expected, got)

    def shallow(self, text: str) -> str:
        """The text with null for each value that is nested too deep: Python's reader would end in a RecursionError."""
        pieces: list[str] = []
        begin = depth = 0
        for found in _NESTING.finditer(text):
            if found.group() in "[{":
                depth += 1
                if depth == bounds.JSON_DEPTH + 1:
                    self.refuse(f"at most {bounds.JSON_DEPTH} levels of nesting")
                    pieces += (text[begin : found.start()], "null")
                    begin = len(text)
            elif found.group() in "]}":
                depth -= 1
                if depth == bounds.JSON_DEPTH:
                    begin = found.end()
        return "".join((*pieces, text[begin:])) if pieces else text

    def whole_characters(self, value: Any) -> Any:
        """Refuses a lone surrogate, which no UTF-8 can hold: nothing that is stored or sent on could have it."""
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
