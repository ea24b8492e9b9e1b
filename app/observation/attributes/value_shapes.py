"""This module describes the shape of a value in a few words.

The phrases are few, and none contains anything of the value: no length, no part of it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from app import bounds

EMPTY = "empty"
NULL = "nothing (null)"
OBJECT_ID = "an object id (GUID)"
EMAIL_ADDRESS = "an e-mail address"
WEB_ADDRESS = "a web address"
NUMBER = "a number"
NUMBER_AS_TEXT = "a number as text"
BOOLEAN = "true or false"
BOOLEAN_AS_TEXT = "true or false as text"
DATE = "a date"
LANGUAGE = "a language (like en-US)"
JSON_TEXT = "JSON as text"
ONE_WORD = "one word"
SEVERAL_WORDS = "several words"
SEVERAL_LINES = "several lines"
LONG_TEXT = "a long text"
ONLY_SPACES = "only spaces"
AN_OBJECT = "an object"
EMPTY_OBJECT = "an empty object"
EMPTY_LIST = "an empty list"
A_LIST = "a list"
EMPTY_SHAPES = frozenset({EMPTY, NULL, ONLY_SPACES, EMPTY_OBJECT, EMPTY_LIST})

_TEXT_SHAPES: Mapping[str, str] = {
    OBJECT_ID: r"(?ai:\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?)",
    BOOLEAN_AS_TEXT: r"(?ai:true|false)",
    DATE: r"(?a:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d\S*)?)",
    NUMBER_AS_TEXT: r"(?a:[+-]?\d+(?:[.,]\d+)?)",
    WEB_ADDRESS: r"(?ai:https?://\S+)",
    EMAIL_ADDRESS: r"[^\s@]+@[^\s@]+",
    LANGUAGE: r"[a-z]{2,3}[-_](?:[A-Z][a-z]{3}[-_])?[A-Z]{2}",
    JSON_TEXT: r"(?s:[{\[].*[}\]])",
    SEVERAL_LINES: r"(?s:.*[\r\n].*)",
    ONE_WORD: r"\S+",
}
"""The patterns of text shapes; the first that matches the whole text counts."""

_SHAPE_OF_TEXT = re.compile("|".join(f"({pattern})" for pattern in _TEXT_SHAPES.values()))
_SHAPES_IN_ORDER = ("", *_TEXT_SHAPES)

LIST_SHAPES: Mapping[str, str] = {
    OBJECT_ID: "a list of object ids (GUIDs)",
    AN_OBJECT: "a list of objects",
    ONE_WORD: "a list of words",
    SEVERAL_WORDS: "a list of texts",
    JSON_TEXT: "a list of JSON texts",
    EMAIL_ADDRESS: "a list of e-mail addresses",
    NUMBER: "a list of numbers",
}
"""The shapes of lists whose values all have one shape."""

_KINDS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: NULL,
    bool: lambda _: BOOLEAN,
    int: lambda _: NUMBER,
    float: lambda _: NUMBER,
    dict: lambda value: AN_OBJECT if value else EMPTY_OBJECT,
    list: lambda value: _shape_of_list(value),
}


def shape_of(value: object) -> str:
    """Return a JSON value's shape as a short phrase (`an object id (GUID)`, `one word`, `true or false as text`).

    There are a few dozen phrases in all. A text's first `bounds.SHAPED_LENGTH` characters and a list's first
    `bounds.SHAPED_VALUES` values decide. Never raises an exception.
    """
    if isinstance(value, str):
        return _shape_of_text(value)
    kind = _KINDS.get(type(value))
    return kind(value) if kind else "something else"


def _shape_of_text(text: str) -> str:
    bare = text.strip()
    if not bare:
        return ONLY_SPACES if text else EMPTY
    if len(text) > bounds.SHAPED_LENGTH:
        return JSON_TEXT if bare[0] in "{[" and bare[-1] in "}]" else LONG_TEXT
    match = _SHAPE_OF_TEXT.fullmatch(bare)
    return _SHAPES_IN_ORDER[match.lastindex or 0] if match else SEVERAL_WORDS


def _shape_of_list(values: list[Any]) -> str:
    if not values:
        return EMPTY_LIST
    shapes = {AN_OBJECT if isinstance(one, dict) else shape_of(one) for one in values[: bounds.SHAPED_VALUES]}
    return LIST_SHAPES.get(shapes.pop(), A_LIST) if len(shapes) == 1 else A_LIST
