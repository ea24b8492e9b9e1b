"""Provisioned people as signing in knows them: whether they may, and with which role.

Not here: everything else about a user (resources.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from app.store.account_tables import granted_role
from app.store.tables import resource

_PERSON = (
    select(
        resource.c.id,
        resource.c.document,
        # Whoever has no value for `active` was never disabled.
        func.coalesce(func.json_extract(resource.c.document, "$.active"), 1),
        func.coalesce(granted_role.c.role, ""),
    )
    .outerjoin(granted_role, granted_role.c.user_id == resource.c.id)
    .where(resource.c.id == bindparam("id"), resource.c.type == "User")
)


@dataclass(frozen=True, slots=True)
class Person:
    """A provisioned user. `document` is JSON; `role` "" where none is granted."""

    id: str
    document: str
    is_active: bool
    role: str


def person(connection: Connection, user_id: str) -> Person | None:
    """The user with this id, whether active or not."""
    row = connection.execute(_PERSON, {"id": user_id}).one_or_none()
    return Person(row[0], row[1], bool(row[2]), row[3]) if row else None
