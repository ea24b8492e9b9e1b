"""This module translates filters and sort orders into SQL (RFC 7644 §3.4.2.2 and §3.4.2.3).

Literals are normalized before, stored values when they are read (app/store/database/sqlite_driver.py), so `=`, `<`,
`instr` and `substr` suffice.
See also: app/scim/filter_match.py (the same filters in memory; a test compares the two).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from app.scim.attribute import Attribute
from app.scim.errors import Code, ScimError
from app.scim.filter_tree import And, Compare, Node, Not, Or, Value, ValuePath, equalities
from app.scim.resource_types import GROUP, RESOURCE_TYPES, ResourceType
from app.scim.value_comparison import lookup_text
from app.store.directory.tables import lookup, membership, resource

Condition = ColumnElement[bool]
Expression = ColumnElement[Any]

MEMBER_TYPES = GROUP.tree.core["members"].sub_attributes["type"].traits.canonical_values
"""The types that a group's members may have; a resource of another type with a member's id is not that member."""

_MILLISECONDS_WIDTH = len("2026-01-31T08:00:00.000")


def condition(node: Node, resource_type: ResourceType, base: str = "") -> Condition:
    """Return the condition by which rows of `resource` match a filter. The caller adds the resource type.

    `base` is the beginning of `meta.location` for this client.
    """
    return _ResourceScope(resource_type, base).condition(node)


def exact_match(node: Node | None) -> tuple[str, str] | None:
    """Return the attribute path and normalized text of a filter that is one `eq` on indexed values, else None."""
    if isinstance(node, ValuePath):
        node = node.where
    if isinstance(node, Compare) and node.op == "eq" and node.path[-1].traits.lookup:
        return node.path[-1].path, lookup_text(node.value)
    return None


def members_condition(where: Node) -> Condition:
    """Return the condition by which rows of `membership` match the filter in `members[…]`."""
    return _MembershipScope(GROUP.tree.core["members"]).condition(where)


def displayed(json: Expression) -> Expression:
    """Return the expression for `display` of the resource with that document."""
    return func.coalesce(_extract(json, ("displayName",)), _extract(json, ("userName",)))


def sort_key(path: tuple[Attribute, ...], resource_type: ResourceType, base: str = "") -> Expression:
    """Return the normalized value to sort by, NULL where it is missing (RFC 7644 §3.4.2.3).

    A multi-valued attribute sorts by its primary value, else by its first. Raises invalidValue for a complex attribute
    without `value`.
    """
    top, leaf = path[0], path[-1]
    if leaf.type == "complex":
        if leaf.value_attribute is None:
            raise ScimError(Code.INVALID_VALUE, "sortBy", f"one of the sub-attributes of {leaf.path}")
        leaf = leaf.value_attribute
    if leaf.traits.storage == "membership":
        side = _MembershipScope(top)
        return select(side.value(leaf)).where(side.own == resource.c.id).order_by(side.other).limit(1).scalar_subquery()
    if not top.multi_valued:
        return _ResourceScope(resource_type, base).value(leaf)
    each = _each(top)
    normalized = _normalized(leaf, each.c.value if leaf is top else _extract(each.c.value, (leaf.name,)))
    chosen = select(normalized).select_from(each).limit(1)
    if primary := top.sub_attributes.get("primary"):
        chosen = chosen.order_by(func.coalesce(_extract(each.c.value, (primary.name,)), 0).desc())
    return chosen.order_by(each.c.key).correlate(resource).scalar_subquery()


class _Scope(ABC):
    """The starting point of a filter's paths: a resource, or inside brackets one value of an attribute."""

    def condition(self, node: Node) -> Condition:
        match node:
            case And(left, right):
                return and_(self.condition(left), self.condition(right))
            case Or(left, right):
                return or_(self.condition(left), self.condition(right))
            case Not(inner):
                # Absent values are false here, not unknown. Only `not` must say so: elsewhere both give the same rows,
                # and a bare condition can use its index.
                return not_(func.coalesce(self.condition(inner), false()))
            case Compare(path, "ne", value):
                return self.condition(Not(Compare(path, "eq", value)))
            case Compare(path, op, value):
                return self.compare(path[-1], op, value)
            case ValuePath(attribute, where):
                return self.some(attribute, where)

    def compare(self, attribute: Attribute, op: str, value: Value) -> Condition:
        """Return the condition that compares the attribute's value with a normalized literal."""
        return _holds(op, self.value(attribute), value)

    def some(self, attribute: Attribute, where: Node) -> Condition:
        """Return the condition that some value of a complex attribute fulfills `where`."""
        raise ScimError(Code.INVALID_FILTER, f"filter: {attribute.path}", "no brackets in brackets")

    @abstractmethod
    def value(self, attribute: Attribute) -> Expression:
        """Return the normalized value of a simple attribute, NULL where it is absent."""


class _ResourceScope(_Scope):
    """A scope whose paths start at the resource."""

    def __init__(self, resource_type: ResourceType, base: str) -> None:
        self.resource_type = resource_type
        self.location = base + resource_type.endpoint + "/"

    def compare(self, attribute: Attribute, op: str, value: Value) -> Condition:
        if attribute.traits.storage == "membership":
            side = _MembershipScope(attribute)
            return _exists(membership, side.own == resource.c.id)
        if op == "pr" and (attribute.traits.storage == "row" or attribute.name == "schemas"):
            return true()
        if op == "eq" and attribute.traits.lookup:
            return self.is_looked_up(attribute, value)
        if attribute.multi_valued:
            each = _each(attribute)
            return _exists(each, _holds(op, _normalized(attribute, each.c.value), value))
        return super().compare(attribute, op, value)

    def value(self, attribute: Attribute) -> Expression:
        if attribute.path == "meta.location":
            return literal(self.location) + resource.c.id
        if attribute.traits.storage == "row":
            return _row_value(attribute)
        return _normalized(attribute, _extract(resource.c.document, attribute.keys))

    def some(self, attribute: Attribute, where: Node) -> Condition:
        if attribute.traits.storage == "membership":
            return self.some_membership(_MembershipScope(attribute), where)
        if not attribute.multi_valued:
            return and_(self.compare(attribute, "pr", None), self.condition(where))
        each = _each(attribute)
        matching = _exists(each, _ValueScope(each.c.value).condition(where))
        indexed = _equality(where)
        if indexed is None or not indexed.path[-1].traits.lookup:
            return matching
        is_looked_up = self.is_looked_up(indexed.path[-1], indexed.value)
        return is_looked_up if where is indexed else and_(is_looked_up, matching)

    def some_membership(self, side: _MembershipScope, where: Node) -> Condition:
        """Return the condition on memberships: by index for a given id, else among the resource's own rows."""
        holds = side.condition(where)
        indexed = _equality(where)
        if indexed is not None and indexed.path[-1].name == "value":
            return resource.c.id.in_(select(side.own).where(holds))
        return _exists(membership, and_(side.own == resource.c.id, holds))

    def is_looked_up(self, attribute: Attribute, value: Value) -> Condition:
        """Return the condition that some value of the attribute is `value`, by index."""
        return resource.c.position.in_(
            select(lookup.c.position).where(
                lookup.c.type == self.resource_type.name,
                lookup.c.attribute == attribute.path,
                lookup.c.value == lookup_text(value),
            )
        )


class _ValueScope(_Scope):
    """A scope whose paths start at one value, a JSON object, of a multi-valued attribute."""

    def __init__(self, json: Expression) -> None:
        self.json = json

    def value(self, attribute: Attribute) -> Expression:
        return _normalized(attribute, _extract(self.json, (attribute.name,)))


class _MembershipScope(_Scope):
    """A scope whose paths start at a row of `membership`, from the group (`members`) or the member (`groups`).

    `own` is the id of the resource that has the attribute, `other` the id of the one that the value is about.
    """

    def __init__(self, attribute: Attribute) -> None:
        group, member = membership.c.group_id, membership.c.member_id
        self.is_from_group = attribute.name == "members"
        self.own, self.other = (group, member) if self.is_from_group else (member, group)

    def value(self, attribute: Attribute) -> Expression:
        match attribute.name:
            case "value":
                return self.other
            case "type" if self.is_from_group:
                return func.lower(self.of_other("type"))
            case "type":
                return literal("direct")
            case "display":
                return self.of_other("display")
            case _:
                prefixes = {known.name: known.endpoint.lstrip("/") + "/" for known in RESOURCE_TYPES}
                return case(prefixes, value=self.of_other("type")) + self.other

    def of_other(self, name: str) -> Expression:
        """Return a value from the other resource's row, NULL where no resource has that id."""
        other = resource.alias()
        shown = func.normalize_text(displayed(other.c.document)) if name == "display" else other.c.type
        known = other.c.id == self.other
        if self.is_from_group:
            known &= other.c.type.in_(MEMBER_TYPES)
        return select(shown).where(known).correlate(membership).scalar_subquery()


def _row_value(attribute: Attribute) -> Expression:
    """Return the value of an attribute that is stored in a column and not in the document: `id` and `meta`."""
    match attribute.path:
        case "id":
            return resource.c.id
        case "meta.resourceType":
            return resource.c.type
        case "meta.version":
            return literal('W/"') + cast(resource.c.version, Text) + '"'
        case "meta.created":
            return _folded_instant(resource.c.created)
        case "meta.lastModified":
            return _folded_instant(resource.c.last_modified)
    raise ValueError(f"no such column: {attribute.path}")


def _folded_instant(column: Expression) -> Expression:
    """Return a stored instant with microseconds, as in normalized ones: with equal width, text sorts by time."""
    return func.substr(column, 1, _MILLISECONDS_WIDTH, type_=column.type) + "000Z"


def _holds(op: str, left: Expression, value: Value) -> Condition:
    """Return one comparison of normalized values; NULL, which counts as false, where the value is absent."""
    if op == "pr":
        return left.is_not(None)
    if isinstance(value, str):
        match op:
            case "co":
                return func.instr(left, value) > 0
            case "sw":
                return func.substr(left, 1, len(value)) == value
            case "ew":
                return func.substr(left, -len(value)) == value if value else left.is_not(None)
    # SQL returns JSON's true and false as 1 and 0; a bare True would become `IS 1`, which is another operator.
    bound: Expression = literal(int(value) if isinstance(value, bool) else value)
    match op:
        case "eq":
            return left == bound
        case "gt":
            return left > bound
        case "ge":
            return left >= bound
        case "lt":
            return left < bound
        case "le":
            return left <= bound
    raise ValueError(f"no such operator: {op}")


def _equality(where: Node) -> Compare | None:
    """Return an `eq` that `where` requires and an index can answer; None if there is none."""
    return next((one for one in equalities(where) if one.path[-1].traits.lookup or one.path[-1].name == "value"), None)


def _exists(source: FromClause, holds: Condition) -> Condition:
    return exists(select(1).select_from(source).where(holds).correlate(resource))


def _each(attribute: Attribute) -> FromClause:
    """Return the values of a multi-valued attribute as rows: `key` is the index, `value` the JSON value."""
    return func.json_each(resource.c.document, _json_path(attribute.keys)).table_valued(
        "key", "value", joins_implicitly=True
    )


def _normalized(attribute: Attribute, expression: Expression) -> Expression:
    """Return a stored simple value in the form of `value_comparison.normalize_value`."""
    if attribute.type == "dateTime":
        return func.normalize_instant(expression)
    is_text = attribute.type not in ("boolean", "integer", "decimal")
    return func.normalize_text(expression) if is_text and not attribute.traits.case_exact else expression


def _extract(json: Expression, keys: tuple[str, ...]) -> Expression:
    return func.json_extract(json, _json_path(keys))


def _json_path(keys: tuple[str, ...]) -> str:
    """Return SQL's path to a value, in quotes, since an extension's URN contains dots."""
    return "$" + "".join(f'."{key}"' for key in keys)
