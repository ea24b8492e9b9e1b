"""Provisioning: what a client may do with resources, one function a verb, one transaction each (RFC 7644 §3).

It joins the SCIM rules to the store. Not here: HTTP, and how anything is stored.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.scim import entra, mutability, patch
from app.scim.links import LinkChange
from app.scim.messages import Operation
from app.scim.precondition import NONE, Precondition
from app.scim.projection import EVERYTHING, Selection, reference
from app.scim.resource_types import GROUP, RESOURCE_TYPES, ResourceType
from app.scim.search import Place, Search
from app.store import db, memberships, pages, resources
from app.store.db import Connection
from app.store.memberships import Member, Membership, MembersPage
from app.store.resources import Record

_MEMBER_TYPES: Mapping[str, ResourceType] = {resource_type.name: resource_type for resource_type in RESOURCE_TYPES}


@dataclass(frozen=True, slots=True)
class Resource:
    """A record, and where asked for the values that have rows of their own: a group's `members`, a user's `groups`."""

    type: ResourceType
    record: Record
    memberships: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search, and how many fulfil it in all. By cursor, `end` is where more begin, if there are more."""

    total: int
    resources: list[Resource]
    end: Place | None = None


def new_id() -> str:
    """An identifier that no resource has had."""
    return str(uuid.uuid4())


def create(
    resource_type: ResourceType, body: Any, selection: Selection = EVERYTHING, resource_id: str | None = None
) -> Resource:
    """A new resource (RFC 7644 §3.3) with an id of ours; `resource_id` is one from `new_id` that was told before.

    Raises invalidSyntax, invalidValue, uniqueness.
    """
    document = resource_type.load(entra.mend_document(resource_type.tree, body))
    members = LinkChange.to_members("add", _pop_members(resource_type, document))
    document = _with_id(document, resource_id or new_id())
    with db.writing() as connection:
        record = resources.insert(connection, resource_type, document)
        _relate(connection, record.id, members)
        return _resources(connection, resource_type, [record], selection)[0]


def get(resource_type: ResourceType, resource_id: str, selection: Selection = EVERYTHING) -> Resource:
    """One resource (RFC 7644 §3.4.1). Raises 404."""
    with db.reading() as connection:
        record = resources.load(connection, resource_type, resource_id)
        return _resources(connection, resource_type, [record], selection)[0]


def search(asked: Search, selections: Mapping[str, Selection]) -> Found:
    """A page of a list, in a stable order; disabled users are found as well.

    `selections`: what is wanted of a resource, by the name of its type. Raises invalidFilter.
    """
    with db.reading() as connection:
        page = pages.find(connection, asked)
        found: dict[str, Resource] = {}
        for resource_type in (sought.resource_type for sought in asked.sought):
            records = [record for record in page.records if record.type == resource_type.name]
            of_type = _resources(connection, resource_type, records, selections[resource_type.name])
            found |= {resource.record.id: resource for resource in of_type}
        return Found(page.total, [found[record.id] for record in page.records], page.end)


def replace(
    resource_type: ResourceType,
    resource_id: str,
    body: Any,
    precondition: Precondition = NONE,
    selection: Selection = EVERYTHING,
) -> Resource:
    """PUT (RFC 7644 §3.5.1): what the body leaves out is cleared, what is read-only stays as it is.

    Raises 404, 412, invalidSyntax, invalidValue, mutability, uniqueness.
    """
    document = resource_type.load(entra.mend_document(resource_type.tree, body))
    members = LinkChange.to_members("replace", _pop_members(resource_type, document))
    links = (members,) if resource_type.has_members else ()
    with db.writing() as connection:
        before = resources.load(connection, resource_type, resource_id)
        precondition.check(before.version)
        if resource_type.keeps_values:
            held = json.loads(before.document)
            document = resource_type.load(mutability.kept(resource_type.attributes, held, document))
            mutability.check(resource_type.attributes, held, document)
        record = _save(connection, resource_type, before, document, links)
        return _resources(connection, resource_type, [record], selection)[0]


def change(
    resource_type: ResourceType,
    resource_id: str,
    operations: Sequence[Operation],
    precondition: Precondition = NONE,
    selection: Selection = EVERYTHING,
) -> Resource:
    """PATCH (RFC 7644 §3.5.2): all operations or none. A change that changes nothing leaves the version alone.

    Members that are not named are neither loaded nor checked. Raises 404, 412 and what `patch.apply` raises.
    """
    with db.writing() as connection:
        before = resources.load(connection, resource_type, resource_id)
        precondition.check(before.version)
        document = json.loads(before.document)
        changed, links = patch.apply(resource_type, document, operations)
        if changed == document:
            changed = document  # the same values in another order are no change
        else:
            changed = resource_type.load(changed, before=document)
            mutability.check(resource_type.attributes, document, changed)
        record = _save(connection, resource_type, before, changed, links)
        return _resources(connection, resource_type, [record], selection)[0]


def delete(resource_type: ResourceType, resource_id: str, precondition: Precondition = NONE) -> None:
    """DELETE (RFC 7644 §3.6): the resource is gone, and from every group that it was in. Raises 404, 412."""
    with db.writing() as connection:
        record = resources.load(connection, resource_type, resource_id)
        precondition.check(record.version)
        resources.delete(connection, resource_type, record)


def members_page(group_id: str, start_index: int, count: int) -> MembersPage:
    """A page of a group's members with their documents, by id; ids that nobody has are among them."""
    with db.reading() as connection:
        return memberships.members_page(connection, group_id, start_index, count)


def _pop_members(resource_type: ResourceType, document: dict[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Takes the members, which have rows of their own, out of a loaded document; a custom type may keep its own."""
    membership = resource_type.membership
    return document.pop(membership.name, ()) if membership and not membership.is_read_only else ()


def _save(
    connection: Connection,
    resource_type: ResourceType,
    before: Record,
    document: dict[str, Any],
    links: Sequence[LinkChange],
) -> Record:
    record = resources.save(connection, resource_type, before, _with_id(document, before.id))
    moved = sum(_relate(connection, before.id, link) for link in links)
    return resources.touch(connection, record) if moved and record.version == before.version else record


def _relate(connection: Connection, group_id: str, link: LinkChange) -> int:
    """One step on a group's memberships; how many rows it changed."""
    match link.verb:
        case "add":
            return memberships.add_members(connection, group_id, link.ids, link.absolute)
        case "remove":
            return memberships.remove_members(connection, group_id, link.ids)
        case "replace":
            return memberships.replace_members(connection, group_id, link.ids, link.absolute)
        case "remove_where":
            return memberships.remove_members_where(connection, group_id, link.where)


def _with_id(document: dict[str, Any], resource_id: str) -> dict[str, Any]:
    return {"schemas": document["schemas"], "id": resource_id} | document


def _resources(
    connection: Connection, resource_type: ResourceType, records: Sequence[Record], selection: Selection
) -> list[Resource]:
    """Records with the memberships that the selection asks for; others are not read."""
    membership = resource_type.membership
    if membership is None or not selection.wants(membership):
        return [Resource(resource_type, record) for record in records]
    if resource_type.has_members:
        values = {record.id: _members(connection, record.id) for record in records}
    else:
        groups = memberships.groups_of(connection, [record.id for record in records])
        values = {resource_id: [_group_value(group) for group in found] for resource_id, found in groups.items()}
    return [Resource(resource_type, record, {membership.name: values[record.id]}) for record in records]


def _group_value(group: Membership) -> dict[str, Any]:
    return {
        "value": group.group_id,
        "$ref": reference(GROUP, group.group_id),
        "display": group.display_name,
        "type": "direct",
    }


def _members(connection: Connection, group_id: str) -> list[dict[str, Any]]:
    """The values of `members`; somebody who is not known here has only the `value` that was sent."""
    return [_member_value(member) for member in memberships.members_of(connection, group_id)]


def _member_value(member: Member) -> dict[str, Any]:
    resource_type = _MEMBER_TYPES.get(member.type or "")
    if resource_type is None:
        return {"value": member.id}
    ref = reference(resource_type, member.id, is_absolute=member.is_absolute)
    return {"value": member.id, "$ref": ref, "type": member.type}
