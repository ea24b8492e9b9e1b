"""This module applies a request that disables a user, and leaves out only the values that are refused.

See also: docs/decisions/0031-a-disable-is-not-lost.md (why), patch.py (a PATCH as a whole).
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from app import bounds
from app.scim import mutability
from app.scim.attribute import Attribute, by_name, is_unassigned, is_within
from app.scim.errors import Code, ScimError, detach, shown
from app.scim.filter_tree import Target
from app.scim.patch import Patch
from app.scim.projection import compact
from app.scim.protocol_messages import Operation
from app.scim.resource_types import USER, ResourceType, checked, is_active


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One value that was not stored, and why; `path` is its place, like `emails[type eq "work"].value`."""

    path: str
    error: ScimError


@dataclass(frozen=True, slots=True)
class _Step:
    """One applied operation: `after` is the top attribute or extension as the operation left it."""

    path: str
    act: Callable[[], None]
    after: Any


def may_leave_out(resource_type: ResourceType, refusal: ScimError) -> bool:
    """Return whether the refused value can be left out if the request disables the resource; only for a user."""
    return resource_type.name == USER.name and refusal.code.is_separable


class Disabling(Patch):
    """A user's document during a request whose refused values are left out, each alone.

    `before` is the document before the request. `check_unique` raises `uniqueness` for a document with a value that
    another user has. Call `patch` or `replace`, then read `disables`, then call `settle`.
    """

    def __init__(
        self, resource_type: ResourceType, before: Mapping[str, Any], check_unique: Callable[[Mapping[str, Any]], None]
    ) -> None:
        super().__init__(resource_type, before)
        self.before = before
        self.check_unique = check_unique
        self.left_out: list[LeftOut] = []
        self.steps: defaultdict[str, list[_Step]] = defaultdict(list)
        self.settled: dict[str, Any] = {}

    @property
    def disables(self) -> bool:
        """Whether the user was active before, and is not after all operations in their order."""
        return is_active(self.before) and not is_active(self.document)

    def take(self, operation: Operation) -> None:
        with self._leaving_out(path_text=operation.path or ""):
            super().take(operation)

    def step(self, op: str, target: Target, value: Any) -> None:
        if target.attribute.is_extension and op != "remove" and isinstance(value, dict | list):
            with self._leaving_out(target.place):
                super().step(op, target, value)  # each attribute of it is a step of its own
            return
        self._do(target.place, target.attribute, lambda: super(Disabling, self).step(op, target, value))

    def in_object(self, op: str, value: Any, place: str) -> None:
        with self._leaving_out(place):
            super().in_object(op, value, place)

    def replace(self, body: Mapping[str, Any]) -> None:
        """Apply a PUT with a normalized body: every attribute gets its value from it, or loses its present value."""
        for attribute, values in self._named(body):
            self._do(attribute.path, attribute, partial(self._put, attribute, values))

    def settle(self) -> dict[str, Any]:
        """Return the whole document to store; from now on `left_out` and `assigned_paths` are final.

        A value that is possible alone may be impossible in the result: not unique, required but gone, immutable but
        changed, or too large. Raises tooMany if that requires examining too many values.
        """
        self.examined = 0
        for unit in self.steps:
            self._settle_unit(unit)
        document = self._whole()
        while len(compact(document).encode()) > bounds.DOCUMENT_BYTES and (largest := self._largest_growth()):
            most = f"at most {bounds.DOCUMENT_BYTES} bytes of JSON in the whole resource"
            paths = dict.fromkeys(one.path for one in self.steps[largest])
            self.left_out += [LeftOut(path, ScimError(Code.VALUE_TOO_LONG, path, most)) for path in paths]
            del self.settled[largest]
            document = self._whole()
        self.assigned_paths = [
            path for path in self.assigned_paths if not any(is_within(path, one.path) for one in self.left_out)
        ]
        return document

    def _do(self, path: str, attribute: Attribute, act: Callable[[], None]) -> None:
        """Apply one step, or record that it is left out."""
        unit = attribute.keys[0]
        with self._leaving_out(path):
            act()
            self.steps[unit].append(_Step(path, act, copy.copy(self.document.get(unit))))

    @contextmanager
    def _leaving_out(self, path: str = "", path_text: str = "") -> Iterator[None]:
        """Record a refusal; `path` is the affected path, `path_text` the same if it could not be read."""
        try:
            yield
        except ScimError as error:
            if not error.code.is_separable:
                raise
            is_unread = error.scim_type in ("invalidFilter", "invalidPath")
            self.left_out.append(LeftOut(path or (path_text if is_unread else error.mismatch.attribute), detach(error)))

    def _named(self, body: Mapping[str, Any]) -> Iterator[tuple[Attribute, list[Any]]]:
        """Yield every writable attribute with the values that a body has for it, matched case-insensitively."""
        named = by_name(body)
        for attribute in self.type.tree.core.values():
            if not attribute.is_read_only and attribute.name != "schemas":
                yield attribute, named[attribute.name.lower()]
        for extension in self.type.tree.extensions.values():
            parts = [{} if is_unassigned(part) else part for part in named[extension.name.lower()]] or [{}]
            if len(parts) > 1 or not isinstance(parts[0], dict):
                wrong = ScimError(Code.INVALID_VALUE, extension.path, "one object", shown(parts[-1]))
                self.left_out.append(LeftOut(extension.path, wrong))
                continue
            inner = by_name(parts[0])
            for attribute in extension.sub_attributes.values():
                if not attribute.is_read_only:
                    yield attribute, inner[attribute.name.lower()]

    def _put(self, attribute: Attribute, values: Sequence[Any]) -> None:
        if len(values) > 1:
            raise ScimError(Code.INVALID_VALUE, attribute.path, "once", "twice in different letter case")
        value = values[0] if values else None
        new = {} if is_unassigned(value, is_simple=attribute.is_simple) else {attribute.name: checked(attribute, value)}
        scope: Mapping[str, Any] = self.before
        for key in attribute.keys[:-1]:
            scope = scope.get(key) or {}
        self.store(attribute, mutability.replacement([attribute], scope, new).get(attribute.name))
        self.assigned_paths += attribute.assigned_paths(value)

    def _settle_unit(self, unit: str) -> None:
        """Set one top attribute or extension to the last possible value of it.

        Its last steps are undone until it is possible. Then the steps after the one that made it impossible are tried
        again.
        """
        steps, undone = self.steps[unit], []
        while self._refusal(unit) and steps:
            undone.append(steps.pop())
            self._restore(unit, steps[-1].after if steps else self.before.get(unit))
        for step in reversed(undone):
            before = copy.copy(self.document.get(unit))
            with self._leaving_out(step.path):
                step.act()
                if refusal := self._refusal(unit):
                    self._restore(unit, before)
                    raise refusal
                steps.append(step)

    def _refusal(self, unit: str) -> ScimError | None:
        """Return why a top attribute or extension has an impossible value, or None; a possible value is settled."""
        old, new = ({unit: document[unit]} if unit in document else {} for document in (self.before, self.document))
        if old == new:
            self.settled.pop(unit, None)
            return None
        parts = new[unit].values() if isinstance(new.get(unit), dict) else new.values()
        self.count_values(unit, sum(len(part) if isinstance(part, list) else 1 for part in parts))
        try:
            loaded = self.type.load(new, old)
            mutability.check(self.type.attributes, old, loaded)
            self.check_unique(loaded)
        except ScimError as error:
            return detach(error)
        self.settled[unit] = loaded.get(unit)
        return None

    def _restore(self, unit: str, value: Any) -> None:
        self.document.pop(unit, None)
        if value is not None:
            self.document[unit] = copy.copy(value)

    def _whole(self) -> dict[str, Any]:
        """Return the original document with all settled values, in declared order."""
        values = {**self.before, **self.settled}
        values["schemas"] = self.type.urns_of(values)
        return {one.name: values[one.name] for one in self.type.attributes if values.get(one.name) is not None}

    def _largest_growth(self) -> str | None:
        """Return the unit that grew most, without `active`; None if none has grown."""

        def growth(unit: str) -> int:
            return len(compact(self.settled[unit])) - len(compact(self.before.get(unit)))

        grown = [unit for unit in self.settled if unit != "active" and growth(unit) > 0]
        return max(grown, key=growth, default=None)
