"""Whether somebody may still do what they asked for, read in the transaction that does it.

A page is guarded before its view runs (app/web/security.py); in between its owner can be demoted, disabled or signed
out. So `audit.record`, which stands in every act's transaction, asks here again for an actor who came by a session.

Not here: which permissions there are (permissions.py).
"""

from app.administration.permissions import Permission
from app.administration.refusals import Withdrawn
from app.roles import Role
from app.store import people, sessions
from app.store.db import Connection


def require(connection: Connection, session_id: str, permission: Permission) -> None:
    """Raise Withdrawn unless this session is there and its owner has the permission now."""
    owner = sessions.owner(connection, session_id)
    if owner is None:
        raise Withdrawn
    if owner.operator_id:
        is_given = not owner.is_disabled and permission.is_given_to(Role(owner.role), is_local=True)
    else:
        person = people.person(connection, owner.user_id)
        role = Role(person.role) if person and person.role else None
        is_given = person is not None and person.is_active and permission.is_given_to(role, is_local=False)
    if not is_given:
        raise Withdrawn
