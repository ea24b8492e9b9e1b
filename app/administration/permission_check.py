"""This module checks, in the transaction of an act, that its author may still do it.

A page is guarded before its view runs (app/web/security/request_authentication.py); in between its owner can be
demoted, disabled or signed out. So `audit.record`, which stands in every act's transaction, asks here again for an
actor who came by a session.
"""

from app.administration.errors import Withdrawn
from app.administration.permissions import Permission
from app.console_roles import Role
from app.store.access import session_rows, sign_in_users
from app.store.database.directory_database import Connection


def require(connection: Connection, session_id: str, permission: Permission) -> None:
    """Raise Withdrawn unless this session is there and its owner has the permission now."""
    owner = session_rows.owner(connection, session_id)
    if owner is None:
        raise Withdrawn
    if owner.operator_id:
        is_given = not owner.is_disabled and permission.is_given_to(Role(owner.role), is_local=True)
    else:
        person = sign_in_users.person(connection, owner.user_id)
        role = Role(person.role) if person and person.role else None
        is_given = person is not None and person.is_active and permission.is_given_to(role, is_local=False)
    if not is_given:
        raise Withdrawn
