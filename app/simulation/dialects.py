"""This module writes PATCH bodies in Entra's two styles, with and without `aadOptscim062020`.

The default one is used without a flag and always for provision on demand. The other one requires `?aadOptscim062020` at
the end of the Tenant URL and is closer to RFC 7644 §3.5.2.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.simulation.mapping import MANAGER, Value, is_value_path

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

Body = dict[str, Any]


def patch(*operations: Mapping[str, Any]) -> Body:
    """Return a PATCH body with these operations (RFC 7644 §3.5.2)."""
    return {"schemas": [PATCH_SCHEMA], "Operations": [dict(operation) for operation in operations]}


@dataclass(frozen=True)
class Dialect(ABC):
    """One style of PATCH bodies; `name` is its name on the command line."""

    name: str

    @abstractmethod
    def change(self, changed: Mapping[str, Value | None], shown: Collection[str] = ()) -> Body:
        """Return a PATCH of changed target attributes, None for null; `shown` had a value when last read."""

    def manager(self, manager_id: str) -> Body:
        return self.change({MANAGER: manager_id})

    @abstractmethod
    def add_members(self, ids: Sequence[str]) -> Body:
        """Return a PATCH that adds these members, some of whom may already be members."""

    @abstractmethod
    def remove_members(self, ids: Sequence[str]) -> Body:
        """Return a PATCH that removes these members, and no others."""


class DefaultDialect(Dialect):
    """The default style: one capitalized operation for each attribute, booleans as text."""

    def change(self, changed: Mapping[str, Value | None], shown: Collection[str] = ()) -> Body:
        return patch(
            *(
                {
                    "op": "Replace" if path in shown else "Add",
                    "path": path,
                    "value": str(value) if isinstance(value, bool) else value,
                }
                for path, value in changed.items()
            )
        )

    def add_members(self, ids: Sequence[str]) -> Body:
        return patch({"op": "Add", "path": "members", "value": [{"$ref": None, "value": one} for one in ids]})

    def remove_members(self, ids: Sequence[str]) -> Body:
        return patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": one} for one in ids]})


class CompliantDialect(Dialect):
    """One operation without a path, with dotted and URN-qualified keys, and one for each attribute inside a list."""

    def change(self, changed: Mapping[str, Value | None], shown: Collection[str] = ()) -> Body:
        operations: list[dict[str, Any]] = [
            {"op": "replace" if path in shown else "add", "path": path, "value": value}
            for path, value in changed.items()
            if is_value_path(path)
        ]
        if rest := {path: value for path, value in changed.items() if not is_value_path(path)}:
            operations.append({"op": "replace", "value": rest})
        return patch(*operations)

    def add_members(self, ids: Sequence[str]) -> Body:
        return patch({"op": "add", "path": "members", "value": [{"value": one} for one in ids]})

    def remove_members(self, ids: Sequence[str]) -> Body:
        return patch(*({"op": "remove", "path": f'members[value eq "{one}"]'} for one in ids))


DEFAULT = DefaultDialect("default")
COMPLIANT = CompliantDialect("compliant")
DIALECTS: Mapping[str, tuple[Dialect, ...]] = {
    "default": (DEFAULT,),
    "compliant": (COMPLIANT,),
    "both": (DEFAULT, COMPLIANT),
}
