"""Operators: the local administrators, in a table that SCIM neither sees nor changes.

At least one owner among them can always sign in. Not here: how the first one is made (setup.py), how one signs in
(sign_in.py), and people to whom a role is granted.
"""

import unicodedata
import uuid
from dataclasses import dataclass

from app import bounds, clock
from app.administration import attempts, audit, passwords
from app.administration.audit import Action, Actor
from app.administration.refusals import Refused
from app.roles import Role
from app.store import accounts, sessions

LAST_OWNER = "This is the last active owner among the operators. Make another one first."
UNKNOWN = "There is no operator with this user name."


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator without the secrets. `created` is a moment in wire form."""

    id: str
    user_name: str
    created: str
    disabled: bool
    role: Role


def operator_of(row: accounts.Operator) -> Operator:
    """The row without its secret."""
    return Operator(row.id, row.user_name, row.created, row.disabled, Role(row.role))


def prepare(user_name: str, password: str, role: Role) -> accounts.Operator:
    """A new operator's row, not stored yet; done before the transaction, since hashing takes time. Raises Refused."""
    name = unicodedata.normalize("NFC", user_name).strip()
    if not 1 <= len(name) <= bounds.OPERATOR_NAME_LENGTH or not name.isprintable():
        raise Refused(f"The user name needs 1 to {bounds.OPERATOR_NAME_LENGTH} printable characters.")
    passwords.require_acceptable(password, name)
    return accounts.Operator(
        id=str(uuid.uuid4()),
        user_name=name,
        folded_name=passwords.fold_name(name),
        password_hash=passwords.hash_password(password),
        created=clock.to_wire(clock.utc_now()),
        disabled=False,
        role=role.value,
    )


def create_operator(user_name: str, password: str, by: Actor, role: Role = Role.OWNER) -> Operator:
    """Make another operator. Raises Refused for a name that is taken and for an unfit name or password."""
    row = prepare(user_name, password, role)
    with accounts.writing() as session:
        if accounts.operator_named(session, row.folded_name):
            raise Refused("There is an operator with this user name already.")
        session.add(row)
        audit.record(session, by, Action.OPERATOR_MADE, row.user_name, role=role.value)
        return operator_of(row)


def list_operators() -> list[Operator]:
    """All operators, oldest first."""
    with accounts.reading() as session:
        return [operator_of(row) for row in accounts.operators(session)]


def set_role(user_name: str, role: Role, by: Actor) -> None:
    """Give an operator another role, which ends their sessions. Raises Refused for the last active owner."""
    with accounts.writing() as session:
        row = _named(session, user_name)
        if row.role == role:
            return
        _keep_an_owner(session, row)
        audit.record(session, by, Action.OPERATOR_ROLE, row.user_name, old=row.role, new=role.value)
        row.role = role.value
        sessions.end_of_operator(session, row.id)


def set_disabled(user_name: str, is_disabled: bool, by: Actor) -> None:
    """Disable an operator, which ends their sessions, or enable them again. Raises Refused for the last owner."""
    with accounts.writing() as session:
        row = _named(session, user_name)
        if row.disabled == is_disabled:
            return
        if is_disabled:
            _keep_an_owner(session, row)
        audit.record(session, by, Action.OPERATOR_DISABLED if is_disabled else Action.OPERATOR_ENABLED, row.user_name)
        row.disabled = is_disabled
        sessions.end_of_operator(session, row.id)


def delete_operator(user_name: str, by: Actor) -> None:
    """Delete an operator with their sessions. Raises Refused for the last active owner."""
    with accounts.writing() as session:
        row = _named(session, user_name)
        _keep_an_owner(session, row)
        audit.record(session, by, Action.OPERATOR_DELETED, row.user_name, role=row.role)
        session.delete(row)


def reset_password(user_name: str, password: str, by: Actor) -> None:
    """Give an operator a new password without asking for the old one, and end all their sessions. Raises Refused."""
    passwords.require_acceptable(password, user_name)
    password_hash = passwords.hash_password(password)
    with accounts.writing() as session:
        row = _named(session, user_name)
        row.password_hash = password_hash
        audit.record(session, by, Action.PASSWORD_RESET, row.user_name)
        sessions.end_of_operator(session, row.id)


def change_password(operator_id: str, current: str, password: str, session_id: str, address: str) -> None:
    """Give an operator a new password and end all their sessions but the one named by `session_id`.

    Raises Refused for a wrong current password and for an unfit new one, Slowed as a sign-in does.
    """
    with accounts.reading() as session:
        row = accounts.operator(session, operator_id)
        kept, user_name = (row.password_hash, row.user_name) if row else (None, "")
    passwords.require_acceptable(password, user_name)
    attempt = attempts.begin(user_name, address)
    if not passwords.matches(current, kept):
        raise Refused("The current password is not right.")
    password_hash = passwords.hash_password(password)
    with accounts.writing() as session:
        row = accounts.operator(session, operator_id)
        if row is None or row.password_hash != kept:
            raise Refused("The password was changed from elsewhere in the meantime.")
        row.password_hash = password_hash
        attempts.succeeded(session, attempt)
        audit.record(session, Actor("operator", row.user_name, address), Action.PASSWORD_CHANGED)
        sessions.end_of_operator(session, operator_id, but=session_id)


def _named(session: accounts.Session, user_name: str) -> accounts.Operator:
    row = accounts.operator_named(session, passwords.fold_name(user_name.strip()))
    if row is None:
        raise Refused(UNKNOWN)
    return row


def _keep_an_owner(session: accounts.Session, row: accounts.Operator) -> None:
    """Refuse to take away the last way in that no provider and no SCIM client can close."""
    if row.role == Role.OWNER and not row.disabled and accounts.count_active_owners(session) == 1:
        raise Refused(LAST_OWNER)
