"""The Error message (RFC 7644 §3.12): every refusal has its status, its scimType and one plain sentence."""

import json
from typing import Any

import pytest

from app.scim.errors import ERROR_URN, Code, Mismatch, ScimError, shown, unavailable

TABLE9 = {
    *("invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget"),
    *("invalidValue", "invalidCursor", "expiredCursor", "invalidCount"),
}
"""The scimTypes of RFC 7644 Table 9 and RFC 9865 §2.4 that are used here; each has one status."""


@pytest.mark.parametrize("code", Code)
def test_an_error_is_rendered_by_its_code(code: Code) -> None:
    body = ScimError(code, "title", "text", "5").to_scim()
    assert body.pop("schemas") == [ERROR_URN]
    assert body.pop("status") == str(code.status)
    assert body.pop("scimType", None) == code.scim_type
    assert body == {"detail": "title: expected text, got 5"}
    assert code.scim_type is None or code.status == (409 if code.scim_type == "uniqueness" else 400)


def test_the_codes_are_those_of_the_rfcs() -> None:
    assert {code.scim_type for code in Code} == {*TABLE9, None}
    assert {code for code in Code if code.headers} == {Code.UNAUTHORIZED, Code.UNAVAILABLE, Code.DAMAGED}
    assert ScimError(Code.UNAUTHORIZED).headers == {"WWW-Authenticate": 'Bearer realm="Recnice SCIM"'}
    assert unavailable("full").headers == {"Retry-After": "5"}
    assert ScimError(Code.NOT_ALLOWED, headers={"Allow": "GET, POST"}).headers == {"Allow": "GET, POST"}


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ScimError(Code.MISSING_VALUE, "userName", "a value", "none"), "userName: expected a value, got none"),
        (ScimError(Code.BAD_REQUEST, "", "at most 9 header fields"), "expected at most 9 header fields"),
        (ScimError(Code.INVALID_COUNT, "count", "5", 0), "count: expected 5, got 0"),
        (ScimError(Code.NOT_FOUND, sentence="Nothing has this name"), "Nothing has this name"),
        (
            ScimError(Code.INVALID_VALUE, "a", "text", others=[Mismatch(Code.VALUE_TOO_LONG, "b", "less", 9)], more=2),
            "a: expected text; b: expected less, got 9 (and 2 more)",
        ),
    ],
)
def test_the_sentence_is_made_of_the_values(error: ScimError, detail: str) -> None:
    assert (error.detail, str(error)) == (detail, detail)


@pytest.mark.parametrize(
    ("status", "scim_type", "stored", "code"),
    [
        (400, "invalidValue", "required-here", Code.REQUIRED_HERE),
        (400, "invalidValue", "", Code.INVALID_VALUE),
        (400, "", "of another version", Code.BAD_REQUEST),
        (418, "", "", Code.BAD_REQUEST),
        (502, "", "", Code.INTERNAL),
    ],
)
def test_what_is_stored_without_a_code_has_one_by_status_and_scim_type(status, scim_type, stored, code) -> None:
    assert Code.of(status, scim_type, stored) is code


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (5, "5"), (-2.5, "-2.5"), ("a", '"a"'), ("", '""'), ([1], "a list"),
        ({"a": 1}, "an object"), ("x" * 58, '"' + "x" * 58 + '"'), ("x" * 59, "a text of 59 characters"),
        ("ö\n\u202e\ud800", json.dumps("ö\n\u202e\ud800")), (10**80, "a number"), (b"x", "something else"),
    ],
)  # fmt: skip
def test_shown(value: Any, text: str) -> None:
    assert shown(value) == text
    text.encode("ascii")
