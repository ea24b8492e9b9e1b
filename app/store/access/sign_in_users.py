"""This module finds users for sign-in: whether they are active, and their role."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, text

from app.scim.resource_types import is_active
from app.store.access.account_tables import granted_role
from app.store.database.connection import Connection
from app.store.database.list_parameter import many
from app.store.directory.tables import ACTIVE, lookup, resource

_PERSON = (
    select(resource.c.id, resource.c.document, func.coalesce(granted_role.c.role, ""))
    .outerjoin(granted_role, granted_role.c.user_id == resource.c.id)
    .where(resource.c.id == bindparam("id"), resource.c.type == "User")
)

# As text: SQLite's CROSS JOIN keeps the order, so that only the users of the pairs are read.
_WITH_ACCESS = text(f"""
SELECT pair.value ->> 0, pair.value ->> 1,
    pair.value ->> 1 = '' OR EXISTS (
        SELECT 1 FROM role_mapping WHERE role_mapping.source = 'group' AND role_mapping.value = pair.value ->> 1
    )
FROM json_each(:pairs) AS pair CROSS JOIN resource AS person ON person.id = pair.value ->> 0
WHERE +person.type = 'User' AND {ACTIVE} AND (
    pair.value ->> 1 = '' OR EXISTS (
        SELECT 1 FROM membership
        WHERE membership.group_id = pair.value ->> 1 AND membership.member_id = person.id
    )
)
""")


@dataclass(frozen=True, slots=True)
class SignInUser:
    """A user who may sign in. `role` is "" if none is granted."""

    id: str
    document: Mapping[str, Any]
    role: str

    @property
    def is_active(self) -> bool:
        return is_active(self.document)

    @property
    def user_name(self) -> str:
        """The userName, which is unique among users at one time."""
        return str(self.document["userName"])


def person(connection: Connection, user_id: str) -> SignInUser | None:
    """Return the user with this id, active or not, or None."""
    row = connection.execute(_PERSON, {"id": user_id}).one_or_none()
    return SignInUser(row[0], json.loads(row[1]), row[2]) if row else None


def with_access(connection: Connection, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    """Return those pairs of a user and a group ("" for none) whose user is active and in the group.

    The value is whether the group gives a role of the console; True for no group.
    """
    rows = connection.execute(_WITH_ACCESS, {"pairs": json.dumps(list(pairs))})
    return {(user_id, group_id): bool(gives_role) for user_id, group_id, gives_role in rows}


def with_value(connection: Connection, path: str, values: Iterable[str], limit: int) -> list[SignInUser]:
    """Return some users with one of these normalized values at an indexed attribute."""
    having = select(resource.c.id).distinct().where(resource.c.position == lookup.c.position)
    having = having.where(lookup.c.type == "User", lookup.c.attribute == path, lookup.c.value.in_(many(values)))
    ids = connection.execute(having.order_by(resource.c.id).limit(limit)).scalars().all()
    return [user for id in ids if (user := person(connection, id)) is not None]
