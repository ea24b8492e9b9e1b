"""This module normalizes values for comparison.

Both readers of a filter (filter_match.py in memory, the store's query.py in SQL) compare folded values only, so
they cannot differ in letter case or in dates. RFC 7643 §2.2 (caseExact), RFC 7644 §3.4.2.2.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app import bounds
from app.scim.attribute import Attribute
from app.scim.errors import shown

VERSION = 1
"""Raised with every change of what folding gives, so that stored values are folded anew."""

FoldText = Callable[[str], str]

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII | re.IGNORECASE
)


class WrongValueError(ValueError):
    """A value of another type than its attribute: what was expected, and what was received, in words of a sentence."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


def normalize_text(text: str) -> str:
    """Text without regard to letter case: composed (NFC) and lower-cased, the same for `É` however it was typed.

    A sigma that ends a word is a sigma, or `sw "ΝΙΚΟΣ"` would not find `ΝΙΚΟΣΤΡΑΤΟΣ`.
    """
    lower = unicodedata.normalize("NFC", text).lower().replace("ς", "σ")
    return unicodedata.normalize("NFC", lower)


def exact_text(text: str | None) -> str | None:
    """Text as it is compared where it gives rights: composed (NFC), without blanks around it, letter case as it is."""
    return text if text is None else unicodedata.normalize("NFC", text).strip()


def normalize_instant(text: str) -> str:
    """A dateTime as fixed-width UTC text with microseconds, so that text order is time order. No zone means UTC.

    Raises WrongValueError for what is no date.
    """
    found = _INSTANT.match(text)
    if not found:
        raise WrongValueError("a dateTime like 2026-01-31T08:00:00Z", shown(text))
    day, time, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{(zone or 'Z').upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongValueError("a dateTime that exists", shown(text)) from None
    moment += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def comparable(attribute: Attribute, value: Any) -> Any:
    """A filter's literal as the attribute's type compares it.

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
    return normalize_instant(value) if attribute.type == "dateTime" else normalize_value(attribute, value)


def normalize_value(attribute: Attribute, value: Any, of_text: FoldText = normalize_text) -> Any:
    """A stored simple value in comparable form; numbers and booleans compare as they are."""
    if attribute.type == "dateTime":
        return normalize_instant(value)
    return value if attribute.traits.case_exact or not isinstance(value, str) else of_text(value)


def normalize(attribute: Attribute, value: Any, of_text: FoldText = normalize_text) -> Any:
    """A value of an attribute, complex and multi-valued ones with all their parts, in comparable form.

    `of_text` is `normalize_text`, or the same with a memory where one text is folded many times.
    """
    if isinstance(value, list):
        return [normalize(attribute, one, of_text) for one in value]
    if isinstance(value, dict):
        parts = ((attribute.sub_attributes.get(name.lower()), name, part) for name, part in value.items())
        return {name: normalize(sub, part, of_text) for sub, name, part in parts if sub is not None}
    return normalize_value(attribute, value, of_text)


def normalize_document(attributes: Iterable[Attribute], document: Mapping[str, Any]) -> dict[str, Any]:
    """The searchable copy of a document: the same shape, every value folded; `attributes` are its type's top ones."""
    return {a.name: normalize(a, document[a.name]) for a in attributes if a.name in document}


def lookup_text(value: str | bool | int | float | None) -> str:
    """A folded value as an index holds it: text, the same for numbers that are equal (`1` and `1.0`)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def values_at(folded: Any, keys: Iterable[str]) -> list[Any]:
    """Every value at the end of the keys, the values of lists each by itself."""
    found = [folded]
    for key in keys:
        found = [value[key] for value in found if isinstance(value, dict) and key in value]
        found = [one for value in found for one in (value if isinstance(value, list) else [value])]
    return found
