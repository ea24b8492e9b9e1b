"""This module applies PATCH operations to a document (RFC 7644 §3.5.2).

Unknown names are skipped, because the same request often disables a user; a malformed or forbidden operation refuses
the whole request.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from app import bounds
from app.scim import entra_quirks
from app.scim.attribute import Attribute, is_unassigned
from app.scim.data_types import UnresolvedReference
from app.scim.errors import Code, ScimError, shown
from app.scim.fields import identity
from app.scim.filter_match import implied_value, matches
from app.scim.filter_tree import Node, Target, comparisons
from app.scim.grammar import parse_path
from app.scim.member_changes import LinkChange, link_change
from app.scim.protocol_messages import Operation
from app.scim.resource_types import ResourceType, checked
from app.scim.value_comparison import normalize, normalize_text


def apply(
    resource_type: ResourceType, document: Mapping[str, Any], operations: Iterable[Operation]
) -> tuple[dict[str, Any], tuple[LinkChange, ...]]:
    """Return the document after all operations in their order, and the membership changes.

    Every value is checked by its attribute. Raises invalidPath, invalidFilter, invalidValue, noTarget, mutability.
    """
    patch = Patch(resource_type, document)
    patch.patch(operations)
    return patch.document, tuple(patch.links)


class Patch:
    """A document to which operations are applied. `assigned_paths` are those that got a value."""

    def __init__(self, resource_type: ResourceType, document: Mapping[str, Any]) -> None:
        self.type = resource_type
        self.document = dict(document)  # values are replaced, never changed: what is the same object has not changed
        self.links: list[LinkChange] = []
        self.assigned_paths: list[str] = []
        self.changes = 0
        self.examined = 0
        self.compared = 0
        self.lasting: defaultdict[Attribute, list[Any]] = defaultdict(list)  # values in the present object
        self.normalized = _NormalizedTexts()

    def patch(self, operations: Iterable[Operation]) -> None:
        """Apply all operations in their order; raise what `apply` raises."""
        for operation in operations:
            self.take(operation)

    def take(self, operation: Operation) -> None:
        if operation.path is not None and self.type.tree.is_whole(operation.path):
            if operation.op != "remove":
                self.below_core(operation.op, operation.value)
        elif operation.path is not None:
            self.at_path(operation)
        elif operation.op == "remove":
            raise ScimError(Code.NO_TARGET, "path", "one, since remove needs a target")
        else:
            self.without_path(operation.op, operation.value)
        while self.lasting:
            attribute, values = self.lasting.popitem()
            self.step(operation.op, Target(attribute), attribute.decisive(values))

    def at_path(self, operation: Operation) -> None:
        target = parse_path(operation.path or "", self.type.tree)
        if target is None:
            return
        if isinstance(operation.path, UnresolvedReference):
            raise ScimError(Code.NO_TARGET, target.place, "the bulkId of a POST that succeeded")
        if target.is_read_only:
            raise ScimError(Code.MUTABILITY, target.path, "an attribute that is not read-only")
        if operation.op != "remove" and not operation.has_value and target.attribute.traits.is_clearable:
            raise ScimError(Code.INVALID_VALUE, target.path, f"a value to {operation.op}", "none")
        if operation.op == "remove" and operation.has_value and target.is_list and is_unassigned(operation.value):
            return  # a remove without values removes none, so that no client empties a list with an empty one
        self.step(operation.op, target, operation.value)

    def without_path(self, op: str, value: Any, place: str = "value") -> None:
        """Apply an operation without a path: each name of the value is a path; read-only attributes are skipped.

        The value is one object or a list of objects; `place` is its name in errors. Entra:
        `{"op": "replace", "value": {"name.givenName": "Ada", "urn:…:User:department": "R", "active": false}}`.
        """
        for one in value if isinstance(value, list) and value else (value,):
            self.in_object(op, one, place)

    def in_object(self, op: str, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise ScimError(Code.INVALID_VALUE, place, "an object where there is no path", shown(value))
        for name, inner in value.items():
            self.count_name()
            if self.type.tree.is_whole(name):
                self.below_core(op, inner)
                continue
            try:
                target = parse_path(name, self.type.tree)
            except ScimError:
                continue
            if target and not target.attribute.traits.is_clearable:
                self.lasting[target.attribute].append(inner)
            elif target and not target.is_read_only:
                self.step(op, target, inner)

    def below_core(self, op: str, value: Any) -> None:
        """Apply a value under the core schema's URN as if it had no path."""
        if not is_unassigned(value):
            self.without_path(op, value, self.type.tree.core_urn)

    def count_name(self) -> None:
        """Count one name: in a value without a path it is as much work as an operation, so the limit is the same."""
        self.changes += 1
        if self.changes > bounds.PATCH_OPERATIONS:
            raise ScimError(Code.TOO_MANY, "value", f"at most {bounds.PATCH_OPERATIONS} names in all operations")

    def examine(self, op: str, target: Target, value: Any) -> None:
        """Count the values, present and sent, that an operation examines; each, so that no form of it costs more.

        A `remove` of named values compares each with each, and a filter assigns all sent values to each value that it
        finds. A value counts once for each comparison of the filter. One simple value is as much work as its operation,
        and operations are limited.
        """
        if target.attribute.is_simple:
            return
        present = len(self.values(target.attribute))
        sent = len(value) if isinstance(value, list | dict) else 0
        is_each_with_each = op == "remove" or target.where is not None
        compared = present * (target.comparisons or 1)
        self.count_values(target.path, compared + sent + (present * sent if is_each_with_each else 0))

    def count_values(self, path: str, count: int) -> None:
        self.examined += count
        if self.examined > bounds.PATCH_VALUES_EXAMINED:
            most = f"at most {bounds.PATCH_VALUES_EXAMINED} values, held and given"
            raise ScimError(Code.TOO_MANY, path, f"{most}, in all operations")

    def count_member_comparisons(self, link: LinkChange) -> None:
        """Count the comparisons of filters on members: each examines every member."""
        self.compared += sum(1 for _ in comparisons(link.where)) if link.where else 0
        if self.compared > bounds.PATCH_MEMBER_COMPARISONS:
            most = f"at most {bounds.PATCH_MEMBER_COMPARISONS} comparisons of members"
            raise ScimError(Code.TOO_MANY, "members", f"{most}, in all operations")

    def step(self, op: str, target: Target, value: Any) -> None:
        """Apply one operation to one resolved target; a name in a value without a path or in an extension is one."""
        self.examine(op, target, value)
        value = entra_quirks.correct_value(
            target.part or target.attribute, value, is_one=target.where is not None and target.part is None
        )
        self.change(op, target, value)
        if op != "remove" and not is_unassigned(value):
            is_whole = target.where is None and target.part is None
            self.assigned_paths += target.attribute.assigned_paths(value) if is_whole else [target.place]

    def change(self, op: str, target: Target, value: Any) -> None:
        attribute = target.attribute
        if attribute.traits.storage == "membership":
            link = link_change(op, target, value)
            self.links.append(link)
            self.count_member_comparisons(link)
        elif attribute.name == "schemas":
            return  # derived from the document's values
        elif attribute.is_extension:
            self.change_extension(op, attribute, value)
        elif op == "remove" and attribute.required and not target.part:
            raise ScimError(Code.MUTABILITY, attribute.path, "a required attribute to stay", "remove")
        elif target.where is not None:
            self.change_selected(op, target, target.where, value)
        elif target.part is not None:
            self.change_part(op, attribute, target.part, value)
        else:
            self.change_whole(op, attribute, value)

    def change_extension(self, op: str, extension: Attribute, value: Any) -> None:
        """Change an extension as a whole: its attributes one by one, or remove all of it."""
        if op == "remove" or value in (None, ""):
            if extension.name in self.type.required_extensions:
                raise ScimError(Code.MUTABILITY, extension.path, "a required extension to stay", op)
            self.document.pop(extension.name, None)
        elif isinstance(value, dict):
            for name, inner in value.items():
                self.count_name()
                attribute = extension.sub_attributes.get(name.lower())
                if attribute and not attribute.is_read_only:
                    self.step(op, Target(attribute), inner)
        else:
            raise ScimError(Code.INVALID_VALUE, extension.path, "an object", shown(value))

    def change_whole(self, op: str, attribute: Attribute, value: Any) -> None:
        if attribute.multi_valued and not isinstance(value, list) and not is_unassigned(value):
            value = [value]  # one new value among many (RFC 7644 §3.5.2.1)
        if op == "remove" and attribute.multi_valued and not is_unassigned(value):
            named = [self.normalize(attribute, one) for one in _named(attribute, value)]
            old = self.values(attribute)
            self.store(attribute, [kept for kept in old if not _is_named(self.normalize(attribute, kept), named)])
        elif op == "remove" or (
            is_unassigned(value, is_simple=attribute.is_simple) and not (op == "add" and attribute.multi_valued)
        ):
            self.store(attribute, None)
        elif attribute.type == "complex" and not attribute.multi_valued:
            old = self.values(attribute)
            self.store(attribute, _merged(attribute, old[0] if old else {}, value))
        elif not attribute.multi_valued:
            self.store(attribute, checked(attribute, value))
        elif not is_unassigned(value):
            new = checked(attribute, value)
            self.store(attribute, _joined(self.values(attribute), new) if op == "add" else new)

    def change_part(self, op: str, attribute: Attribute, part: Attribute, value: Any) -> None:
        """Change a sub-attribute of a complex value, or of every value of a multi-valued attribute."""
        new = _new_part(op, part, value)
        self.store_values(attribute, [_with_part(kept, part, new) for kept in self.values(attribute) or [{}]])

    def change_selected(self, op: str, target: Target, where: Node, value: Any) -> None:
        """Change the values that a filter in brackets selects, or a sub-attribute of them (RFC 7644 §3.5.2)."""
        attribute, part = target.attribute, target.part
        values = self.values(attribute)
        compared = [
            {part.name: self.normalize(part, one[part.name]) for part in target.compared_parts if part.name in one}
            for one in values
        ]
        selected = [matches(where, one, in_value=True) for one in compared]
        clears = op == "remove" or is_unassigned(value)
        if not any(selected):
            if not clears:
                self.create_selected(op, target, where, value)
            return
        new = _new_part(op, part, value) if part else {}
        changed = []
        fresh = []
        for one, is_selected in zip(values, selected, strict=True):
            if is_selected:
                if part is None and clears:
                    continue
                one = _with_part(one, part, new) if part else _merged(attribute, one, value)
                if clears and entra_quirks.is_empty_shell(one):
                    continue
                fresh.append(one)
            changed.append(one)
        self.store_values(attribute, _single_primary(changed, fresh))

    def create_selected(self, op: str, target: Target, where: Node, value: Any) -> None:
        """Create the value that the filter did not find, from what the filter demands."""
        attribute, part = target.attribute, target.part
        parts = implied_value(where)
        is_taken = bool(self.values(attribute)) and not attribute.multi_valued
        if parts is None or is_taken or (op == "replace" and not entra_quirks.may_be_created(attribute, parts)):
            raise ScimError(Code.NO_TARGET, target.path, f"a filter that finds a value to {op}, found none")
        added = {name: checked(attribute.sub_attributes[name.lower()], one) for name, one in parts.items()}
        added = _with_part(added, part, _new_part(op, part, value)) if part else _merged(attribute, added, value)
        self.store_values(attribute, _single_primary([*self.values(attribute), added], [added]))

    def normalize(self, attribute: Attribute, value: Any) -> Any:
        """Return a value in comparable form; each text is normalized once in a request."""
        return normalize(attribute, value, self.normalized.__getitem__)

    def values(self, attribute: Attribute) -> list[Any]:
        """Return the values in the document; at most one if the attribute is single-valued."""
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
        if is_unassigned(value) and not attribute.traits.is_clearable:
            return
        if isinstance(value, list) and len(value) > bounds.VALUES_PER_ATTRIBUTE:
            raise ScimError(
                Code.VALUE_TOO_LONG, attribute.path, f"at most {bounds.VALUES_PER_ATTRIBUTE} values", len(value)
            )
        place = self.document
        for urn in attribute.keys[:-1]:
            place = self.document[urn] = {**self.document.get(urn, {})}
        if is_unassigned(value):
            place.pop(attribute.name, None)
        else:
            place[attribute.name] = value


class _NormalizedTexts(dict[str, str]):
    """Texts in comparable form: many operations of one request may examine the same long ones."""

    def __missing__(self, text: str) -> str:
        normalized = self[text] = normalize_text(text)
        return normalized


def _new_part(op: str, part: Attribute, value: Any) -> dict[str, Any]:
    """Return what an operation sets in place of a part; empty if it clears the part. Raises invalidValue."""
    clears = op == "remove" or is_unassigned(value, is_simple=part.is_simple)
    return {} if clears else {part.name: checked(part, value)}


def _with_part(old: Mapping[str, Any], part: Attribute, new: dict[str, Any]) -> dict[str, Any]:
    """Return a complex value with one part changed, without a `$ref` that led to another `value`. Raises mutability."""
    is_other = old.get(part.name) != new.get(part.name)
    if part.traits.mutability == "immutable" and part.name in old and is_other:
        raise ScimError(Code.MUTABILITY, part.path, "an immutable value to stay as it is")
    is_moved = part.name == "value" and is_other
    return {name: one for name, one in old.items() if name != part.name and not (is_moved and name == "$ref")} | new


def _merged(attribute: Attribute, old: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Return a complex value with some parts changed, the others kept; null clears a part, read-only ones stay."""
    if not isinstance(value, dict):
        raise ScimError(Code.INVALID_VALUE, attribute.path, "an object", shown(value))
    merged = dict(old)
    for name, inner in sorted(value.items(), key=lambda named: named[0].lower() != "value"):
        part = attribute.sub_attributes.get(name.lower())
        if part is not None and not part.is_read_only:
            merged = _with_part(merged, part, _new_part("replace", part, inner))
    return merged


def _joined(old: list[Any], new: list[Any]) -> list[Any]:
    """Return values with new ones added: one that is already present is not duplicated (RFC 7644 §3.5.2.1)."""
    joined = {identity(value): value for value in old}
    for value in new:
        same = identity(value)
        joined[same] = {**joined.get(same, {}), **value} if isinstance(value, dict) else value
    return _single_primary(list(joined.values()), [joined[identity(value)] for value in new])


def _single_primary(values: list[Any], fresh: list[Any]) -> list[Any]:
    """Return the values with a new primary one as the only primary (RFC 7644 §3.5.2)."""
    chosen = next((value for value in fresh if isinstance(value, dict) and value.get("primary")), None)
    if chosen is None:
        return values
    return [value if value is chosen or not value.get("primary") else {**value, "primary": False} for value in values]


def _named(attribute: Attribute, values: list[Any]) -> list[Any]:
    """Return the values that a remove names, none of them empty; complex ones by any parts, also by `type` alone."""
    if attribute.type != "complex":
        return list(checked(attribute, values))
    return [parts for one in values if (parts := _merged(attribute, {}, one))]


def _is_named(value: Any, named: list[Any]) -> bool:
    """Return whether one of a remove's values equals the present one in all parts that it names; all normalized."""
    if not isinstance(value, dict):
        return value in named
    return any(one.items() <= value.items() for one in named)
