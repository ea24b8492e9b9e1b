"""This module reads the JSON of a request within limits.

Python's reader alone would accept two names that are the same, NaN and numbers of any length, and end in a
RecursionError on deep nesting.
"""

import json
import re
from typing import Any, NoReturn

from app import bounds
from app.scim.errors import Code, ScimError

# Possessive, and content with a missing last quote: text that ends in the middle of a string is read once as well.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_INFINITE = (float("inf"), float("-inf"))
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_json(body: bytes) -> Any:
    """The JSON value in UTF-8 bytes (RFC 8259; a byte order mark is allowed).

    Raises invalidSyntax for what is no JSON, has more than `bounds.JSON_SEPARATORS` commas, brackets and braces,
    is nested deeper than `bounds.JSON_DEPTH`, names something twice, has a number of more than `bounds.NUMBER_DIGITS`
    digits, or half of a character (RFC 8259 §8.2).
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ScimError(Code.INVALID_SYNTAX, "body", "JSON in UTF-8") from None
    if not text.strip():
        raise ScimError(Code.INVALID_SYNTAX, "body", "JSON", "nothing")
    return read_json_text(text)


def read_json_text(text: str) -> Any:
    """The same for text that is already decoded."""
    _check_size(text)
    _check_depth(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_pairs, parse_constant=_no_constant, parse_int=_integer, parse_float=_decimal
        )
    except ValueError as error:
        where = f" at position {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise ScimError(Code.INVALID_SYNTAX, "body", f"JSON{where}") from None
    if _SURROGATE.search(text):
        _check_characters(value)
    return value


def read_number(text: str) -> int | float | None:
    """Return the number whose JSON spelling (RFC 8259 §6) a text is; None for any other text, and out of bounds."""
    found = _NUMBER.match(text) if len(text) <= bounds.NUMBER_DIGITS else None
    if not found:
        return None
    number = float(text) if found[1] or found[2] else int(text)
    return None if number in _INFINITE else number


def _check_characters(value: Any) -> None:
    """Refuses a lone surrogate, which no UTF-8 can hold: nothing that is stored or sent on could have it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ScimError(Code.INVALID_SYNTAX, "body", "whole characters", "half of a surrogate pair") from None


def _check_size(text: str) -> None:
    """Refuse more values than any client sends: reading them holds the interpreter for a second, in 48 MB.

    Those in texts count too, since a count that tells them apart takes as long as reading.
    """
    if sum(map(text.count, ",[{")) > bounds.JSON_SEPARATORS:
        raise ScimError(Code.INVALID_SYNTAX, "body", f"at most {bounds.JSON_SEPARATORS} commas, brackets and braces")


def _check_depth(text: str) -> None:
    depth = 0
    for found in _NESTING.finditer(text):
        if found.group() in "[{":
            depth += 1
            if depth > bounds.JSON_DEPTH:
                raise ScimError(Code.INVALID_SYNTAX, "body", f"at most {bounds.JSON_DEPTH} levels of nesting")
        elif found.group() in "]}":
            depth -= 1


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ScimError(Code.INVALID_SYNTAX, "body", "each name once in an object")
    return document


def _no_constant(constant: str) -> NoReturn:
    raise ScimError(Code.INVALID_SYNTAX, "body", "a number", constant)


def _integer(digits: str) -> int:
    _check_digits(digits)
    return int(digits)


def _decimal(digits: str) -> float:
    _check_digits(digits)
    value = float(digits)
    if value in _INFINITE:
        raise ScimError(Code.INVALID_SYNTAX, "body", "a number that fits 64 bits")
    return value


def _check_digits(digits: str) -> None:
    if len(digits) > bounds.NUMBER_DIGITS:
        raise ScimError(Code.INVALID_SYNTAX, "body", f"numbers of at most {bounds.NUMBER_DIGITS} digits")
