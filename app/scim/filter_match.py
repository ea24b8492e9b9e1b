"""This module evaluates a filter on values in memory."""

from typing import Any

from app.scim.filter_tree import And, Compare, Node, Not, Or, ValuePath
from app.scim.value_comparison import values_at


def matches(node: Node, folded: Any, *, in_value: bool = False) -> bool:
    """Return whether a normalized document, or with `in_value` one normalized value, matches a filter."""
    match node:
        case And(left, right):
            return matches(left, folded, in_value=in_value) and matches(right, folded, in_value=in_value)
        case Or(left, right):
            return matches(left, folded, in_value=in_value) or matches(right, folded, in_value=in_value)
        case Not(inner):
            return not matches(inner, folded, in_value=in_value)
        case ValuePath(attribute, where):
            return any(matches(where, value, in_value=True) for value in values_at(folded, attribute.keys))
        case Compare(path, op, wanted):
            keys = [part.name for part in path] if in_value else path[-1].keys
            return any(_holds(op, found, wanted) for found in values_at(folded, keys))


def _holds(op: str, found: Any, wanted: Any) -> bool:
    match op:
        case "pr":
            return found not in ("", {})
        case "eq":
            return bool(found == wanted)
        case "co":
            return wanted in found
        case "sw":
            return bool(found.startswith(wanted))
        case "ew":
            return bool(found.endswith(wanted))
        case "gt":
            return bool(found > wanted)
        case "ge":
            return bool(found >= wanted)
        case "lt":
            return bool(found < wanted)
        case _:
            return bool(found <= wanted)


def demanded(where: Node) -> dict[str, Any] | None:
    """Return the value that a filter demands by equalities of different parts, joined by `and`; None for any other."""
    match where:
        case Compare(path, "eq", _, literal):
            attribute = path[-1]
            return {attribute.name: literal if attribute.type != "boolean" else where.value}
        case And(left, right):
            first, second = demanded(left), demanded(right)
            return None if first is None or second is None or first.keys() & second.keys() else first | second
        case _:
            return None
