"""This module removes locally the access that a refused request was meant to remove.

Entra manages users and groups, so only what Entra already requested is done here. When Entra sends `active` true later,
the user is active again.

See also: app/observation/problems/refused_removals.py (the affected users).
"""

from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.administration.roles import granted_roles
from app.observation.problems import refused_removals
from app.provisioning import resource_operations
from app.scim.errors import ScimError
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, USER
from app.store.access import sign_in_users
from app.store.database.directory_database import Connection
from app.store.directory.history_rows import Author
from app.store.directory.stored_resource import Record

OVER = "Nothing was changed here: no refused request was meant to take that access away, or the user has lost it since."


def remove_access(user_id: str, group_id: str, by: Actor) -> str:
    """Remove a user from a group, or disable the user where `group_id` is "". Return the user's name.

    The change and its audit entry are one transaction; the history names the actor. Raises Refused unless a refused
    request was meant to do it and the user still has that access.
    """
    if not refused_removals.is_due(user_id, group_id):
        raise Refused(OVER)
    name = ""

    def permit(connection: Connection, record: Record) -> None:
        nonlocal name
        if (user_id, group_id) not in sign_in_users.with_access(connection, [(user_id, group_id)]):
            raise Refused(OVER)
        names = granted_roles.names_of(connection, [user_id, group_id])
        name, group = names[user_id], names.get(group_id, "")
        action = Action.MEMBER_REMOVED if group_id else Action.USER_DISABLED
        audit.record(connection, by, action, name, person=user_id, group=group)

    if group_id:
        resource_type, resource_id = GROUP, group_id
        operation = Operation("remove", "members", [{"value": user_id}])
    else:
        resource_type, resource_id = USER, user_id
        operation = Operation("replace", "active", False)
    try:
        resource_operations.change(resource_type, resource_id, [operation], Author("", str(by)), permit=permit)
    except ScimError as error:
        if error.status == 404:
            raise Refused(OVER) from None
        raise
    refused_removals.settle_now()
    return name
