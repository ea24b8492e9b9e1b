"""This module creates, finds and ends the sessions of signed-in browsers.

Of operators, and of provisioned people who came in by single sign-on.
"""

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
"""How a session was begun."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is behind a request, and the session that says so: an operator, or a provisioned person.

    Exactly one of `operator_id` and `user_id` is set. `role` is None for a person to whom none is granted. `proved`:
    when they last showed who they are (wire form, "" for unknown). `audited_name`: what the audit calls a person.
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
        """Whether it is an operator of this appliance."""
        return bool(self.operator_id)

    def is_proved(self) -> bool:
        """Whether they showed within `bounds.PROOF_S` who they are."""
        now = clock.utc_now()
        since, until = clock.to_wire(now - timedelta(seconds=bounds.PROOF_S)), clock.to_wire(now + _SLACK)
        return since <= self.proved <= until

    def actor(self, address: str, permission: Permission | None = None) -> Actor:
        """As the audit names them; with a permission, to be held to it in the transaction of the act."""
        kind: Literal["operator", "person"] = "operator" if self.is_local else "person"
        return Actor(kind, self.audited_name or self.user_name, address, self.session_id, permission)


_SLACK = timedelta(seconds=bounds.CLOCK_SLACK_S)


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. Moments are in wire form; `id` is no secret and opens nothing."""

    id: str
    method: str
    created: str
    last_seen: str
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Browser:
    """What is known of a browser: its address, and what it says of itself."""

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
    """A new session's token, 32 random bytes as text, in the transaction in which somebody was recognized.

    Of more than `bounds.SESSIONS` of one owner those that were used last stay.
    `proved`: when that was shown, which may be long ago where a provider remembers it; "" if it is not known.
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
    """Another token for a session that goes on; "" where it is over. Whoever has a copy of the old one is out."""
    if rows.find(connection, session_id) is None:
        return ""
    token = secrets.token_urlsafe(32)
    rows.change(connection, session_id, token_hash=hash_secret(token))
    return token


def session(token: str, is_used: bool = True) -> SignedIn | None:
    """Whose session this is, or None when there is none, it is over, or its owner may not sign in any more.

    Not `is_used`: nobody did anything, so the session comes no further from its end.
    Over means: not used for `bounds.SESSION_IDLE_S`, or begun more than `bounds.SESSION_AGE_S` ago; or either of it in
    the future, for after the clock was set back nobody knows how old the session is.
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
    name, unique = name_of(person.document), person.user_name  # any other can have the same display name
    return SignedIn(row.token_hash, name, granted, user_id=person.id, proved=row.proved, audited_name=unique)


_failed_notes = Throttle()
"""After a note that could not be written, none is tried for a while."""


def _note_seen(session_id: str, now: str) -> None:
    """Remember that a session was used. While the database cannot be written, reading goes on, and does not wait."""
    try:
        with directory_database.writing(wait=False) as connection:
            rows.change(connection, session_id, last_seen=now)
    except ScimError:
        _failed_notes.begin()


def sign_out(token: str, address: str) -> None:
    """End the session, if there is one."""
    with directory_database.writing() as connection:
        row = rows.find(connection, hash_secret(token))
        if row is None:
            return
        if owner := _owner(connection, row):
            audit.record(connection, owner.actor(address), Action.SIGNED_OUT)
        rows.end(connection, row.token_hash)


def list_sessions(who: SignedIn) -> list[Session]:
    """Somebody's own sessions that are not over, the one used last first."""
    now = clock.utc_now()
    with directory_database.reading() as connection:
        return [
            Session(row.token_hash, row.method, row.created, row.last_seen, row.address, row.user_agent)
            for row in rows.list_owned(connection, who.operator_id or None, who.user_id or None)
            if not _is_over(row, now)
        ]


def end_session(who: SignedIn, session_id: str, address: str) -> None:
    """End one of somebody's own sessions; another's session is left alone."""
    with directory_database.writing() as connection:
        row = rows.find(connection, session_id)
        if row is not None and (row.operator_id or "", row.user_id or "") == (who.operator_id, who.user_id):
            audit.record(connection, who.actor(address), Action.SESSION_ENDED, began=row.created, where=row.address)
            rows.end(connection, row.token_hash)


def _is_over(row: SessionRow, now: datetime) -> bool:
    idle_limit, age_limit, future = _limits(now)
    return not (idle_limit <= row.last_seen <= future and age_limit <= row.created <= future)


def _limits(now: datetime) -> tuple[str, str, str]:
    """Since when a session must have been used, since when it must have begun, and until when both of it."""
    idle, age = (now - timedelta(seconds=seconds) for seconds in (bounds.SESSION_IDLE_S, bounds.SESSION_AGE_S))
    return clock.to_wire(idle), clock.to_wire(age), clock.to_wire(now + _SLACK)
