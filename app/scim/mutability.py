"""This module refuses changes of immutable values (RFC 7643 §2.2, RFC 7644 §3.5.1)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.scim.attribute import Attribute
from app.scim.errors import Code, ScimError

_STAYS = frozenset({"immutable", "writeOnly"})


def replacement(attributes: Iterable[Attribute], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document that replaces another, with the values that its client leaves out and cannot mean to clear.

    These are immutable values without a new one, writeOnly values, which no client could read and send back, and those
    that cannot be cleared. All names are in declared order.
    """
    whole = {}
    for attribute in attributes:
        name = attribute.name
        value = after.get(name)
        stays = attribute.traits.mutability in _STAYS or not attribute.traits.is_clearable
        if value is None and stays:
            value = before.get(name)
        elif isinstance(before.get(name), dict) and isinstance(value, dict | None):
            value = replacement(attribute.sub_attributes.values(), before[name], value or {}) or None
        if value is not None:
            whole[name] = value
    return whole


def check(attributes: Iterable[Attribute], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise mutability for an immutable value that is changed or gone; setting an absent one is allowed.

    Values of a multi-valued attribute may be added and removed as wholes, whatever their parts are.
    """
    for attribute in attributes:
        if attribute.name not in before:
            continue
        old, new = before[attribute.name], after.get(attribute.name)
        if attribute.traits.mutability == "immutable" and _in_any_order(old) != _in_any_order(new):
            raise ScimError(Code.MUTABILITY, attribute.path, "an immutable value to stay as it is")
        if isinstance(old, dict):
            check(attribute.sub_attributes.values(), old, new or {})


def _in_any_order(value: Any) -> Any:
    """Return a value for a comparison in which the order of many values has no meaning (RFC 7643 §2.4)."""
    if not isinstance(value, list):
        return value
    return sorted(json.dumps(one, sort_keys=True) for one in value)
