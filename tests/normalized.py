"""This module normalizes whole documents, for the tests that compare SQL with the evaluation in memory."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.scim.attribute import Attribute
from app.scim.value_comparison import normalize


def normalize_document(attributes: Iterable[Attribute], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with every value normalized. `attributes` are the top ones of its type."""
    return {a.name: normalize(a, document[a.name]) for a in attributes if a.name in document}
