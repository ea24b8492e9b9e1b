"""This module lists users that may be another person than before, and lets an owner confirm them.

See also: granted_roles.py (when a user becomes one, and what follows), app/provisioning/resource_operations.py
(`leave_groups`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app import bounds
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.administration.roles import granted_roles
from app.administration.roles.granted_roles import Grant
from app.scim.resource_types import is_active, name_of
from app.store.access import role_rows as grant_rows
from app.store.access import user_to_confirm_rows as rows
from app.store.access.user_to_confirm_rows import UnconfirmedRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import history_rows

OUTDATED = "This user is already confirmed, or has another externalId now. Reload the page of the user."


@dataclass(frozen=True, slots=True)
class UnconfirmedUser:
    """An active user that may be another person. `grant` is the role that is withheld from the user; None for no role.

    `former_id` and `external_id` are the externalId before and now, "" for none now; `since` is in wire form.
    """

    user_id: str
    name: str
    former_id: str
    external_id: str
    since: str
    grant: Grant | None


@dataclass(frozen=True, slots=True)
class UnconfirmedUsers:
    """The latest of them, at most `bounds.UNCONFIRMED_SHOWN`, and how many there are."""

    users: Sequence[UnconfirmedUser]
    total: int


def list_unconfirmed() -> UnconfirmedUsers:
    """Return the users that wait for an owner."""
    with directory_database.reading() as connection:
        latest = rows.active(connection, bounds.UNCONFIRMED_SHOWN)
        return UnconfirmedUsers(_users(connection, latest), rows.count_active(connection))


def find_unconfirmed(user_id: str) -> UnconfirmedUser | None:
    """Return one of them; None for a user that is disabled, confirmed or never was one."""
    with directory_database.reading() as connection:
        row = rows.find(connection, user_id)
        return next(iter(_users(connection, [row])), None) if row else None


def confirm_user(user_id: str, external_id: str, by: Actor) -> None:
    """Confirm that the user with this externalId shall have what the record kept; its role is granted again.

    Raises Refused for a user that is not unconfirmed, or has another externalId than the one that `by` saw.
    """
    with directory_database.writing() as connection:
        row = rows.find(connection, user_id)
        document = history_rows.documents_of(connection, [user_id])[user_id][1] if row else {}
        now = document.get("externalId", "")
        if row is None or now != external_id:
            raise Refused(OUTDATED)
        ids = {"old": row.external_id, "new": now}
        audit.record(connection, by, Action.USER_CONFIRMED, name_of(document), **ids, person=user_id)
        rows.remove(connection, user_id)
        lines = grant_rows.mapping(connection)
        granted_roles.apply(connection, by, grant_rows.differences(connection, lines, [user_id]))


def require_unconfirmed(connection: Connection, user_id: str) -> None:
    """Raise Refused for a user about whom nothing is to be confirmed any more."""
    if rows.find(connection, user_id) is None:
        raise Refused(OUTDATED)


def _users(connection: Connection, found: Sequence[UnconfirmedRow]) -> list[UnconfirmedUser]:
    ids = [row.user_id for row in found]
    documents = {id: document for id, (_, document) in history_rows.documents_of(connection, ids).items()}
    withheld = granted_roles.withheld(connection, ids)
    return [
        UnconfirmedUser(
            row.user_id,
            name_of(document := documents[row.user_id]),
            row.external_id,
            document.get("externalId", ""),
            row.since,
            withheld.get(row.user_id),
        )
        for row in found
        if is_active(documents[row.user_id])
    ]
