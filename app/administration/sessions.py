"""Signing in, and the sessions that follow: rows on the server, so that any of them can be ended at once.

Not here: the cookie that carries a session's token (app/web/security.py), and what a password must be (passwords.py).
"""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import bounds, clock
from app.administration import attempts, passwords
from app.administration.refusals import Refused, Slowed
from app.administration.secret_hash import hash_secret
from app.scim.errors import ScimError
from app.store import accounts

WRONG = "The user name or the password is not right."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The operator behind a request, and the session that says so."""

    operator_id: str
    user_name: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. Moments are in wire form; `id` is no secret and opens nothing."""

    id: str
    created: str
    last_seen: str
    address: str
    user_agent: str


def sign_in(user_name: str, password: str, address: str, user_agent: str) -> str:
    """A new session's token, 32 random bytes as text, for the right password.

    Raises Refused with one text whatever is wrong, and Slowed (attempts.py says when) without looking at the password.
    """
    name = user_name.strip()
    attempt = attempts.begin(name, address)
    with accounts.reading() as store:
        row = accounts.operator_named(store, passwords.fold_name(name))
        operator_id, kept = (row.id, row.password_hash) if row and not row.disabled else ("", None)
    try:
        is_right = passwords.matches(password, kept)
    except Slowed:
        attempts.take_back(attempt)
        raise
    if not is_right:
        raise Refused(WRONG)
    with accounts.writing() as store:
        row = accounts.operator(store, operator_id)
        if row is None or row.disabled or row.password_hash != kept:
            raise Refused(WRONG)
        attempts.succeeded(store, attempt)
        return _begin(store, operator_id, address, user_agent)


def open_session(operator_id: str, address: str, user_agent: str) -> str:
    """A new session's token for an operator who has just been recognised by other means than a password."""
    with accounts.writing() as store:
        return _begin(store, operator_id, address, user_agent)


def _begin(store: accounts.Session, operator_id: str, address: str, user_agent: str) -> str:
    token = secrets.token_urlsafe(32)
    now = clock.utc_now()
    accounts.end_sessions_before(store, *_limits(now))
    store.add(
        accounts.OperatorSession(
            token_hash=hash_secret(token),
            operator_id=operator_id,
            created=clock.to_wire(now),
            last_seen=clock.to_wire(now),
            address=address,
            user_agent=user_agent[: bounds.USER_AGENT_LENGTH],
        )
    )
    return token


def session(token: str, is_used: bool = True) -> SignedIn | None:
    """Whose session this is, or None when there is none, it is over, or its operator may not sign in any more.

    Not `is_used`: nobody did anything, so the session comes no further from its end.
    Over means: not used for `bounds.SESSION_IDLE_S`, or begun more than `bounds.SESSION_AGE_S` ago; or either of it in
    the future, for after the clock was set back nobody knows how old the session is.
    """
    now = clock.utc_now()
    with accounts.reading() as store:
        row = accounts.session(store, hash_secret(token))
        if row is None or _is_over(row, now):
            return None
        operator = accounts.operator(store, row.operator_id)
        if operator is None or operator.disabled:
            return None
        signed_in = SignedIn(operator.id, operator.user_name, row.token_hash)
        last_seen = row.last_seen
    is_noted = last_seen >= clock.to_wire(now - timedelta(seconds=bounds.SESSION_SEEN_S))
    if is_used and not is_noted and not _pause.is_on:
        _note_seen(signed_in.session_id, clock.to_wire(now))
    return signed_in


class _Pause:
    """After a note that could not be written, none is tried for `bounds.NOTE_PAUSE_S` of this process's own time."""

    def __init__(self) -> None:
        self._until = float("-inf")

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self._until

    def begin(self) -> None:
        self._until = time.monotonic() + bounds.NOTE_PAUSE_S


_pause = _Pause()


def _note_seen(session_id: str, now: str) -> None:
    """Remember that a session was used. While the database cannot be written, reading goes on, and does not wait."""
    try:
        with accounts.writing(wait=False) as store:
            if row := accounts.session(store, session_id):
                row.last_seen = now
    except ScimError:
        _pause.begin()


def sign_out(token: str) -> None:
    """End the session, if there is one."""
    with accounts.writing() as store:
        accounts.end_session(store, hash_secret(token))


def list_sessions(operator_id: str) -> list[Session]:
    """An operator's sessions that are not over, the one used last first."""
    now = clock.utc_now()
    with accounts.reading() as store:
        return [
            Session(row.token_hash, row.created, row.last_seen, row.address, row.user_agent)
            for row in accounts.sessions_of(store, operator_id)
            if not _is_over(row, now)
        ]


def end_session(operator_id: str, session_id: str) -> None:
    """End one of the operator's own sessions; another's session is left alone."""
    with accounts.writing() as store:
        row = accounts.session(store, session_id)
        if row is not None and row.operator_id == operator_id:
            store.delete(row)


def _is_over(row: accounts.OperatorSession, now: datetime) -> bool:
    idle_limit, age_limit = _limits(now)
    future = clock.to_wire(now + timedelta(seconds=bounds.CLOCK_SLACK_S))
    return not (idle_limit <= row.last_seen <= future and age_limit <= row.created <= future)


def _limits(now: datetime) -> tuple[str, str]:
    """The moments before which a session's last use, and its beginning, make it over."""
    idle = now - timedelta(seconds=bounds.SESSION_IDLE_S)
    return clock.to_wire(idle), clock.to_wire(now - timedelta(seconds=bounds.SESSION_AGE_S))
