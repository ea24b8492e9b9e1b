"""The Error message (RFC 7644 §3.12): every refusal has its status, its scimType and one plain sentence."""

import json
from typing import Any

import pytest

from app.scim import errors
from app.scim.errors import ERROR_URN, ScimError, shown

TABLE = [
    (errors.invalid_filter("x"), 400, "invalidFilter", {}),
    (errors.too_many("x"), 400, "tooMany", {}),
    (errors.uniqueness("userName", "ada"), 409, "uniqueness", {}),
    (errors.mutability("x"), 400, "mutability", {}),
    (errors.invalid_syntax("x"), 400, "invalidSyntax", {}),
    (errors.invalid_path("x"), 400, "invalidPath", {}),
    (errors.no_target("x"), 400, "noTarget", {}),
    (errors.invalid_value("x"), 400, "invalidValue", {}),
    (errors.unauthorized(), 401, None, {"WWW-Authenticate": 'Bearer realm="Recnice SCIM"'}),
    (errors.forbidden("x"), 403, None, {}),
    (errors.not_found("x"), 404, None, {}),
    (errors.not_allowed("x", "GET, POST"), 405, None, {"Allow": "GET, POST"}),
    (errors.precondition_failed("x"), 412, None, {}),
    (errors.too_large(5), 413, None, {}),
    (errors.unsupported_media("text/html"), 415, None, {}),
    (errors.too_often(7), 429, None, {"Retry-After": "7"}),
    (errors.not_implemented("x"), 501, None, {}),
    (errors.unavailable("x"), 503, None, {"Retry-After": "5"}),
]


@pytest.mark.parametrize(("error", "status", "scim_type", "headers"), TABLE, ids=[str(row[1:3]) for row in TABLE])
def test_error_message(error: ScimError, status: int, scim_type: str | None, headers: dict[str, str]) -> None:
    body = error.to_scim()
    assert body.pop("schemas") == [ERROR_URN]
    assert body.pop("status") == str(status)
    assert body.pop("scimType", None) == scim_type
    assert isinstance(body.pop("detail"), str)
    assert body == {}
    assert error.headers == headers


def test_a_conflict_names_attribute_and_value() -> None:
    """Entra's provisioning log shows this sentence to the administrator."""
    detail = errors.uniqueness("userName", "ada@example.com").detail
    assert "userName" in detail and '"ada@example.com"' in detail


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
