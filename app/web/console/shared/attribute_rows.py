"""This module turns a document into rows of named and explained values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.scim.attribute import Attribute

SHOWN_ELSEWHERE = frozenset({"schemas", "meta"})


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute of a document: its `path` as in a filter, its description, and its values.

    A value is a text, or the texts of sub-attributes by name.
    """

    path: str
    description: str
    values: Sequence[str | Mapping[str, str]]


def rows(attributes: Sequence[Attribute], document: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of a document in declared order; a single complex value has a row for each part."""
    for attribute in attributes:
        value = document.get(attribute.name)
        if value is None or attribute.name in SHOWN_ELSEWHERE or attribute.traits.storage == "membership":
            continue
        if attribute.traits.returned == "never":
            continue
        if attribute.type == "complex" and isinstance(value, dict):
            yield from rows(tuple(attribute.sub_attributes.values()), value)
        else:
            each = value if isinstance(value, list) else [value]
            yield Row(attribute.path, attribute.traits.description, [_shown(attribute, one) for one in each])


def value_at(document: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return the text at the end of a path of single-valued attributes, or ""."""
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else "" if value is None else _text(value)


def _shown(attribute: Attribute, value: Any) -> str | Mapping[str, str]:
    if not isinstance(value, dict):
        return _text(value)
    parts = (part for part in attribute.sub_attributes.values() if part.traits.returned != "never")
    return {part.name: _text(value[part.name]) for part in parts if part.name in value}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
