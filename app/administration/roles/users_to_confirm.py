"""This module lists users that may be another person than before, and lets an owner confirm them.

See also: granted_roles.py (when a user must be confirmed, and the consequences),
app/provisioning/resource_operations.py (`leave_groups`).
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
    """An active user that may be another person. `grant` is the withheld role; None for no role.

    `former_id` and `external_id` are the former and the current externalId, "" for none; `since` is in wire form.
    """

    user_id: str
    name: str
    former_id: str
    external_id: str
    since: str
    grant: Grant | None


@dataclass(frozen=True, slots=True)
class UnconfirmedUsers:
    """The latest unconfirmed users, at most `bounds.UNCONFIRMED_SHOWN`, and their total number."""

    users: Sequence[UnconfirmedUser]
    total: int


def list_unconfirmed() -> UnconfirmedUsers:
    """Return the users that an owner must confirm."""
    with directory_database.reading() as connection:
        latest = rows.active(connection, bounds.UNCONFIRMED_SHOWN)
        return UnconfirmedUsers(_users(connection, latest), rows.count_active(connection))


def find_unconfirmed(user_id: str) -> UnconfirmedUser | None:
    """Return an unconfirmed user; None for a user that is disabled or need not be confirmed."""
    with directory_database.reading() as connection:
        row = rows.find(connection, user_id)
        return next(iter(_users(connection, [row])), None) if row else None


def confirm_user(user_id: str, external_id: str, by: Actor) -> None:
    """Confirm that the person with this externalId keeps the data of the user, and grant the role again.

    Raises Refused for a user that need not be confirmed, or has another externalId than the one displayed to `by`.
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
        rules = grant_rows.mapping(connection)
        granted_roles.apply(connection, by, grant_rows.differences(connection, rules, [user_id]))


def require_unconfirmed(connection: Connection, user_id: str) -> None:
    """Raise Refused for a user that need not be confirmed."""
    if rows.find(connection, user_id) is None:
        raise Refused(OUTDATED)


def _users(connection: Connection, unconfirmed: Sequence[UnconfirmedRow]) -> list[UnconfirmedUser]:
    if not unconfirmed:
        return []
    ids = [row.user_id for row in unconfirmed]
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
        for row in unconfirmed
        if is_active(documents[row.user_id])
    ]
