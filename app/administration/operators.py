"""Operators: the local administrators, in a table that SCIM neither sees nor changes.

Not here: how the first one is made (setup.py) and how one signs in (sessions.py).
"""

import unicodedata
import uuid
from dataclasses import dataclass

from app import bounds, clock
from app.administration import attempts, passwords
from app.administration.refusals import Refused
from app.store import accounts


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator without the secrets. `created` is a moment in wire form."""

    id: str
    user_name: str
    created: str
    disabled: bool


def operator_of(row: accounts.Operator) -> Operator:
    """The row without its secret."""
    return Operator(row.id, row.user_name, row.created, row.disabled)


def prepare(user_name: str, password: str) -> accounts.Operator:
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
    )


def create_operator(user_name: str, password: str) -> Operator:
    """Make another operator. Raises Refused for a name that is taken and for an unfit name or password."""
    row = prepare(user_name, password)
    with accounts.writing() as session:
        if accounts.operator_named(session, row.folded_name):
            raise Refused("There is an operator with this user name already.")
        session.add(row)
        return operator_of(row)


def list_operators() -> list[Operator]:
    """All operators, oldest first."""
    with accounts.reading() as session:
        return [operator_of(row) for row in accounts.operators(session)]


def reset_password(user_name: str, password: str) -> None:
    """Give an operator a new password without asking for the old one, and end all their sessions. Raises Refused."""
    passwords.require_acceptable(password, user_name)
    password_hash = passwords.hash_password(password)
    with accounts.writing() as session:
        row = accounts.operator_named(session, passwords.fold_name(user_name.strip()))
        if row is None:
            raise Refused("There is no operator with this user name.")
        row.password_hash = password_hash
        accounts.end_sessions(session, row.id)


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
        accounts.end_sessions(session, operator_id, but=session_id)
