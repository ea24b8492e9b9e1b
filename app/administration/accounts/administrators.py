"""This module creates, changes and deletes administrators, the local accounts of the console.

At least one owner among them can always sign in. An act is audited before its rule is asked, so that whoever lost
the permission meanwhile learns nothing by it (app/administration/audit.py).
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
    """An operator without the secrets. Moments are in wire form; `signed_in` is the last time, "" for never."""

    id: str
    user_name: str
    created: str
    disabled: bool
    role: Role
    has_second_factor: bool = False
    signed_in: str = ""


def operator_of(row: AdministratorRow, has_second_factor: bool = False, signed_in: str = "") -> Operator:
    """The row without its secret."""
    return Operator(row.id, row.user_name, row.created, row.disabled, Role(row.role), has_second_factor, signed_in)


def prepare(user_name: str, password: str, role: Role) -> AdministratorRow:
    """A new operator's row, not stored yet; done before the transaction, since hashing takes time. Raises Refused."""
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
    """Make another operator, or the first one.

    Raises Refused for a name that is taken, for an unfit name or password, and for a smaller role than owner while
    there is no active owner: nobody could set anything up, and any operator closes the setup link.
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
    """All operators, oldest first."""
    with directory_database.reading() as connection:
        having = two_factor_rows.owners(connection)
        signed_in = audit_rows.last_acts(connection, (Action.SET_UP.key, Action.SIGNED_IN.key))
        return [
            operator_of(row, row.id in having, signed_in.get(str(Actor("operator", row.user_name)), ""))
            for row in rows.list_all(connection)
        ]


def find_operator(user_name: str) -> Operator:
    """The operator with this user name. Raises Refused where there is none."""
    folded = passwords.normalize_name(user_name.strip())
    for operator in list_operators():
        if passwords.normalize_name(operator.user_name) == folded:
            return operator
    raise Refused(UNKNOWN)


def set_role(user_name: str, role: Role, by: Actor) -> None:
    """Give an operator another role, which ends their sessions. Raises Refused for the last active owner."""
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        if row.role == role:
            return
        audit.record(connection, by, Action.OPERATOR_ROLE, row.user_name, old=row.role, new=role.value)
        _keep_an_owner(connection, row)
        rows.change(connection, row.id, role=role.value)
        session_rows.end_of_operator(connection, row.id)


def set_disabled(user_name: str, is_disabled: bool, by: Actor) -> None:
    """Disable an operator, which ends their sessions, or enable them again. Raises Refused for the last owner."""
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
    """Delete an operator with their sessions. Raises Refused for the last active owner."""
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        audit.record(connection, by, Action.OPERATOR_DELETED, row.user_name, role=row.role)
        _keep_an_owner(connection, row)
        rows.remove(connection, row.id)


def reset_password(user_name: str, password: str, by: Actor, removes_second_factor: bool = False) -> None:
    """Give an operator a new password without asking for the old one, and end all their sessions.

    With `removes_second_factor` nothing else is asked for at their next sign-in. Raises Refused.
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
    """Turn off another's second factor, which ends all their sessions. Raises Refused where it is off."""
    with directory_database.writing() as connection:
        row = _named(connection, user_name)
        if row.id not in two_factor_rows.owners(connection):
            raise Refused("Two-factor authentication of this administrator is already off.")
        audit.record(connection, by, Action.SECOND_FACTOR_OFF, row.user_name)
        two_factor_rows.remove(connection, row.id)
        session_rows.end_of_operator(connection, row.id)


def change_password(who: SignedIn, current: str, code: str, password: str, sealer: Sealer, by: Actor) -> str:
    """Give an operator a new password and end all their sessions but this one; the new token of this one.

    Of this one, too, somebody can have a copy, and a new password is what helps against that.
    Raises Refused for an unfit new password, and as proof.prove does for the current one and the code.
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
    """Refuse to take away the last way in that no provider and no SCIM client can close."""
    if row.role == Role.OWNER and not row.disabled and rows.count_active_owners(connection) == 1:
        raise Refused(LAST_OWNER)
