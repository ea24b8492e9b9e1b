"""This module creates, finds and ends the browser sessions of administrators and of users with single sign-on."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.credentials.secret_hash import hash_secret
from app.administration.permissions import Permission
from app.console_roles import Role
from app.scim.errors import ScimError
from app.scim.resource_types import name_of
from app.store.access import administrator_rows, sign_in_users
from app.store.access import session_rows as rows
from app.store.access.session_rows import SessionRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.throttle import Throttle

Method = Literal["set-up", "password", "password and code", "password and recovery code", "single sign-on"]
"""The sign-in method of a session."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The signed-in administrator or SCIM user of a request, with the session.

    Exactly one of `operator_id` and `user_id` is set. `role` is None for a user without a role. `proved`: when they
    last confirmed their identity (wire form, "" for unknown). `audited_name`: the name of a user in the audit.
    """

    session_id: str
    user_name: str
    role: Role | None
    operator_id: str = ""
    user_id: str = ""
    proved: str = ""
    audited_name: str = ""

    @property
    def is_local(self) -> bool:
        """Whether it is an administrator, not a SCIM user."""
        return bool(self.operator_id)

    def is_proved(self) -> bool:
        """Return whether the identity was confirmed within `bounds.PROOF_S`."""
        now = clock.utc_now()
        since, until = clock.to_wire(now - timedelta(seconds=bounds.PROOF_S)), clock.to_wire(now + _SLACK)
        return since <= self.proved <= until

    def actor(self, address: str, permission: Permission | None = None) -> Actor:
        """Return the actor for the audit; with a permission, `audit.record` verifies it in the action's transaction."""
        kind: Literal["operator", "person"] = "operator" if self.is_local else "person"
        return Actor(kind, self.audited_name or self.user_name, address, self.session_id, permission)


_SLACK = timedelta(seconds=bounds.CLOCK_SLACK_S)


@dataclass(frozen=True, slots=True)
class Browser:
    """The IP address and the User-Agent of a browser."""

    address: str = ""
    user_agent: str = ""


def begin(
    connection: Connection,
    browser: Browser,
    method: Method,
    proved: str,
    *,
    operator_id: str | None = None,
    user_id: str | None = None,
) -> str:
    """Create a session in the transaction of the sign-in, and return its token, 32 random bytes as text.

    Of more than `bounds.SESSIONS` sessions of one owner, those used last are kept. `proved`: when the identity was
    confirmed, which may be long ago if the provider remembers the sign-in; "" if unknown.
    """
    token = secrets.token_urlsafe(32)
    now = clock.utc_now()
    rows.end_outside(connection, *_limits(now))
    rows.end_surplus(connection, operator_id, user_id, bounds.SESSIONS - 1)
    rows.add(
        connection,
        SessionRow(
            token_hash=hash_secret(token),
            operator_id=operator_id,
            user_id=user_id,
            method=method,
            created=clock.to_wire(now),
            last_seen=clock.to_wire(now),
            proved=proved,
            wrong_proofs=0,
            address=browser.address,
            user_agent=browser.user_agent[: bounds.USER_AGENT_LENGTH],
        ),
    )
    return token


def renew(connection: Connection, session_id: str) -> str:
    """Replace the token of a session, and return the new one; "" if the session has ended. The old token is invalid."""
    if rows.find(connection, session_id) is None:
        return ""
    token = secrets.token_urlsafe(32)
    rows.change(connection, session_id, token_hash=hash_secret(token))
    return token


def session(token: str, is_used: bool = True) -> SignedIn | None:
    """Return the owner of a session, or None if there is none, it has ended, or its owner can no longer sign in.

    `is_used` extends the session; it is False for requests that the user did not cause. A session ends after
    `bounds.SESSION_IDLE_S` without use, and `bounds.SESSION_AGE_S` after it began. It also ends if either time is in
    the future: after the clock was set back, the age of the session is unknown.
    """
    now = clock.utc_now()
    with directory_database.reading() as connection:
        row = rows.find(connection, hash_secret(token))
        if row is None or _is_over(row, now):
            return None
        signed_in = _owner(connection, row)
        if signed_in is None:
            return None
    is_noted = row.last_seen >= clock.to_wire(now - timedelta(seconds=bounds.SESSION_SEEN_S))
    if is_used and not is_noted and _failed_notes.is_due(bounds.NOTE_PAUSE_S):
        _note_seen(signed_in.session_id, clock.to_wire(now))
    return signed_in


def _owner(connection: Connection, row: SessionRow) -> SignedIn | None:
    if row.operator_id:
        operator = administrator_rows.find(connection, row.operator_id)
        if operator is None or operator.disabled:
            return None
        role = Role(operator.role)
        return SignedIn(row.token_hash, operator.user_name, role, operator_id=operator.id, proved=row.proved)
    person = sign_in_users.person(connection, row.user_id or "")
    if person is None or not person.is_active:
        return None
    granted = Role(person.role) if person.role else None
    name, unique = name_of(person.document), person.user_name  # display names are not unique
    return SignedIn(row.token_hash, name, granted, user_id=person.id, proved=row.proved, audited_name=unique)


_failed_notes = Throttle()
"""The pause after a time of last use that could not be stored."""


def _note_seen(session_id: str, now: str) -> None:
    """Store the time of last use of a session. Does not wait, and ignores a database that cannot be written."""
    try:
        with directory_database.writing(wait=False) as connection:
            rows.change(connection, session_id, last_seen=now)
    except ScimError:
        _failed_notes.begin()


def sign_out(token: str, address: str) -> None:
    """End the session of a token, if there is one."""
    with directory_database.writing() as connection:
        row = rows.find(connection, hash_secret(token))
        if row is None:
            return
        if owner := _owner(connection, row):
            audit.record(connection, owner.actor(address), Action.SIGNED_OUT)
        rows.end(connection, row.token_hash)


def list_sessions(who: SignedIn) -> list[SessionRow]:
    """Return the user's own active sessions, the one used last first. `token_hash` gives no access."""
    now = clock.utc_now()
    with directory_database.reading() as connection:
        owned = rows.list_owned(connection, who.operator_id or None, who.user_id or None)
    return [row for row in owned if not _is_over(row, now)]


def end_session(who: SignedIn, session_id: str, address: str) -> None:
    """End one of the user's own sessions; the id of another user's session is ignored."""
    with directory_database.writing() as connection:
        row = rows.find(connection, session_id)
        if row is not None and (row.operator_id or "", row.user_id or "") == (who.operator_id, who.user_id):
            audit.record(connection, who.actor(address), Action.SESSION_ENDED, began=row.created, where=row.address)
            rows.end(connection, row.token_hash)


def _is_over(row: SessionRow, now: datetime) -> bool:
    idle_limit, age_limit, future = _limits(now)
    return not (idle_limit <= row.last_seen <= future and age_limit <= row.created <= future)


def _limits(now: datetime) -> tuple[str, str, str]:
    """Return the earliest last use, the earliest beginning, and the latest time of both, of an active session."""
    idle, age = (now - timedelta(seconds=seconds) for seconds in (bounds.SESSION_IDLE_S, bounds.SESSION_AGE_S))
    return clock.to_wire(idle), clock.to_wire(age), clock.to_wire(now + _SLACK)
