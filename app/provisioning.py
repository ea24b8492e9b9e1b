"""Provisioning: what a client may do with resources, one function a verb, one transaction each (RFC 7644 §3).

It joins the SCIM rules to the store. Not here: HTTP, and how anything is stored.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import bounds
from app.scim import entra, patch
from app.scim.attribute import Attribute
from app.scim.filter import Node
from app.scim.links import LinkChange
from app.scim.messages import Operation
from app.scim.precondition import NONE, Precondition
from app.scim.projection import EVERYTHING, Selection, reference
from app.scim.resource_types import GROUP, RESOURCE_TYPES, ResourceType
from app.store import db, memberships, pages, resources
from app.store.db import Connection
from app.store.memberships import Member, Membership, MembersPage
from app.store.pages import Order
from app.store.resources import Record

_MEMBER_TYPES: Mapping[str, ResourceType] = {resource_type.name: resource_type for resource_type in RESOURCE_TYPES}


@dataclass(frozen=True, slots=True)
class Resource:
    """A record, and where asked for the values that have rows of their own: a group's `members`, a user's `groups`."""

    type: ResourceType
    record: Record
    memberships: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """What a search asks for (RFC 7644 §3.4.2).

    `sort_by` is the way to the attribute that gives the order, `start_index` counts from 1, `count` is a page's size.
    """

    where: Node | None = None
    sort_by: tuple[Attribute, ...] | None = None
    is_descending: bool = False
    start_index: int = 1
    count: int = bounds.PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search, and how many fulfil it in all."""

    total: int
    resources: list[Resource]


def create(resource_type: ResourceType, body: Any, selection: Selection = EVERYTHING) -> Resource:
    """A new resource with an id of ours (RFC 7644 §3.3). Raises invalidSyntax, invalidValue, uniqueness."""
    document = resource_type.load(entra.mend_document(resource_type.tree, body))
    members = LinkChange.to_members("add", document.pop("members", ()))
    document = _with_id(document, str(uuid.uuid4()))
    with db.writing() as connection:
        record = resources.insert(connection, resource_type, document)
        _relate(connection, record.id, members)
        return _resources(connection, resource_type, [record], selection)[0]


def get(resource_type: ResourceType, resource_id: str, selection: Selection = EVERYTHING) -> Resource:
    """One resource (RFC 7644 §3.4.1). Raises 404."""
    with db.reading() as connection:
        record = resources.load(connection, resource_type, resource_id)
        return _resources(connection, resource_type, [record], selection)[0]


def search(resource_type: ResourceType, query: Query, selection: Selection = EVERYTHING) -> Found:
    """A page of the resources that fulfil the query, in a stable order; disabled users are found as well."""
    order = Order(query.sort_by, query.is_descending) if query.sort_by else None
    with db.reading() as connection:
        page = pages.page(connection, resource_type, query.where, order, query.start_index, query.count)
        return Found(page.total, _resources(connection, resource_type, page.records, selection))


def replace(
    resource_type: ResourceType,
    resource_id: str,
    body: Any,
    precondition: Precondition = NONE,
    selection: Selection = EVERYTHING,
) -> Resource:
    """PUT (RFC 7644 §3.5.1): what the body leaves out is cleared, what is read-only stays as it is.

    Raises 404, 412, invalidSyntax, invalidValue, uniqueness.
    """
    document = resource_type.load(entra.mend_document(resource_type.tree, body))
    members = LinkChange.to_members("replace", document.pop("members", ()))
    links = (members,) if resource_type.has_members else ()
    with db.writing() as connection:
        before = resources.load(connection, resource_type, resource_id)
        precondition.check(before.version)
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
        if changed != document:
            changed = resource_type.load(changed)
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
    if member.type is None:
        return {"value": member.id}
    ref = reference(_MEMBER_TYPES[member.type], member.id, is_absolute=member.is_absolute)
    return {"value": member.id, "$ref": ref, "type": member.type}
