"""This module stores the role mapping and computes which user has which role.

The rule: app roles are compared exactly (fold.exact_text), only direct members of a group count, of several roles
the highest is given, and who is not active, or not confirmed (user_to_confirm_rows.py), has none. Every function
works in the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Connection, case, delete, func, insert, select, text
from sqlalchemy.dialects import sqlite

from app.console_roles import Role
from app.store.access.account_tables import granted_role, role_mapping
from app.store.database.list_parameter import many
from app.store.directory.tables import ACTIVE, membership, resource

Source = Literal["app_role", "group"]
SOURCES: tuple[Source, ...] = get_args(Source)


@dataclass(frozen=True, slots=True)
class MappingRule:
    """One line of the mapping. `value` is an app role's value, or a group's id."""

    source: Source
    value: str
    role: Role

    @property
    def because(self) -> str:
        """As granted_role keeps it."""
        return f"{self.source}:{self.value}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What somebody has and should have: roles, and the lines that give them; None for no role."""

    user_id: str
    old: Role | None
    old_because: str | None
    new: Role | None
    new_because: str | None

    @property
    def is_of_role(self) -> bool:
        """Whether the role differs, and not only the line that gives it."""
        return self.old is not self.new


@dataclass(frozen=True, slots=True)
class GrantRow:
    """The role that somebody has, and since when (wire form)."""

    user_id: str
    role: Role
    because: str
    since: str


_ROLES = {role.value: role for role in Role}
_MAPPING = select(role_mapping.c.source, role_mapping.c.value, role_mapping.c.role)
_GRANT = select(granted_role.c.user_id, granted_role.c.role, granted_role.c.because, granted_role.c.since)

# As text: the order of the joins is written with SQLite's CROSS JOIN, or a change of one person would read everybody.
# `place` is a line's place behind all that give more, so the least place of somebody is the role that they have.
_CANDIDATES = """
WITH line AS MATERIALIZED (
    SELECT key AS place, value ->> 0 AS source, value ->> 1 AS value, value ->> 2 AS role, value ->> 3 AS because
    FROM json_each(:lines)
), candidate (id, place) AS (
    SELECT person.id, line.place
    FROM {people} CROSS JOIN json_each(person.document, '$.roles') AS held CROSS JOIN line
    WHERE (SELECT count(*) FROM line WHERE source = 'app_role')
      AND line.source = 'app_role' AND {active}
      AND line.value = exact_text(CASE held.type WHEN 'object' THEN held.value ->> 'value' END)
    UNION ALL
    SELECT person.id, line.place
    FROM {line_and_ids} CROSS JOIN membership CROSS JOIN resource AS person
    WHERE line.source = 'group' AND membership.group_id = line.value AND {is_member}
      AND person.id = membership.member_id AND {active}
)
"""
_DIFFERENCES = (
    _CANDIDATES
    + """
, due AS MATERIALIZED (
    SELECT id, min(place) AS place FROM candidate GROUP BY id
)
SELECT due.id, granted.role, granted.because, line.role, line.because
FROM due CROSS JOIN line ON line.place = due.place LEFT JOIN granted_role AS granted ON granted.user_id = due.id
WHERE granted.role IS NOT line.role OR granted.because IS NOT line.because
UNION ALL
SELECT granted.user_id, granted.role, granted.because, NULL, NULL
FROM granted_role AS granted WHERE {is_meant} AND granted.user_id NOT IN (SELECT id FROM due)
"""
)
_COUNTS = _CANDIDATES + "SELECT line.because, count(DISTINCT id) FROM candidate JOIN line USING (place) GROUP BY 1"
_ACTIVE = f"""+person.type = 'User' AND {ACTIVE}
      AND (:are_confirmed OR NOT EXISTS (SELECT 1 FROM unconfirmed_user WHERE user_id = person.id))"""
_EVERYBODY = {"people": "resource AS person", "line_and_ids": "line", "is_member": "TRUE", "active": _ACTIVE}
_OF_ALL = text(_DIFFERENCES.format(**_EVERYBODY, is_meant="TRUE"))
_COUNTS_OF_ALL = text(_COUNTS.format(**_EVERYBODY))
_ONES = "json_each(:ids) AS one"
_OF_SOME = text(
    _DIFFERENCES.format(
        people=f"{_ONES} CROSS JOIN resource AS person ON person.id = one.value",
        line_and_ids=f"{_ONES} CROSS JOIN line",
        is_member="membership.member_id = one.value",
        is_meant="granted.user_id IN (SELECT value FROM json_each(:ids))",
        active=_ACTIVE,
    )
)
_insert = sqlite.insert(granted_role)
_given = _insert.excluded
_GIVE = _insert.on_conflict_do_update(
    index_elements=["user_id"],
    set_={
        "since": case((granted_role.c.role == _given.role, granted_role.c.since), else_=_given.since),
        "role": _given.role,
        "because": _given.because,
    },
)


def mapping(connection: Connection) -> tuple[MappingRule, ...]:
    """All lines, the highest roles first; nothing while the mapping is off. Every change of a person may ask."""
    return ordered(MappingRule(source, value, Role(role)) for source, value, role in connection.execute(_MAPPING))


def ordered(lines: Iterable[MappingRule]) -> tuple[MappingRule, ...]:
    """Lines in the order in which they count: of two that give the same role the first is told as its reason."""
    return tuple(sorted(lines, key=lambda line: (-line.role.rank, line.source, line.value)))


def rewrite_mapping(connection: Connection, lines: Iterable[MappingRule]) -> None:
    """Makes these the mapping; what follows from it is the caller's work."""
    connection.execute(delete(role_mapping))
    rows = [{"source": line.source, "value": line.value, "role": line.role.value} for line in lines]
    if rows:
        connection.execute(insert(role_mapping), rows)


def differences(
    connection: Connection,
    lines: Sequence[MappingRule],
    ids: Collection[str] | None = None,
    *,
    are_confirmed: bool = False,
) -> list[Difference]:
    """What these people have and should have by these lines, where it is not the same; without `ids` of everybody.

    `are_confirmed`: what they should have if an owner confirmed them.
    """
    asked = _asked(lines) | {"are_confirmed": are_confirmed}
    if ids is None:
        found = connection.execute(_OF_ALL, asked)
    else:
        found = connection.execute(_OF_SOME, asked | {"ids": json.dumps(list(ids))})
    return [Difference(id, _role(old), why, _role(new), because) for id, old, why, new, because in found]


def counts(connection: Connection, lines: Sequence[MappingRule]) -> dict[str, int]:
    """How many people have what a line names, by its `because`, whichever line gives them their role; without noughts.

    Reads everybody.
    """
    return {because: number for because, number in connection.execute(_COUNTS_OF_ALL, _asked(lines))}


def apply(connection: Connection, found: Sequence[Difference], now: str) -> None:
    """Gives everybody what they should have. `since` stays where only the line is another."""
    if lost := [one.user_id for one in found if one.new is None]:
        connection.execute(delete(granted_role).where(granted_role.c.user_id.in_(many(lost))))
    given = [
        {"user_id": one.user_id, "role": one.new.value, "because": one.new_because, "since": now}
        for one in found
        if one.new is not None
    ]
    if given:
        connection.execute(_GIVE, given)


def grant_of(connection: Connection, user_id: str) -> GrantRow | None:
    """The role that one person has."""
    row = connection.execute(_GRANT.where(granted_role.c.user_id == user_id)).one_or_none()
    return GrantRow(row.user_id, Role(row.role), row.because, row.since) if row else None


def granted(connection: Connection, limit: int) -> list[GrantRow]:
    """Those who have a role: the highest roles first, and of one role those who came last."""
    rank = case({role.value: role.rank for role in Role}, value=granted_role.c.role)
    wanted = _GRANT.order_by(rank.desc(), granted_role.c.since.desc(), granted_role.c.user_id).limit(limit)
    return [GrantRow(row.user_id, Role(row.role), row.because, row.since) for row in connection.execute(wanted)]


def totals(connection: Connection) -> dict[Role, int]:
    """How many people have each role."""
    counted = select(granted_role.c.role, func.count()).group_by(granted_role.c.role)
    return {Role(role): number for role, number in connection.execute(counted)}


def members(connection: Connection, group_id: str) -> list[str]:
    """The ids of all direct members of a group."""
    return list(connection.execute(select(membership.c.member_id).where(membership.c.group_id == group_id)).scalars())


def groups_offered(connection: Connection, limit: int) -> dict[str, str]:
    """Some groups, the oldest first: their documents (JSON) by their ids."""
    wanted = select(resource.c.id, resource.c.document).where(resource.c.type == "Group")
    return {id: document for id, document in connection.execute(wanted.order_by(resource.c.position).limit(limit))}


def faults(connection: Connection) -> Iterator[str]:
    """A sentence for each granted role that does not follow from the mapping, and for a role that there is not."""
    unknown = {
        role
        for (role,) in connection.execute(select(role_mapping.c.role).union(select(granted_role.c.role)))
        if role not in set(Role)
    }
    if unknown:
        yield f"granted_role: no role is called {', '.join(sorted(unknown))}"
        return
    for one in differences(connection, mapping(connection)):
        kept, due = one.old or "no role", one.new or "no role"
        if one.is_of_role:
            yield f"granted_role: {one.user_id} has {kept}, by the mapping it is {due}"
        else:
            yield f"granted_role: {one.user_id} has {kept} by another line of the mapping than the one that is kept"


def _asked(lines: Sequence[MappingRule]) -> dict[str, str | bool]:
    """The lines as the statements take them."""
    told = [[one.source, one.value, one.role, one.because] for one in ordered(lines)]
    return {"lines": json.dumps(told), "are_confirmed": False}


def _role(kept: str | None) -> Role | None:
    return _ROLES[kept] if kept else None
