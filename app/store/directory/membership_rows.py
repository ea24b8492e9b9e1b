"""This module stores who is a member of which group."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from app import bounds
from app.scim.filter_tree import Node
from app.scim.member_changes import LinkChange
from app.scim.resource_types import GROUP, RESOURCE_TYPES
from app.store.database.connection import Connection
from app.store.database.list_parameter import many_named
from app.store.directory import filter_sql
from app.store.directory.tables import membership, resource


def group_value(group: FromClause) -> ColumnElement[str]:
    """Return one value of `groups` as JSON text, for a row of `resource` or of an alias of it."""
    name = func.json_extract(group.c.document, "$.displayName")
    reference = f"{GROUP.endpoint[1:]}/" + group.c.id
    return func.json_object("value", group.c.id, "$ref", reference, "display", name, "type", "direct")


# Ids are passed as one JSON text: a list of parameters would make a new statement for every length. They are sorted,
# because rows in the order of the index are written several times as fast.
_IDS = many_named("ids")
_IS_MEMBER = (resource.c.id == membership.c.member_id) & resource.c.type.in_(filter_sql.MEMBER_TYPES)
_joining = func.json_each(bindparam("joining")).table_valued("value").c.value
_INSERT = (
    insert(membership)
    .from_select(
        ["group_id", "member_id", "is_absolute", "is_unresolved"],
        select(
            bindparam("to_group"),
            _joining,
            _joining.in_(many_named("absolute")),
            ~exists().where(resource.c.id == _joining, resource.c.type.in_(filter_sql.MEMBER_TYPES)),
        ).where(true()),  # SQLite would read ON CONFLICT after a bare table as the condition of a join.
    )
    .on_conflict_do_nothing()
    .returning(membership.c.member_id)
)
_member_value = case(
    (resource.c.id.is_(None), func.json_object("value", membership.c.member_id)),
    else_=func.json_object(
        "value",
        membership.c.member_id,
        "$ref",
        case((membership.c.is_absolute == true(), "/"), else_="")
        + case({known.name: known.endpoint[1:] + "/" for known in RESOURCE_TYPES}, value=resource.c.type)
        + membership.c.member_id,
        "display",
        filter_sql.displayed(resource.c.document),
        "type",
        resource.c.type,
    ),
)
_portion = (
    select(membership.c.member_id, _member_value.label("text"))
    .join_from(membership, resource, _IS_MEMBER, isouter=True)
    .where(membership.c.group_id == bindparam("group_id"), membership.c.member_id > bindparam("after"))
    .order_by(membership.c.member_id)
    .limit(bindparam("count"))
    .subquery()
)
_PORTION = select(func.group_concat(_portion.c.text, ","), func.max(_portion.c.member_id), func.count())
_GROUP_IDS_OF = (
    select(membership.c.member_id, func.group_concat(membership.c.group_id, ","))
    .where(membership.c.member_id.in_(_IDS))
    .group_by(membership.c.member_id)
)
_GROUP_VALUES = select(resource.c.id, group_value(resource)).where(resource.c.id.in_(_IDS))
_RESOLVE = update(membership).values(is_unresolved=False).where(membership.c.member_id == bindparam("id"))
# As text: only INDEXED BY makes SQLite read the partial index instead of all members.
_UNRESOLVED = text("""SELECT group_id, count(*) FROM membership INDEXED BY membership_unresolved
    WHERE group_id IN (SELECT value FROM json_each(:ids)) AND is_unresolved = 1 GROUP BY group_id""")
_DELETE = (
    delete(membership)
    .where(membership.c.group_id == bindparam("group_id"), membership.c.member_id.in_(_IDS))
    .returning(membership.c.member_id)
)

_DELETE_OTHERS = (
    delete(membership)
    .where(membership.c.group_id == bindparam("group_id"), membership.c.member_id.not_in(_IDS))
    .returning(membership.c.member_id)
)


def add_members(
    connection: Connection, group_id: str, ids: Iterable[str], absolute: Collection[str] = frozenset()
) -> frozenset[str]:
    """Add those that are not members yet, with the mark for `absolute` ones; return the added ids."""
    lists = {"joining": json.dumps(sorted(ids)), "absolute": json.dumps(list(absolute))}
    return _members(connection, _INSERT, {"to_group": group_id, **lists})


def remove_members(connection: Connection, group_id: str, ids: Iterable[str]) -> frozenset[str]:
    """Remove those that are members; return the removed ids."""
    return _members(connection, _DELETE, {"group_id": group_id, "ids": json.dumps(list(ids))})


def remove_members_where(connection: Connection, group_id: str, where: Node | None) -> frozenset[str]:
    """Remove the members that match the filter in `members[…]`, or all with None; return the removed ids."""
    statement = delete(membership).where(membership.c.group_id == group_id)
    if where is not None:
        statement = statement.where(filter_sql.members_condition(where))
    return _members(connection, statement.returning(membership.c.member_id))


def replace_members(
    connection: Connection, group_id: str, ids: Iterable[str], absolute: Collection[str] = frozenset()
) -> tuple[frozenset[str], frozenset[str]]:
    """Set exactly these members; return the added and the removed ids."""
    member_ids = tuple(dict.fromkeys(ids))
    removed = _members(connection, _DELETE_OTHERS, {"group_id": group_id, "ids": json.dumps(member_ids)})
    return add_members(connection, group_id, member_ids, absolute), removed


def departures(connection: Connection, group_id: str, links: Iterable[LinkChange]) -> frozenset[str]:
    """Return the members that a group would lose by some steps, without applying them."""
    members = select(membership.c.member_id).where(membership.c.group_id == group_id)
    current = _members(connection, members)
    gone: frozenset[str] = frozenset()
    for link in links:
        if link.verb == "replace":
            gone = current.difference(link.ids)
        elif link.verb == "add":
            gone = gone.difference(link.ids)
        elif link.verb == "remove":
            gone |= current.intersection(link.ids)
        elif link.where is None:
            gone = current
        else:
            gone |= _members(connection, members.where(filter_sql.members_condition(link.where)))
    return gone


def _members(connection: Connection, statement: Executable, parameters: Mapping[str, Any] = {}) -> frozenset[str]:
    """Return the ids in the only column of the rows that a statement returns."""
    return frozenset([id for (id,) in connection.tuples(statement, parameters)])


def members_of(connection: Connection, group_id: str) -> Iterator[str]:
    """Yield the values of `members` as JSON text, in portions, by id: the order in which they joined is not stored.

    A `$ref` is relative; one that the client sent as a full URL begins with a slash, before which the base URL belongs.
    A member whose id no resource has has only its `value`.
    """
    after, count = "", bounds.MEMBERS_AT_ONCE
    while count == bounds.MEMBERS_AT_ONCE:
        parameters = {"group_id": group_id, "after": after, "count": count}
        values, after, count = connection.execute(_PORTION, parameters).one()
        if count:
            yield values


def resolve(connection: Connection, resource_id: str) -> None:
    """Record that a resource now has this id, which was known before (Bulk): a group may name it already."""
    connection.execute(_RESOLVE, {"id": resource_id})


def count_unresolved(connection: Connection, group_ids: Iterable[str]) -> Mapping[str, int]:
    """Return how many members of each group have an id that no resource has; groups without any are left out.

    Reads only the rows that it counts, however large the groups are.
    """
    rows = connection.execute(_UNRESOLVED, {"ids": json.dumps(list(group_ids))})
    return {group_id: count for group_id, count in rows}


def groups_of(connection: Connection, resource_ids: Iterable[str]) -> dict[str, str]:
    """Return the groups that each resource is directly in, by group id: the values of `groups` as JSON text.

    Resources that are in none are left out.
    """
    rows = connection.tuples(_GROUP_IDS_OF, {"ids": json.dumps(list(resource_ids))})
    group_ids = {id: sorted(ids.split(",")) for id, ids in rows}  # an id has no comma
    if not group_ids:
        return {}
    # Each group once, however many of the resources are in it.
    different = {"ids": json.dumps(sorted(set(chain.from_iterable(group_ids.values()))))}
    values = dict(connection.tuples(_GROUP_VALUES, different).fetchall())
    return {id: ",".join([values[group] for group in groups]) for id, groups in group_ids.items()}
