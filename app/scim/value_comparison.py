"""This module normalizes values for comparison (RFC 7643 §2.2 caseExact, RFC 7644 §3.4.2.2).

Both evaluators of a filter compare only normalized values, so they cannot differ in case or in dates.

See also: filter_match.py (evaluates in memory), app/store/directory/filter_sql.py (evaluates in SQL).
"""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app import bounds
from app.scim.attribute import Attribute
from app.scim.errors import shown

VERSION = 1
"""The version of normalization: increase it when results change, so that stored values are normalized again."""

NormalizeText = Callable[[str], str]

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII | re.IGNORECASE
)


class WrongValueError(ValueError):
    """A value does not have its attribute's type: what was expected, and what was received, in words of a sentence."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


def normalize_text(text: str) -> str:
    """Return text for case-insensitive comparison: composed (NFC) and lower case, the same for any form of `É`.

    A final sigma becomes a sigma; otherwise `sw "ΝΙΚΟΣ"` would not find `ΝΙΚΟΣΤΡΑΤΟΣ`.
    """
    if text.isascii():
        return text.lower()
    lower = unicodedata.normalize("NFC", text).lower().replace("ς", "σ")
    return unicodedata.normalize("NFC", lower)


def exact_text(text: str | None) -> str | None:
    """Return text as it is compared if it grants rights: composed (NFC), without surrounding blanks, case unchanged."""
    return text if text is None else unicodedata.normalize("NFC", text).strip()


def normalize_instant(text: str) -> str:
    """Return a dateTime as fixed-width UTC text with microseconds, so that text order is time order. No zone means UTC.

    Raises WrongValueError for text that is not a date.
    """
    match = _INSTANT.match(text)
    if not match:
        raise WrongValueError("a dateTime like 2026-01-31T08:00:00Z", shown(text))
    day, time, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{(zone or 'Z').upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongValueError("a dateTime that exists", shown(text)) from None
    moment += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def comparable(attribute: Attribute, value: Any) -> Any:
    """Return a filter's literal as the attribute's type compares it.

    Entra: `roles[primary eq "True"]` compares a boolean with text. Raises WrongValueError for another type's literal.
    """
    value = attribute.spelled(value)
    if attribute.type == "boolean":
        if not isinstance(value, bool):
            raise WrongValueError("true or false", shown(value))
        return value
    if attribute.type in ("integer", "decimal"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WrongValueError("a number", shown(value))
        if isinstance(value, int) and not bounds.INTEGER_MINIMUM <= value <= bounds.INTEGER_MAXIMUM:
            raise WrongValueError("a number that fits 64 bits", shown(value))
        return value
    if not isinstance(value, str):
        raise WrongValueError("a text in double quotes", shown(value))
    return normalize_value(attribute, value)


def normalize_value(attribute: Attribute, value: Any, of_text: NormalizeText = normalize_text) -> Any:
    """Return a stored simple value in comparable form; numbers and booleans compare unchanged."""
    if attribute.type == "dateTime":
        return normalize_instant(value)
    return value if attribute.traits.case_exact or not isinstance(value, str) else of_text(value)


def normalize(attribute: Attribute, value: Any, of_text: NormalizeText = normalize_text) -> Any:
    """Return a value of an attribute, complex and multi-valued ones with all their parts, in comparable form.

    `of_text` is `normalize_text`, or the same with a cache if one text is normalized many times.
    """
    if isinstance(value, list):
        return [normalize(attribute, one, of_text) for one in value]
    if isinstance(value, dict):
        parts = ((attribute.sub_attributes.get(name.lower()), name, part) for name, part in value.items())
        return {name: normalize(sub, part, of_text) for sub, name, part in parts if sub is not None}
    return normalize_value(attribute, value, of_text)


def lookup_text(value: str | bool | int | float | None) -> str:
    """Return a normalized value as an index holds it: text, the same for equal numbers (`1` and `1.0`)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def values_at(value: Any, keys: Sequence[str]) -> list[Any]:
    """Return every value at the end of the keys, the values of lists separately."""
    for place, key in enumerate(keys, 1):
        if not isinstance(value, dict) or key not in value:
            return []
        value = value[key]
        if isinstance(value, list):
            rest = keys[place:]
            return [one for inner in value for one in values_at(inner, rest)] if rest else [*value]
    return [value]
