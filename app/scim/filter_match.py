"""This module evaluates a filter on values in memory."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from app.scim.filter_tree import And, Compare, Node, Not, Or, ValuePath
from app.scim.value_comparison import values_at


def matches(node: Node, normalized: Any, *, in_value: bool = False) -> bool:
    """Return whether a normalized document, or with `in_value` one normalized value, matches a filter."""
    match node:
        case Compare(path, op, operand):
            keys = [part.name for part in path] if in_value else path[-1].keys
            return any(_OPERATORS[op](value, operand) for value in values_at(normalized, keys))
        case And(left, right):
            return matches(left, normalized, in_value=in_value) and matches(right, normalized, in_value=in_value)
        case Or(left, right):
            return matches(left, normalized, in_value=in_value) or matches(right, normalized, in_value=in_value)
        case Not(inner):
            return not matches(inner, normalized, in_value=in_value)
        case ValuePath(attribute, where):
            return any(matches(where, value, in_value=True) for value in values_at(normalized, attribute.keys))


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "pr": lambda value, _: value not in ("", {}),
    "eq": operator.eq,
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def implied_value(where: Node) -> dict[str, Any] | None:
    """Return the value that a filter demands by equalities of different parts, joined by `and`; None for any other."""
    match where:
        case Compare(path, "eq", _, literal):
            attribute = path[-1]
            return {attribute.name: literal if attribute.type != "boolean" else where.value}
        case And(left, right):
            first, second = implied_value(left), implied_value(right)
            return None if first is None or second is None or first.keys() & second.keys() else first | second
        case _:
            return None
