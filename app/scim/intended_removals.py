"""This module reads from a request which access it was meant to remove, also if the request is refused.

See also: docs/decisions/0036-a-refused-disable-is-shown-first.md (why), disabling.py (what is not refused).
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal
from urllib.parse import unquote

from app import bounds
from app.scim.bulk_message import BulkOperation, read_operation
from app.scim.errors import ScimError
from app.scim.member_changes import LinkChange
from app.scim.patch import Patch
from app.scim.protocol_messages import Operation, read_patch
from app.scim.resource_types import GROUP, USER, ResourceType

Purpose = Literal["disable", "delete", "leave"]
"""The intended effect on a user: leave means to leave a group."""

_ACTIVE, _MEMBERS = "active", "members"
_EVERYBODY = LinkChange("remove_where")


@dataclass(frozen=True, slots=True)
class AccessRemoval:
    """The access that one request was meant to remove.

    `id` is the user's. For "leave" it is the group's, and `links` are the steps on its members, in their order.
    """

    purpose: Purpose
    id: str
    links: tuple[LinkChange, ...] = ()


def removal_of(resource_type: str, method: str, resource_id: str, body: Any) -> AccessRemoval | None:
    """Return what a request for one resource was meant to remove, or None if nothing, or if it cannot be read.

    `body` is the JSON as it was sent. Only the invalid parts of it are ignored; the rest is read by the rules of an
    accepted request.
    """
    if not resource_id:
        return None
    if resource_type == USER.name:
        if method == "DELETE":
            return AccessRemoval("delete", resource_id)
        return AccessRemoval("disable", resource_id) if _disables(method, body) else None
    if resource_type == GROUP.name:
        links = (_EVERYBODY,) if method == "DELETE" else tuple(_links(method, body))
        return AccessRemoval("leave", resource_id, links) if any(link.verb != "add" for link in links) else None
    return None


def removals_of_bulk(operations: Iterable[BulkOperation]) -> Iterator[AccessRemoval]:
    """Yield what unprocessed operations of a bulk request were meant to remove."""
    for operation in islice(operations, bounds.REFUSED_OPERATIONS_READ):
        *_, endpoint, resource_id = ("", "", *operation.path.rstrip("/").split("/"))
        resource_type = next((one.name for one in (USER, GROUP) if one.endpoint == f"/{endpoint}"), "")
        if removal := removal_of(resource_type, operation.method, unquote(resource_id), operation.body):
            yield removal


def bulk_operations(body: Any) -> list[BulkOperation]:
    """Return the operations of a bulk message that is refused as a whole; none if they cannot be read."""
    return [read_operation(one) for one in _operations(body)]


def _operations(body: Any) -> list[Any]:
    """Return `Operations` of a message, matched case-insensitively."""
    named = body.items() if isinstance(body, dict) else ()
    operations = next((value for name, value in named if name.lower() == "operations"), None)
    return operations[: bounds.REFUSED_OPERATIONS_READ] if isinstance(operations, list) else []


def _disables(method: str, body: Any) -> bool:
    """Return whether the last readable value of `active` is false."""
    for operation in reversed(list(_about(USER, _ACTIVE, method, body))):
        with suppress(ScimError):
            patch = Patch(USER, {})
            patch.take(operation)
            if _ACTIVE in patch.document:
                return patch.document[_ACTIVE] is False
    return False


def _links(method: str, body: Any) -> Iterator[LinkChange]:
    """Yield the readable steps on a group's members."""
    operations = list(_about(GROUP, _MEMBERS, method, body))
    if method == "PUT" and isinstance(body, dict) and not operations:
        operations = [Operation("replace", _MEMBERS, [])]  # PUT clears what it leaves out
    for operation in operations:
        try:
            yield from _link(operation)
        except ScimError:
            if operation.op != "remove" or not isinstance(operation.value, list):
                continue  # the members to keep, or the whole intention, are unknown
            for value in operation.value[: bounds.REFUSED_OPERATIONS_READ]:
                with suppress(ScimError):
                    yield from _link(Operation("remove", operation.path, [value]))


def _link(operation: Operation) -> list[LinkChange]:
    patch = Patch(GROUP, {})
    patch.take(operation)
    return patch.links


def _about(resource_type: ResourceType, attribute: str, method: str, body: Any) -> Iterator[Operation]:
    """Yield the readable operations that name one attribute, each for that alone; PUT is read as `replace`."""
    if method == "PUT":
        placed = resource_type.tree.placed(body) if isinstance(body, dict) else {}
        yield from _without_path(resource_type, attribute, "replace", placed)
    elif method == "PATCH":
        for one in _operations(body):
            with suppress(ScimError):
                (operation,) = read_patch({"Operations": [one]})
                if operation.path is None or resource_type.tree.is_whole(operation.path):
                    yield from _without_path(resource_type, attribute, operation.op, operation.value)
                elif attribute in operation.path.lower():
                    yield operation


def _without_path(resource_type: ResourceType, attribute: str, op: str, value: Any) -> Iterator[Operation]:
    """Yield the operations on one attribute in a value without a path.

    Entra: `{"op": "replace", "value": {"title": …, "active": false}}`, also below the URN of the core schema. A false
    is last, since it wins over other values in the same object.
    """
    declared = resource_type.tree.core[attribute]
    named = resource_type.tree.named(value) if op != "remove" else ()
    values = [inner for name, inner, _ in named if resource_type.tree.find(name) == (declared,)]
    for inner in sorted(values, key=declared.says_false):
        yield Operation(op, attribute, inner, has_null=inner is None)
