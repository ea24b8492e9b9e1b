"""PATCH (RFC 7644 §3.5.2): (document, operations) -> (new document, link changes), without touching what it was given.

Names that mean nothing are skipped, because the same request often disables somebody; what is malformed or forbidden
refuses the whole request. Not here: the check of the result as a whole (ResourceType.load) and the rows of memberships.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import ValidationError

from app import bounds
from app.scim import entra, errors
from app.scim.attribute import Attribute, is_unassigned
from app.scim.errors import ScimError, shown
from app.scim.fields import identity
from app.scim.filter import And, Compare, Node, Target
from app.scim.fold import fold
from app.scim.grammar import parse_path
from app.scim.match import matches
from app.scim.messages import Operation
from app.scim.resource_types import ResourceType, invalid


@dataclass(frozen=True, slots=True)
class LinkChange:
    """One step on a group's memberships: `ids` to add, to remove or to have instead, or those that `where` selects.

    `absolute` are those whose `$ref` was a full address. `where` is None for all of them and is meant for "remove_where"
    only; its paths start at a member.
    """

    verb: Literal["add", "remove", "replace", "remove_where"]
    ids: tuple[str, ...] = ()
    absolute: frozenset[str] = frozenset()
    where: Node | None = None

    @classmethod
    def to_members(
        cls, verb: Literal["add", "remove", "replace"], members: Sequence[Mapping[str, Any]]
    ) -> "LinkChange":
        """The step for checked values of `members`. Raises invalidValue for a member without a `value`."""
        for number, member in enumerate(members):
            if "value" not in member:
                raise errors.invalid_value(f"members[{number}].value: expected a value, got none")
        absolute = frozenset(member["value"] for member in members if "://" in member.get("$ref", ""))
        return cls(verb, tuple(dict.fromkeys(member["value"] for member in members)), absolute)


def apply(
    resource_type: ResourceType, document: Mapping[str, Any], operations: Iterable[Operation]
) -> tuple[dict[str, Any], tuple[LinkChange, ...]]:
    """The document after all operations in their order, and what is to happen to memberships.

    Every value is checked by its attribute. Raises invalidPath, invalidFilter, invalidValue, noTarget, mutability.
    """
    patch = _Patch(resource_type, copy.deepcopy(dict(document)))
    for operation in operations:
        if operation.path is not None:
            patch.at_path(operation)
        elif operation.op == "remove":
            raise errors.no_target("path: expected one, since remove needs a target")
        else:
            patch.without_path(operation.op, operation.value)
    return patch.document, tuple(patch.links)


class _Patch:
    """A document on its way through the operations."""

    def __init__(self, resource_type: ResourceType, document: dict[str, Any]) -> None:
        self.type = resource_type
        self.document = document
        self.links: list[LinkChange] = []

    def at_path(self, operation: Operation) -> None:
        target = parse_path(operation.path or "", self.type.tree)
        if target is None:
            return
        if target.attribute.is_read_only or (target.part and target.part.is_read_only):
            raise errors.mutability(f"{target.path}: expected an attribute that is not read-only")
        self.change(operation.op, target, operation.value)

    def without_path(self, op: str, value: Any) -> None:
        """Each name of the value is a path of its own; what the service provider keeps itself is skipped.

        Entra: `{"op": "replace", "value": {"name.givenName": "Ada", "urn:…:User:department": "R", "active": false}}`.
        """
        if not isinstance(value, dict):
            raise errors.invalid_value(f"value: expected an object where there is no path, got {shown(value)}")
        for name, inner in value.items():
            if name.lower() == self.type.tree.core_urn.lower():
                self.without_path(op, inner)
                continue
            try:
                target = parse_path(name, self.type.tree)
            except ScimError:
                continue
            if target and not target.attribute.is_read_only and not (target.part and target.part.is_read_only):
                self.change(op, target, inner)

    def change(self, op: str, target: Target, value: Any) -> None:
        """One operation on one resolved target."""
        attribute = target.attribute
        if attribute.traits.held == "membership":
            self.relate(op, target, value)
        elif attribute.name == "schemas":
            return  # derived from what the document holds
        elif attribute.name in self.type.tree.extension_urns:
            self.change_extension(op, attribute, value)
        elif op == "remove" and attribute.required and not target.part:
            raise errors.mutability(f"{attribute.path}: expected a required attribute to stay, got remove")
        elif target.where is not None:
            self.change_selected(op, target, target.where, value)
        elif target.part is not None:
            self.change_part(op, attribute, target.part, value)
        else:
            self.change_whole(op, attribute, value)

    def change_extension(self, op: str, extension: Attribute, value: Any) -> None:
        """An extension as a whole: its attributes one by one, or all of it gone."""
        if op == "remove" or value in (None, ""):
            self.document.pop(extension.name, None)
        elif isinstance(value, dict):
            for name, inner in value.items():
                if attribute := extension.sub_attributes.get(name.lower()):
                    self.change(op, Target(attribute), inner)
        else:
            raise errors.invalid_value(f"{extension.path}: expected an object, got {shown(value)}")

    def change_whole(self, op: str, attribute: Attribute, value: Any) -> None:
        value = entra.mend_value(attribute, value)
        if op == "remove" and attribute.multi_valued and not is_unassigned(value):
            named = [fold(attribute, one) for one in _checked(attribute, value)]
            self.store(attribute, [kept for kept in self.values(attribute) if not _is_named(attribute, kept, named)])
        elif op == "remove" or (is_unassigned(value) and not (op == "add" and attribute.multi_valued)):
            self.store(attribute, None)
        elif attribute.type == "complex" and not attribute.multi_valued:
            held = self.values(attribute)
            self.store(attribute, _merged(attribute, held[0] if held else {}, value))
        elif not attribute.multi_valued:
            self.store(attribute, _checked(attribute, value))
        elif not is_unassigned(value):
            new = _checked(attribute, value)
            self.store(attribute, _joined(self.values(attribute), new) if op == "add" else new)

    def change_part(self, op: str, attribute: Attribute, part: Attribute, value: Any) -> None:
        """A sub-attribute of a complex value, or of every value of a multi-valued attribute."""
        values = self.values(attribute)
        if not values and not (op == "remove" or is_unassigned(value)):
            values = [{}]
        self.store_values(attribute, [_with_part(kept, op, part, value) for kept in values])

    def change_selected(self, op: str, target: Target, where: Node, value: Any) -> None:
        """The values that a filter in brackets selects, or a sub-attribute of them (RFC 7644 §3.5.2)."""
        attribute, part = target.attribute, target.part
        values = self.values(attribute)
        selected = [matches(where, fold(attribute, one), in_value=True) for one in values]
        clears = op == "remove" or is_unassigned(value)
        if not any(selected):
            if not clears:
                self.make_selected(op, target, where, value)
            return
        changed = []
        fresh = []
        for one, is_selected in zip(values, selected, strict=True):
            if is_selected:
                if part is None and clears:
                    continue
                one = _with_part(one, op, part, value) if part else _merged(attribute, one, value)
                if clears and entra.is_empty_shell(one):
                    continue
                fresh.append(one)
            changed.append(one)
        self.store_values(attribute, _single_primary(changed, fresh))

    def make_selected(self, op: str, target: Target, where: Node, value: Any) -> None:
        """The value that nothing in the document is yet, made of what its filter demands."""
        attribute, part = target.attribute, target.part
        wanted = _demanded(where)
        if wanted is None or (op == "replace" and not entra.may_be_made(attribute, wanted)):
            raise errors.no_target(f"{target.path}: expected a filter that finds a value to {op}, found none")
        made = _checked_parts(attribute, wanted)
        made = _with_part(made, op, part, value) if part else _merged(attribute, made, value)
        self.store_values(attribute, _single_primary([*self.values(attribute), made], [made]))

    def relate(self, op: str, target: Target, value: Any) -> None:
        """Members: rows elsewhere, so only what is to be done is noted.

        Entra: `{"op": "Remove", "path": "members", "value": [{"value": "<id>"}]}` removes these, not all of them.
        """
        if target.part is not None or (target.where is not None and op != "remove"):
            raise errors.mutability(
                f"{target.path}: expected whole members to be added or removed, since a member cannot change"
            )
        if op == "remove" and (target.where is not None or value is None):
            self.links.append(_removal(target.where))
            return
        value = entra.mend_value(target.attribute, value)
        members = [] if is_unassigned(value) else _checked(target.attribute, value)
        self.links.append(LinkChange.to_members(_LINK_VERBS[op], members))

    def values(self, attribute: Attribute) -> list[Any]:
        """The values that the document holds; one at most where the attribute is single."""
        place: Any = self.document
        for key in attribute.keys:
            place = place.get(key) if isinstance(place, dict) else None
        if is_unassigned(place):
            return []
        return list(place) if isinstance(place, list) else [place]

    def store_values(self, attribute: Attribute, values: list[Any]) -> None:
        kept = [value for value in values if not is_unassigned(value)]
        self.store(attribute, kept if attribute.multi_valued else kept[0] if kept else None)

    def store(self, attribute: Attribute, value: Any) -> None:
        place = self.document
        for key in attribute.keys[:-1]:
            place = place.setdefault(key, {})
        if isinstance(value, list) and len(value) > bounds.VALUES_PER_ATTRIBUTE:
            raise errors.invalid_value(
                f"{attribute.path}: expected at most {bounds.VALUES_PER_ATTRIBUTE} values, got {len(value)}"
            )
        if is_unassigned(value):
            place.pop(attribute.name, None)
        else:
            place[attribute.name] = value


_LINK_VERBS: Mapping[str, Literal["add", "remove", "replace"]] = {
    "add": "add",
    "remove": "remove",
    "replace": "replace",
}


def _removal(where: Node | None) -> LinkChange:
    """`members[value eq "<id>"]` is one id to remove; any other filter is left to the store."""
    wanted = _demanded(where) if where is not None else None
    if wanted is not None and set(wanted) == {"value"}:
        return LinkChange("remove", (wanted["value"],))
    return LinkChange("remove_where", where=where)


def _checked(attribute: Attribute, value: Any) -> Any:
    try:
        return attribute.check(value)
    except ValidationError as error:
        raise invalid(error, attribute.path) from None


def _checked_parts(attribute: Attribute, parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _checked(attribute.sub_attributes[name.lower()], value) for name, value in parts.items()}


def _with_part(held: Mapping[str, Any], op: str, part: Attribute, value: Any) -> dict[str, Any]:
    """A complex value with one part changed; a `$ref` that led to another `value` goes."""
    is_moved = part.name == "value" and held.get("value") != value
    kept = {name: one for name, one in held.items() if name != part.name and not (is_moved and name == "$ref")}
    return kept if op == "remove" or is_unassigned(value) else {**kept, part.name: _checked(part, value)}


def _merged(attribute: Attribute, held: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """A complex value with the given parts changed and the others kept; null clears a part, read-only parts stay."""
    if not isinstance(value, dict):
        raise errors.invalid_value(f"{attribute.path}: expected an object, got {shown(value)}")
    merged = dict(held)
    for name, inner in sorted(value.items(), key=lambda named: named[0].lower() != "value"):
        part = attribute.sub_attributes.get(name.lower())
        if part is not None and not part.is_read_only:
            merged = _with_part(merged, "replace", part, inner)
    return merged


def _joined(held: list[Any], new: list[Any]) -> list[Any]:
    """Values with new ones added: one that is there already is not doubled (RFC 7644 §3.5.2.1)."""
    joined = {identity(value): value for value in held}
    for value in new:
        joined[identity(value)] = {**joined.get(identity(value), {}), **value}
    return _single_primary(list(joined.values()), [joined[identity(value)] for value in new])


def _single_primary(values: list[Any], fresh: list[Any]) -> list[Any]:
    """A new primary value takes the mark from the old one (RFC 7644 §3.5.2)."""
    chosen = next((value for value in fresh if isinstance(value, dict) and value.get("primary")), None)
    if chosen is None:
        return values
    return [value if value is chosen or not value.get("primary") else {**value, "primary": False} for value in values]


def _is_named(attribute: Attribute, held: Any, named: list[Any]) -> bool:
    """Whether one of the folded values in a remove says the same as the held one in all parts that it names."""
    folded = fold(attribute, held)
    return any(one.items() <= folded.items() for one in named)


def _demanded(where: Node) -> dict[str, Any] | None:
    """What a filter of equalities of different parts, joined by `and`, says that a value is; None for any other."""
    match where:
        case Compare(path, "eq", _, literal):
            attribute = path[-1]
            return {attribute.name: literal if attribute.type != "boolean" else where.value}
        case And(left, right):
            first, second = _demanded(left), _demanded(right)
            return None if first is None or second is None or first.keys() & second.keys() else first | second
        case _:
            return None
