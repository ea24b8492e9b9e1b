"""JSON within bounds: what is read, what is refused, and that bad text costs no time."""

import json

import pytest

from app import bounds
from app.scim.errors import ScimError
from app.scim.json_body import examine_json, read_json

NINES = "9" * bounds.NUMBER_DIGITS
DEEPEST = "[" * bounds.JSON_DEPTH + "]" * bounds.JSON_DEPTH
DEEP = json.loads("[" * (bounds.JSON_DEPTH - 2) + "null" + "]" * (bounds.JSON_DEPTH - 2))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"a":[1,-2.5,true,null,"x"]}', {"a": [1, -2.5, True, None, "x"]}),
        ("\ufeff{}", {}),
        (" [] ", []),
        ('"\\u00f6 [{ \\" \\\\"', 'ö [{ " \\'),
        (NINES, int(NINES)),
        ("1e300", 1e300),
        ("0.00012345678901234567", 0.00012345678901234567),
        ("-2.2250738585072014e-308", -2.2250738585072014e-308),
        ("1." + "1" * (bounds.NUMBER_LENGTH - 2), 10 / 9),
        (NINES + "9", float(NINES + "9")),
        ('{"a":1,"A":2}', {"a": 1, "A": 2}),
        ('"' + "[" * (bounds.JSON_DEPTH + 1) + '"', "[" * (bounds.JSON_DEPTH + 1)),
        ("[" + ",".join(["[]"] * 100) + "]", [[]] * 100),
    ],
)
def test_json_is_read(body: str, value: object) -> None:
    assert read_json(body.encode()) == value


def test_the_members_that_a_body_has_room_for_are_read() -> None:
    member = {"value": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"}
    members = [member] * (bounds.BODY_BYTES // len(json.dumps(member)))
    assert read_json(json.dumps(members, separators=(",", ":")).encode()) == members


def test_nesting_at_its_bound() -> None:
    assert read_json(DEEPEST.encode()) == json.loads(DEEPEST)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "expected JSON, got nothing"),
        (b" \n", "expected JSON, got nothing"),
        (b"{", "expected JSON at position 1"),
        (b"<html>", "expected JSON at position 0"),
        (b"{'a':1}", "expected JSON at position"),
        (b'{"a":1}{}', "expected JSON at position 7"),
        (b"\xff\xfe{\x00}\x00", "expected JSON in UTF-8"),
        (b'"\xc3"', "expected JSON in UTF-8"),
        (b'{"a":1,"a":2}', "expected each name once"),
        (b'{"a":{"b":1,"b":1}}', "expected each name once"),
        (b"NaN", "expected a number, got NaN"),
        (b"[-Infinity]", "expected a number, got -Infinity"),
        (b"1" * (bounds.NUMBER_LENGTH + 1), f"at most {bounds.NUMBER_LENGTH} characters"),
        (b"1." + b"1" * bounds.NUMBER_LENGTH, f"at most {bounds.NUMBER_LENGTH} characters"),
        (b"1e999", "fits 64 bits"),
        (f"[{DEEPEST}]".encode(), f"at most {bounds.JSON_DEPTH} levels"),
        (b'{"a":' * (bounds.JSON_DEPTH + 1) + b"1" + b"}" * (bounds.JSON_DEPTH + 1), "levels of nesting"),
        (b"[" * bounds.JSON_SEPARATORS, "levels of nesting"),
        (b"[" * 1_000_000, "commas, brackets and braces"),
        (b"[" + b"[]," * 600_000 + b"[]]", "commas, brackets and braces"),
        (b'{"emails":[' + b"{}," * 600_000 + b"{}]}", "commas, brackets and braces"),
        (b"[" + b"0," * bounds.JSON_SEPARATORS + b"0]", "commas, brackets and braces"),
    ],
)
def test_json_is_refused(body: bytes, detail: str) -> None:
    with pytest.raises(ScimError) as refused:
        read_json(body)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidSyntax")
    assert detail in refused.value.detail


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"a":1e999,"b":0}', {"a": None, "b": 0}),
        ('{"a":' + "9" * (bounds.NUMBER_LENGTH + 1) + ',"b":0}', {"a": None, "b": 0}),
        ('{"a":NaN,"b":0}', {"a": None, "b": 0}),
        ('{"a":1,"b":0,"a":2}', {"a": 2, "b": 0}),
        ('{"a":"\\ud800","b":0}', {"a": "?", "b": 0}),
        (f'{{"a":["]",{DEEPEST},[[],"["]],"b":0}}', {"a": ["]", DEEP, [[], "["]], "b": 0}),
        ("[" * 100_000 + "]" * 99_999, None),
        ('{"a":1', None),
        ("[" + "0," * bounds.JSON_SEPARATORS + "0]", None),
    ],
)
def test_what_can_be_read_of_json_that_is_refused(body: str, value: object) -> None:
    found, fault = examine_json(body.encode())
    assert found == value and fault is not None and fault.scim_type == "invalidSyntax"


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 500_000, b'"' * 500_001, b'{"a":"' + b"\\" * 500_001])
def test_text_that_does_not_end_is_read_once(body: bytes) -> None:
    """A reader that begins anew at every quote would need hours for this, and pyproject.toml ends it."""
    with pytest.raises(ScimError):
        read_json(body)
