"""Who is in which group: rows of their own, so that one member more costs the same whatever the group's size.

Not here: the group's version; the caller says `resources.touch` once when something changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from app import bounds
from app.scim.filter import Node
from app.store import query
from app.store.tables import membership, resource


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group; `type` is None while no resource has that id. `is_absolute` as in `tables.Membership`."""

    id: str
    type: str | None
    is_absolute: bool = False


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member with its document (JSON text), for pages that show names; without both while no resource has that id."""

    id: str
    type: str | None
    document: str | None


@dataclass(frozen=True, slots=True)
class MembersPage:
    """`total` counts all members of the group; `members` are those of this page."""

    total: int
    members: list[ListedMember]


@dataclass(frozen=True, slots=True)
class Membership:
    """A group that a resource is in, with the group's displayName as it was sent."""

    group_id: str
    display_name: str


# Ids travel as one JSON text: a list of parameters would make a new statement for every length of it.
_IDS = select(func.json_each(bindparam("ids")).table_valued("value").c.value)
_IS_MEMBER = (resource.c.id == membership.c.member_id) & resource.c.type.in_(query.MEMBER_TYPES)
_INSERT = insert(membership).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
_GROUPS_OF = (
    select(membership.c.member_id, membership.c.group_id, resource.c.document)
    .join_from(membership, resource, resource.c.id == membership.c.group_id)
    .where(membership.c.member_id.in_(_IDS))
    .order_by(membership.c.group_id)
)
_DELETE = delete(membership).where(membership.c.group_id == bindparam("group_id"), membership.c.member_id.in_(_IDS))


def add_members(
    connection: Connection, group_id: str, ids: Iterable[str], absolute: Collection[str] = frozenset()
) -> int:
    """Adds those that are not members yet, `absolute` ones with that mark; returns how many were added."""
    return sum(
        connection.execute(
            _INSERT, [{"group_id": group_id, "member_id": id, "is_absolute": id in absolute} for id in batch]
        ).rowcount
        for batch in _batches(ids)
    )


def remove_members(connection: Connection, group_id: str, ids: Iterable[str]) -> int:
    """Removes those that are members; returns how many that were."""
    return connection.execute(_DELETE, {"group_id": group_id, "ids": json.dumps(list(ids))}).rowcount


def remove_members_where(connection: Connection, group_id: str, where: Node | None) -> int:
    """Removes the members that fulfil what stands in `members[…]`, or all with None; returns how many that were."""
    statement = delete(membership).where(membership.c.group_id == group_id)
    if where is not None:
        statement = statement.where(query.members_condition(where))
    return connection.execute(statement).rowcount


def replace_members(
    connection: Connection, group_id: str, ids: Iterable[str], absolute: Collection[str] = frozenset()
) -> int:
    """Makes these, and no others, the members; returns how many were added or removed."""
    wanted = dict.fromkeys(ids)
    held = set(connection.execute(select(membership.c.member_id).where(membership.c.group_id == group_id)).scalars())
    removed = remove_members(connection, group_id, held - wanted.keys())
    return removed + add_members(connection, group_id, (id for id in wanted if id not in held), absolute)


def members_of(connection: Connection, group_id: str) -> list[Member]:
    """All members, by id: the order in which they joined is not kept."""
    found = (
        select(membership.c.member_id, resource.c.type, membership.c.is_absolute)
        .join_from(membership, resource, _IS_MEMBER, isouter=True)
        .where(membership.c.group_id == group_id)
        .order_by(membership.c.member_id)
    )
    return [Member(*row) for row in connection.execute(found)]


def count_members(connection: Connection, group_id: str) -> int:
    """How many members a group has."""
    total: int = connection.execute(
        select(func.count()).select_from(membership).where(membership.c.group_id == group_id)
    ).scalar_one()
    return total


def members_page(connection: Connection, group_id: str, start_index: int, count: int) -> MembersPage:
    """At most `count` members from the `start_index`-th on (1-based), by id."""
    found = (
        select(membership.c.member_id, resource.c.type, resource.c.document)
        .join_from(membership, resource, _IS_MEMBER, isouter=True)
        .where(membership.c.group_id == group_id)
        .order_by(membership.c.member_id)
        .limit(count)
        .offset(max(start_index, 1) - 1)
    )
    members = [ListedMember(id, type, document) for id, type, document in connection.execute(found)]
    return MembersPage(count_members(connection, group_id), members)


def groups_of(connection: Connection, resource_ids: Sequence[str]) -> dict[str, list[Membership]]:
    """The groups that each of these resources is directly in, by group id; an empty list for one that is in none."""
    groups: dict[str, list[Membership]] = {id: [] for id in resource_ids}
    names: dict[str, str] = {}
    for member_id, group_id, document in connection.execute(_GROUPS_OF, {"ids": json.dumps(list(groups))}):
        if group_id not in names:
            names[group_id] = json.loads(document)["displayName"]
        groups[member_id].append(Membership(group_id, names[group_id]))
    return groups


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in portions that fit one statement."""
    remaining = iter(ids)
    while batch := list(islice(remaining, bounds.IDS_PER_STATEMENT)):
        yield batch
