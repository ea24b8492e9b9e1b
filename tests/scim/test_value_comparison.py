"""The comparable form of values, and the values that get an index (RFC 7643 §2.2, RFC 7644 §3.4.2.2)."""

import pytest

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import GROUP, USER
from app.scim.value_comparison import normalize_instant, normalize_text


@pytest.mark.parametrize(
    ("one", "other"),
    [("ADA", "ada"), ("Löwe", "LO\u0308WE"), ("ΝΙΚΟΣ", "νικος"), ("\u212a", "k"), ("Å", "\u212b")],
)
def test_the_same_text(one: str, other: str) -> None:
    assert normalize_text(one) == normalize_text(other)


@pytest.mark.parametrize(("one", "other"), [("straße", "strasse"), ("ı", "i"), (" ada", "ada"), ("é", "e")])
def test_other_text(one: str, other: str) -> None:
    assert normalize_text(one) != normalize_text(other)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00.000000Z"),
        ("2026-01-31t08:00:00.5z", "2026-01-31T08:00:00.500000Z"),
        ("2026-01-31T00:30:00+01:00", "2026-01-30T23:30:00.000000Z"),
        ("2026-01-31T08:00:00.1234567-05:30", "2026-01-31T13:30:00.123456Z"),
        ("2026-01-31T08:00:00", "2026-01-31T08:00:00.000000Z"),
    ],
)
def test_instant(text: str, folded: str) -> None:
    assert normalize_instant(text) == folded


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-31", "2026-01-31 08:00:00Z", "2026-13-01T00:00:00Z", "2026-01-31T08:00:00+25:00",
     "٢٠٢٦-01-31T08:00:00Z", "0001-01-01T00:00:00+01:00", "2026-01-31T08:00:00Z\n", "2026-01-31T08:00:00.1234567890Z"],
)  # fmt: skip
def test_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match="expected a dateTime"):
        normalize_instant(text)


def test_indexed_values_of_a_user() -> None:
    """Each once, folded but for what is caseExact; only the name must be unique."""
    emails = [{"value": "A@x", "type": "work"}, {"value": "a@X", "type": "home"}, {"type": "other"}]
    kept = USER.load({"userName": "Ada", "externalId": "X1", "displayName": "Ada L", "title": "T", "emails": emails})
    assert sorted(DerivedValues(USER, kept).lookups) == [
        ("displayName", "ada l", False),
        ("emails.value", "a@x", False),
        ("externalId", "X1", False),
        ("userName", "ada", True),
    ]


def test_indexed_values_of_a_group() -> None:
    lookups = DerivedValues(GROUP, GROUP.load({"displayName": "Editors", "externalId": "O"})).lookups
    assert lookups == {("displayName", "editors", True), ("externalId", "O", False)}
