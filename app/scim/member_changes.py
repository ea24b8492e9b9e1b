"""This module collects the changes of a group's members that a request demands (RFC 7644 §3.5.2).

Members are separate rows (app/store/directory/membership_rows.py), so that adding or removing one never requires the
others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.scim.attribute import is_unassigned
from app.scim.errors import Code, ScimError
from app.scim.filter_match import implied_value
from app.scim.filter_tree import Node, Target
from app.scim.resource_types import checked

Verb = Literal["add", "remove", "replace"]
_VERBS: Mapping[str, Verb] = {"add": "add", "remove": "remove", "replace": "replace"}


@dataclass(frozen=True, slots=True)
class LinkChange:
    """One step on a group's memberships: `ids` to add, to remove or to set, or those that `where` selects.

    `absolute` are those whose `$ref` was a full URL. `where` is for "remove_where" only, and None there for all
    members; its paths start at a member.
    """

    verb: Verb | Literal["remove_where"]
    ids: tuple[str, ...] = ()
    absolute: frozenset[str] = frozenset()
    where: Node | None = None

    @classmethod
    def to_members(cls, verb: Verb, members: Sequence[Mapping[str, Any]]) -> "LinkChange":
        """Return the step for checked values of `members`."""
        absolute = frozenset(member["value"] for member in members if "://" in member.get("$ref", ""))
        return cls(verb, tuple(dict.fromkeys(member["value"] for member in members)), absolute)


def link_change(op: str, target: Target, value: Any) -> LinkChange:
    """Return the membership change that one operation of a PATCH demands. Its value is already normalized.

    Entra: `{"op": "Remove", "path": "members", "value": [{"value": "<id>"}]}` removes these, not all. Raises mutability
    for a change of a member itself, and invalidValue.
    """
    if target.part is not None or (target.where is not None and op != "remove"):
        raise ScimError(
            Code.MUTABILITY, target.path, "whole members to be added or removed, since a member cannot change"
        )
    if op == "remove" and (target.where is not None or value is None):
        parts = implied_value(target.where) if target.where is not None else None
        if parts is not None and parts.keys() == {"value"}:  # one id; any other filter is left to the store
            return LinkChange("remove", (parts["value"],))
        return LinkChange("remove_where", where=target.where)
    members = [] if is_unassigned(value) else checked(target.attribute, value)
    return LinkChange.to_members(_VERBS[op], members)
