"""Shapes: plain phrases for values, few in number, that repeat nothing of the value."""

import json
import random
import string
from typing import Any

import pytest

from app.observation.attributes.value_shapes import EMPTY_SHAPES, shape_of

GUID = "0d5c0b6e-3c1f-4b8a-9f2e-7a6d5c4b3a21"


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (GUID, "an object id (GUID)"),
        (GUID.upper(), "an object id (GUID)"),
        (GUID + "0", "one word"),
        ("zoe.stone@mail.example.com", "an e-mail address"),
        ("zoe@home@away", "one word"),
        ("zstone", "one word"),
        ("Zoë Stone", "several words"),
        ("Erste Zeile\r\nZweite Zeile", "several lines"),
        ("12345", "a number as text"),
        (12345, "a number"),
        (1.5, "a number"),
        (True, "true or false"),
        ("False", "true or false as text"),
        ("2026-01-31", "a date"),
        ("2026-01-31T08:00:00Z", "a date"),
        ("en-US", "a language (like en-US)"),
        ("https://example.com/zoe", "a web address"),
        ('{"value": "Editor"}', "JSON as text"),
        ("x" * 5_000, "a long text"),
        ('{"value": "' + "x" * 5_000 + '"}', "JSON as text"),
        ([GUID, GUID], "a list of object ids (GUIDs)"),
        ([{"value": "a"}, {"value": "b"}], "a list of objects"),
        (["Editor", 1], "a list"),
        ({"value": "a"}, "an object"),
    ],
)
def test_a_value_has_a_plain_shape(value: Any, shape: str):
    assert shape_of(value) == shape


@pytest.mark.parametrize("value", [None, "", "  \t", [], {}])
def test_what_says_nothing_has_an_empty_shape(value: Any):
    assert shape_of(value) in EMPTY_SHAPES


def test_shapes_are_few_and_repeat_nothing_of_the_value():
    chance = random.Random(7)
    letters = string.ascii_letters + string.digits + ' @.-{}[]"\n\u0000äß😀'
    shapes = set()
    for _ in range(3_000):
        text = "".join(chance.choices(letters, k=chance.randint(8, 30)))
        value: Any = chance.choice([text, [text], {text: text}, [[text]], json.dumps({"v": text}), [text, 1]])
        shape = shape_of(value)
        assert text.strip() not in shape
        shapes.add(shape)
    assert len(shapes) < 30


def test_deep_nesting_is_no_matter():
    value: Any = "end"
    for _ in range(32):
        value = [value]
    assert shape_of(value) == "a list"
