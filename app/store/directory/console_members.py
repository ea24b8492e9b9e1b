"""This module lists a group's members for the console.

A page is first found among the rows of the group, then named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app import bounds
from app.scim.resource_types import RESOURCE_TYPES
from app.store.directory import filter_sql, word_index


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member with its document (JSON text); type and document are None while no resource has that id."""

    id: str
    type: str | None
    document: str | None


_IDS = "SELECT member_id FROM membership WHERE group_id = :group_id ORDER BY member_id LIMIT :count OFFSET :offset"
_NEXT = """SELECT member_id FROM membership WHERE group_id = :group_id AND member_id > :after
    ORDER BY member_id LIMIT :count"""
_NAMED = text("""SELECT named.value, resource.type, resource.document FROM json_each(:ids) AS named
    LEFT JOIN resource ON resource.id = named.value AND resource.type IN (SELECT value FROM json_each(:types))
    ORDER BY named.key""")
# A small group's members are looked up first; in a large one each that has the words is asked for its group.
_AMONG_FEW = f"""SELECT id FROM resource WHERE position IN ({word_index.MATCHING} AND rowid IN (
        SELECT resource.position FROM membership JOIN resource ON resource.id = membership.member_id
        WHERE membership.group_id = :group_id)) ORDER BY id LIMIT :count"""
_AMONG_MANY = f"""SELECT resource.id FROM ({word_index.MATCHING} ORDER BY rowid) AS found
    CROSS JOIN resource ON resource.position = found.rowid
    WHERE EXISTS (SELECT 1 FROM membership WHERE group_id = :group_id AND member_id = resource.id) LIMIT :count"""


def page(connection: Connection, group_id: str, offset: int, count: int) -> list[ListedMember]:
    """A page of all members, by id."""
    wanted = {"group_id": group_id, "offset": offset, "count": count}
    return named(connection, connection.execute(text(_IDS), wanted).scalars().all())


def with_words(connection: Connection, group_id: str, members: int, sought: str, count: int) -> list[str]:
    """The ids of at most `count` members that have all the words. `members`: how many the group has."""
    ids: list[str] = []
    for resource_type in (one for one in RESOURCE_TYPES if one.name in filter_sql.MEMBER_TYPES):
        expression = word_index.expression(resource_type, sought)
        if expression is None:
            return []
        among = _AMONG_FEW if members <= bounds.SMALL_GROUP else _AMONG_MANY
        wanted = {"group_id": group_id, "words": expression, "count": count - len(ids)}
        ids += connection.execute(text(among), wanted).scalars()
    return ids


def following(connection: Connection, group_id: str, after: str, count: int) -> list[ListedMember]:
    """The next members by id, behind the one with the id `after`."""
    wanted = {"group_id": group_id, "after": after, "count": count}
    return named(connection, connection.execute(text(_NEXT), wanted).scalars().all())


def named(connection: Connection, ids: Sequence[str]) -> list[ListedMember]:
    """These members, in the same order, with what is known of them."""
    wanted = {"ids": json.dumps(list(ids)), "types": json.dumps(list(filter_sql.MEMBER_TYPES))}
    return [ListedMember(*row) for row in connection.execute(_NAMED, wanted)]
