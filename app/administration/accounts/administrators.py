"""This module creates, changes and deletes administrators, the local accounts of the console.

At least one owner among them can always sign in. An action is recorded before its rule is checked, so that an actor
who has lost the permission meanwhile learns nothing from the error (app/administration/audit.py).
"""

import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from app import bounds, clock
from app.administration import audit
from app.administration.accounts import passwords, reauthentication
from app.administration.accounts import sessions as console_sessions
from app.administration.accounts.sessions import SignedIn
from app.administration.audit import Action, Actor
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.console_roles import Role
from app.store.access import administrator_rows as rows
from app.store.access import audit_rows, session_rows, two_factor_rows
from app.store.access.administrator_rows import AdministratorRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection

LAST_OWNER = "This is the last active owner among the administrators. Create another one first."
NO_OWNER = "There is no active owner among the administrators yet, so this one must be an owner."
UNKNOWN = "There is no administrator with this user name."


@dataclass(frozen=True, slots=True)
class Operator:
    """An administrator without the secrets. Times are in wire form; `signed_in` is the last sign-in, "" for never."""

    id: str
    user_name: str
    created: str
    disabled: bool
    role: Role
    has_second_factor: bool = False
    signed_in: str = ""


def operator_of(row: AdministratorRow, has_second_factor: bool = False, signed_in: str = "") -> Operator:
    """Return the administrator of a row, without the password hash."""
    return Operator(row.id, row.user_name, row.created, row.disabled, Role(row.role), has_second_factor, signed_in)


def prepare(user_name: str, password: str, role: Role) -> AdministratorRow:
    """Return the row of a new administrator, not stored yet. Raises Refused for an invalid name or password.

    To be called before the transaction, since hashing takes time.
    """
    name = unicodedata.normalize("NFC", user_name).strip()
    if not 1 <= len(name) <= bounds.OPERATOR_NAME_LENGTH or not name.isprintable():
        raise Refused(f"The user name needs 1 to {bounds.OPERATOR_NAME_LENGTH} printable characters.")
    passwords.require_acceptable(password, name)
    return AdministratorRow(
        id=str(uuid.uuid4()),
        user_name=name,
        folded_name=passwords.normalize_name(name),
        password_hash=passwords.hash_password(password),
        created=clock.to_wire(clock.utc_now()),
        disabled=False,
        role=role.value,
    )


def create_operator(user_name: str, password: str, by: Actor, role: Role = Role.OWNER) -> Operator:
    """Create an administrator.

    Raises Refused for an invalid or existing name, for an invalid password, and for a role other than owner while there
    is no active owner: without an owner nothing can be set up, and any administrator disables the setup link.
    """
    row = prepare(user_name, password, role)
    with directory_database.writing() as connection:
        if rows.find_named(connection, row.folded_name):
            raise Refused("There is already an administrator with this user name.")
        row = replace(row, created=audit.record(connection, by, Action.OPERATOR_MADE, row.user_name, role=role.value))
        if role is not Role.OWNER and rows.count_active_owners(connection) == 0:
            raise Refused(NO_OWNER)
        rows.add(connection, row)
        return operator_of(row)


def list_operators() -> list[Operator]:
    """Return all administrators, oldest first."""
    with directory_database.reading() as connection:
        having = two_factor_rows.owners(connection)
        signed_in = audit_rows.last_acts(connection, (Action.SET_UP.key, Action.SIGNED_IN.key))
        return [
            operator_of(row, row.id in having, signed_in.get(str(Actor("operator", row.user_name)), ""))
            for row in rows.list_all(connection)
        ]


def find_operator(user_name: str) -> Operator:
    """Return the administrator with this user name. Raises Refused if there is none."""
    folded = passwords.normalize_name(user_name.strip())
    for operator in list_operators():
        if passwords.normalize_name(operator.user_name) == folded:
            return operator
    raise Refused(UNKNOWN)


def set_role(user_name: str, role: Role, by: Actor) -> None:
    """Change the role of an administrator, and end their sessions. Raises Refused for the last active owner."""
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        if row.role == role:
            return
        audit.record(connection, by, Action.OPERATOR_ROLE, row.user_name, old=row.role, new=role.value)
        _keep_an_owner(connection, row)
        rows.change(connection, row.id, role=role.value)
        session_rows.end_of_operator(connection, row.id)


def set_disabled(user_name: str, is_disabled: bool, by: Actor) -> None:
    """Disable or enable an administrator, and end their sessions. Raises Refused for the last active owner."""
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        if row.disabled == is_disabled:
            return
        action = Action.OPERATOR_DISABLED if is_disabled else Action.OPERATOR_ENABLED
        audit.record(connection, by, action, row.user_name)
        if is_disabled:
            _keep_an_owner(connection, row)
        rows.change(connection, row.id, disabled=is_disabled)
        session_rows.end_of_operator(connection, row.id)


def delete_operator(user_name: str, by: Actor) -> None:
    """Delete an administrator with their sessions. Raises Refused for the last active owner."""
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        audit.record(connection, by, Action.OPERATOR_DELETED, row.user_name, role=row.role)
        _keep_an_owner(connection, row)
        rows.remove(connection, row.id)


def reset_password(user_name: str, password: str, by: Actor, removes_second_factor: bool = False) -> None:
    """Set the password of an administrator without the old one, and end all their sessions.

    `removes_second_factor` also turns off 2FA. Raises Refused for an unknown user name or an invalid password.
    """
    passwords.require_acceptable(password, user_name)
    password_hash = passwords.hash_password(password)
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        audit.record(connection, by, Action.PASSWORD_RESET, row.user_name)
        rows.change(connection, row.id, password_hash=password_hash)
        if removes_second_factor and two_factor_rows.find(connection, row.id):
            audit.record(connection, by, Action.SECOND_FACTOR_OFF, row.user_name)
            two_factor_rows.remove(connection, row.id)
        two_factor_rows.change(connection, row.id, wrong_codes=0)
        two_factor_rows.forget_unconfirmed(connection, row.id)
        session_rows.end_of_operator(connection, row.id)


def remove_second_factor(user_name: str, by: Actor) -> None:
    """Turn off the 2FA of another administrator, and end all their sessions. Raises Refused if it is off."""
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        if row.id not in two_factor_rows.owners(connection):
            raise Refused("Two-factor authentication of this administrator is already off.")
        audit.record(connection, by, Action.SECOND_FACTOR_OFF, row.user_name)
        two_factor_rows.remove(connection, row.id)
        session_rows.end_of_operator(connection, row.id)


def change_password(who: SignedIn, current: str, code: str, password: str, sealer: Sealer, by: Actor) -> str:
    """Change the administrator's own password, end all their other sessions, and return a new token for this one.

    The token is replaced because an attacker may have a copy, against which a new password must help.
    Raises Refused for an invalid new password, and for the current password and the code like `reauthentication.prove`.
    """
    passwords.require_acceptable(password, who.user_name)
    token = ""

    def prepared() -> Callable[[Connection, AdministratorRow], None]:
        password_hash = passwords.hash_password(password)

        def change(connection: Connection, row: AdministratorRow) -> None:
            nonlocal token
            audit.record(connection, by, Action.PASSWORD_CHANGED)
            rows.change(connection, row.id, password_hash=password_hash)
            two_factor_rows.forget_unconfirmed(connection, row.id)
            session_rows.end_of_operator(connection, row.id, but=who.session_id)
            token = console_sessions.renew(connection, who.session_id)

        return change

    reauthentication.shown(who, current, code, sealer, by.address, prepared, "current password")
    return token


def _named(connection: Connection, user_name: str) -> AdministratorRow:
    row = rows.find_named(connection, passwords.normalize_name(user_name.strip()))
    if row is None:
        raise Refused(UNKNOWN)
    return row


def _keep_an_owner(connection: Connection, row: AdministratorRow) -> None:
    """Raise Refused for the last active owner, the only access that no provider and no SCIM client can remove."""
    if row.role == Role.OWNER and not row.disabled and rows.count_active_owners(connection) == 1:
        raise Refused(LAST_OWNER)
