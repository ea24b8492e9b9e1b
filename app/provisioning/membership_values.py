"""This module loads the values of a group's `members` and of a user's `groups`.

See also: app/store/directory/membership_rows.py (the rows), resource_operations.py (the operations).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.scim.projection import reference
from app.scim.resource_types import GROUP, RESOURCE_TYPES, ResourceType
from app.store.database.directory_database import Connection
from app.store.directory import membership_rows
from app.store.directory.membership_rows import MemberRow, Membership
from app.store.directory.stored_resource import Record

_MEMBER_TYPES: Mapping[str, ResourceType] = {resource_type.name: resource_type for resource_type in RESOURCE_TYPES}


def load(
    connection: Connection, resource_type: ResourceType, records: Sequence[Record]
) -> dict[str, list[dict[str, Any]]]:
    """Return the values of `members` or `groups`, whichever the resources of this type have, by the resources' ids."""
    if resource_type.has_members:
        return {one.id: _members(connection, one.id) if one.members else [] for one in records}
    groups = membership_rows.groups_of(connection, [one.id for one in records])
    return {resource_id: [_group_value(one) for one in of_one] for resource_id, of_one in groups.items()}


def _group_value(group: Membership) -> dict[str, Any]:
    return {
        "value": group.group_id,
        "$ref": reference(GROUP, group.group_id),
        "display": group.display_name,
        "type": "direct",
    }


def _members(connection: Connection, group_id: str) -> list[dict[str, Any]]:
    """Return the values of `members`; a member that is not known here has only the `value` that was sent."""
    return [_member_value(member) for member in membership_rows.members_of(connection, group_id)]


def _member_value(member: MemberRow) -> dict[str, Any]:
    resource_type = _MEMBER_TYPES.get(member.type or "")
    if resource_type is None:
        return {"value": member.id}
    ref = reference(resource_type, member.id, is_absolute=member.is_absolute)
    return {"value": member.id, "$ref": ref, "display": member.display, "type": member.type}
