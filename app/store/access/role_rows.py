"""This module stores the role mapping and computes which user has which role.

App roles are compared exactly (value_comparison.exact_text), and only direct members of a group count. Of several roles
a user gets the highest. A user who is not active or not confirmed (user_to_confirm_rows.py) has none.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import case, delete, func, insert, select, text
from sqlalchemy.dialects import sqlite

from app.console_roles import Role
from app.store.access.account_tables import granted_role, role_mapping
from app.store.database.connection import Connection
from app.store.database.list_parameter import many
from app.store.database.remembered_reads import remembered
from app.store.directory.tables import ACTIVE, membership, resource

Source = Literal["app_role", "group"]
SOURCES: tuple[Source, ...] = get_args(Source)


@dataclass(frozen=True, slots=True)
class MappingRule:
    """One rule of the mapping. `value` is an app role's value, or a group's id."""

    source: Source
    value: str
    role: Role

    @property
    def because(self) -> str:
        """The rule as text, as stored in granted_role."""
        return f"{self.source}:{self.value}"


@dataclass(frozen=True, slots=True)
class Difference:
    """The present and the expected role of a user, with the rules that give them; None for no role."""

    user_id: str
    old: Role | None
    old_because: str | None
    new: Role | None
    new_because: str | None

    @property
    def is_of_role(self) -> bool:
        """Whether the role differs, and not only the rule that gives it."""
        return self.old is not self.new


@dataclass(frozen=True, slots=True)
class GrantRow:
    """The role of a user, and since when (wire form)."""

    user_id: str
    role: Role
    because: str
    since: str


_ROLES = {role.value: role for role in Role}
_MAPPING = select(role_mapping.c.source, role_mapping.c.value, role_mapping.c.role)
_GRANT = select(granted_role.c.user_id, granted_role.c.role, granted_role.c.because, granted_role.c.since)

# As text: SQLite's CROSS JOIN fixes the order of the joins, or a change of one user would read all users.
# `place` is a rule's place after all that give more, so the lowest place of a user is the role of that user.
_CANDIDATES = """
WITH line AS MATERIALIZED (
    SELECT key AS place, value ->> 0 AS source, value ->> 1 AS value, value ->> 2 AS role, value ->> 3 AS because
    FROM json_each(:lines)
), candidate (id, place) AS (
    SELECT person.id, line.place
    FROM {people} CROSS JOIN json_each(person.document, '$.roles') AS entry CROSS JOIN line
    WHERE (SELECT count(*) FROM line WHERE source = 'app_role')
      AND line.source = 'app_role' AND {active}
      AND line.value = exact_text(CASE entry.type WHEN 'object' THEN entry.value ->> 'value' END)
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
_new = _insert.excluded
_GIVE = _insert.on_conflict_do_update(
    index_elements=["user_id"],
    set_={
        "since": case((granted_role.c.role == _new.role, granted_role.c.since), else_=_new.since),
        "role": _new.role,
        "because": _new.because,
    },
)


@remembered
def mapping(connection: Connection) -> tuple[MappingRule, ...]:
    """Return all rules, highest roles first; empty while the mapping is off. Called by every change of a user."""
    return ordered(MappingRule(source, value, Role(role)) for source, value, role in connection.execute(_MAPPING))


def ordered(lines: Iterable[MappingRule]) -> tuple[MappingRule, ...]:
    """Return rules by precedence: of two that give the same role, the first is reported as its reason."""
    return tuple(sorted(lines, key=lambda line: (-line.role.rank, line.source, line.value)))


def rewrite_mapping(connection: Connection, lines: Iterable[MappingRule]) -> None:
    """Store these rules as the mapping; the caller applies the consequences."""
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
    """Return the users whose present role differs from that by these rules; without `ids`, among all users.

    `are_confirmed`: the roles that they should have if an owner confirmed them.
    """
    parameters = _parameters(lines) | {"are_confirmed": are_confirmed}
    if ids is None:
        rows = connection.execute(_OF_ALL, parameters)
    else:
        rows = connection.execute(_OF_SOME, parameters | {"ids": json.dumps(list(ids))})
    return [Difference(id, _role(old), why, _role(new), because) for id, old, why, new, because in rows]


def counts(connection: Connection, lines: Sequence[MappingRule]) -> dict[str, int]:
    """Return how many users match each rule, by its `because`, whichever rule gives them their role; no zeros.

    Reads all users.
    """
    return {because: number for because, number in connection.execute(_COUNTS_OF_ALL, _parameters(lines))}


def apply(connection: Connection, differences: Sequence[Difference], now: str) -> None:
    """Store the expected roles. `since` stays where only the rule differs."""
    if lost := [one.user_id for one in differences if one.new is None]:
        connection.execute(delete(granted_role).where(granted_role.c.user_id.in_(many(lost))))
    grants = [
        {"user_id": one.user_id, "role": one.new.value, "because": one.new_because, "since": now}
        for one in differences
        if one.new is not None
    ]
    if grants:
        connection.execute(_GIVE, grants)


def grant_of(connection: Connection, user_id: str) -> GrantRow | None:
    """Return the role of one user, or None."""
    row = connection.execute(_GRANT.where(granted_role.c.user_id == user_id)).one_or_none()
    return GrantRow(row.user_id, Role(row.role), row.because, row.since) if row else None


def granted(connection: Connection, limit: int) -> list[GrantRow]:
    """Return users with a role: highest roles first, and newest first within a role."""
    rank = case({role.value: role.rank for role in Role}, value=granted_role.c.role)
    query = _GRANT.order_by(rank.desc(), granted_role.c.since.desc(), granted_role.c.user_id).limit(limit)
    return [GrantRow(row.user_id, Role(row.role), row.because, row.since) for row in connection.execute(query)]


def totals(connection: Connection) -> dict[Role, int]:
    """Return the number of users with each role."""
    counted = select(granted_role.c.role, func.count()).group_by(granted_role.c.role)
    return {Role(role): number for role, number in connection.execute(counted)}


def members(connection: Connection, group_id: str) -> list[str]:
    """Return the ids of all direct members of a group."""
    return list(connection.execute(select(membership.c.member_id).where(membership.c.group_id == group_id)).scalars())


def groups_offered(connection: Connection, limit: int) -> dict[str, str]:
    """Return some groups, oldest first: their documents (JSON) by id."""
    query = select(resource.c.id, resource.c.document).where(resource.c.type == "Group")
    return {id: document for id, document in connection.execute(query.order_by(resource.c.position).limit(limit))}


def faults(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each granted role that does not follow from the mapping, and for unknown roles."""
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


def _parameters(lines: Sequence[MappingRule]) -> dict[str, str | bool]:
    rules = [[one.source, one.value, one.role, one.because] for one in ordered(lines)]
    return {"lines": json.dumps(rules), "are_confirmed": False}


def _role(kept: str | None) -> Role | None:
    return _ROLES[kept] if kept else None
