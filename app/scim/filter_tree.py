"""This module declares the nodes of a parsed filter (RFC 7644 §3.4.2.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from app.scim.attribute import Attribute

Value = str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class Compare:
    """`userName eq "a"`, `title pr`. `path` leads to the compared part, in a value path from the value.

    `value` is in comparable form (`value_comparison.comparable`), `literal` the same as written; both are None with
    `pr` only.
    """

    path: tuple[Attribute, ...]
    op: str
    value: Value = None
    literal: Value = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`emails[type eq "work"]`: some value of the attribute matches `where`, whose paths start at the value."""

    attribute: Attribute
    where: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """A filter that matches if both sides match."""

    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Or:
    """A filter that matches if one side matches."""

    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Not:
    """A filter that matches if the inner filter does not."""

    inner: "Node"


Node = Compare | ValuePath | And | Or | Not


def comparisons(node: Node) -> Iterator[Compare]:
    """Yield every comparison in a tree, from left to right."""
    match node:
        case And(left, right) | Or(left, right):
            yield from comparisons(left)
            yield from comparisons(right)
        case Not(inner) | ValuePath(_, inner):
            yield from comparisons(inner)
        case Compare():
            yield node


def _first_names(node: Node) -> Iterator[str]:
    """Yield with which name each comparison in a tree begins."""
    match node:
        case And(left, right) | Or(left, right):
            yield from _first_names(left)
            yield from _first_names(right)
        case Not(inner):
            yield from _first_names(inner)
        case ValuePath(attribute, _):
            yield attribute.name
        case Compare(path):
            yield path[0].name


def equalities(node: Node) -> Iterator[Compare]:
    """Yield the comparisons with `eq` that must all be true for the tree to be."""
    match node:
        case And(left, right):
            yield from equalities(left)
            yield from equalities(right)
        case Compare(_, "eq"):
            yield node


_TEXT = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"})
_ORDERED = frozenset({"eq", "ne", "gt", "ge", "lt", "le", "pr"})
_EQUALITY = frozenset({"eq", "ne", "pr"})
OPERATORS: Mapping[str, frozenset[str]] = {
    "string": _TEXT,
    "reference": _TEXT,
    "dateTime": _ORDERED,
    "decimal": _ORDERED,
    "integer": _ORDERED,
    "boolean": _EQUALITY,
    "binary": _EQUALITY,
    "complex": frozenset({"pr"}),
}
"""The operators of each attribute type; order on booleans and binaries is invalidFilter (RFC 7644 Table 3)."""


@dataclass(frozen=True)
class Target:
    """The target of a PATCH operation: `attribute`, the values of it that `where` selects, and the `part` of these.

    `where_text` is the filter as the client wrote it.
    """

    attribute: Attribute
    where: Node | None = None
    part: Attribute | None = None
    where_text: str = field(default="", compare=False)

    @cached_property
    def comparisons(self) -> int:
        """The number of comparisons in the filter."""
        return sum(1 for _ in comparisons(self.where)) if self.where else 0

    @cached_property
    def compared_parts(self) -> tuple[Attribute, ...]:
        """The sub-attributes that the filter compares."""
        names = set(_first_names(self.where)) if self.where else ()
        return tuple(part for part in self.attribute.sub_attributes.values() if part.name in names)

    @cached_property
    def is_read_only(self) -> bool:
        return self.attribute.is_read_only or (self.part is not None and self.part.is_read_only)

    @property
    def is_list(self) -> bool:
        """Whether the target is all values of a multi-valued attribute."""
        return self.attribute.multi_valued and self.where is None and self.part is None

    @cached_property
    def path(self) -> str:
        """The path without its filter, for messages."""
        return self.part.path if self.part else self.attribute.path

    @cached_property
    def place(self) -> str:
        """The path with its filter: `emails[type eq "work"].value`."""
        filtered = f"{self.attribute.path}[{self.where_text}]"
        return self.path if self.where is None else f"{filtered}.{self.part.name}" if self.part else filtered
