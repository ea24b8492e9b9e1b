"""This module lists a group's members for the console.

A page is first found among the rows of the group, then loaded with the names.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, text

from app import bounds
from app.scim.resource_types import RESOURCE_TYPES, name_of
from app.store.database.connection import Connection
from app.store.database.list_parameter import many_named
from app.store.directory import filter_sql, word_index
from app.store.directory.tables import membership, resource


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member with its type and name; both are None while no resource has that id."""

    id: str
    type: str | None
    name: str | None


# As text: words need the full-text index, and CROSS JOIN fixes the order in which tables are read.
# A small group's members are looked up first; for a large one each resource with the words is checked for its group.
_AMONG_FEW = f"""SELECT id FROM resource WHERE position IN ({word_index.MATCHING} AND rowid IN (
        SELECT resource.position FROM membership JOIN resource ON resource.id = membership.member_id
        WHERE membership.group_id = :group_id)) ORDER BY id LIMIT :count"""
_AMONG_MANY = f"""SELECT resource.id FROM ({word_index.MATCHING} ORDER BY rowid) AS found
    CROSS JOIN resource ON resource.position = found.rowid
    WHERE EXISTS (SELECT 1 FROM membership WHERE group_id = :group_id AND member_id = resource.id) LIMIT :count"""
_members = (
    select(membership.c.member_id)
    .where(membership.c.group_id == bindparam("group_id"))
    .order_by(membership.c.member_id)
    .limit(bindparam("count"))
)
_PAGE = _members.offset(bindparam("offset"))
_FOLLOWING = _members.where(membership.c.member_id > bindparam("after"))
# Most of the time of a page would be the parsing of whole documents.
_names = (func.json_extract(resource.c.document, f"$.{name}").label(name) for name in ("displayName", "userName"))
_NAMED = select(resource.c.id, resource.c.type, *_names).where(
    resource.c.id.in_(many_named("ids")), resource.c.type.in_(filter_sql.MEMBER_TYPES)
)


def page(connection: Connection, group_id: str, offset: int, count: int) -> list[ListedMember]:
    """Return a page of all members, by id."""
    parameters = {"group_id": group_id, "offset": offset, "count": count}
    return named(connection, [id for (id,) in connection.tuples(_PAGE, parameters)])


def with_words(connection: Connection, group_id: str, members: int, sought: str, count: int) -> list[str]:
    """Return the ids of at most `count` members that contain all the words. `members`: how many the group has."""
    ids: list[str] = []
    for resource_type in (one for one in RESOURCE_TYPES if one.name in filter_sql.MEMBER_TYPES):
        expression = word_index.expression(resource_type, sought)
        if expression is None:
            return []
        among = _AMONG_FEW if members <= bounds.SMALL_GROUP else _AMONG_MANY
        parameters = {"group_id": group_id, "words": expression, "count": count - len(ids)}
        ids += connection.execute(text(among), parameters).scalars()
    return ids


def following(connection: Connection, group_id: str, after: str, count: int) -> list[ListedMember]:
    """Return the next members by id, after the id `after`."""
    parameters = {"group_id": group_id, "after": after, "count": count}
    return named(connection, [id for (id,) in connection.tuples(_FOLLOWING, parameters)])


def named(connection: Connection, ids: Sequence[str]) -> list[ListedMember]:
    """Return the members with these ids, in the same order, with what is known of them."""
    rows = connection.execute(_NAMED, {"ids": json.dumps(list(ids))})
    by_id = {row.id: ListedMember(row.id, row.type, name_of(row._asdict())) for row in rows}
    return [by_id.get(id) or ListedMember(id, None, None) for id in ids]
