"""This module creates the first administrator by a one-time setup code."""

import secrets
from dataclasses import replace
from datetime import timedelta

from app import bounds, clock
from app.administration import audit
from app.administration.accounts import administrators, sessions
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST, Action, Actor
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Refused
from app.console_roles import Role
from app.store.access import administrator_rows
from app.store.access import setup_code_rows as rows
from app.store.database import directory_database

USED_UP = "This setup link was used before or has expired."
ALREADY = "Recnice SCIM is already set up."


def is_set_up() -> bool:
    """Whether there is an operator."""
    with directory_database.reading() as connection:
        return administrator_rows.has_any(connection)


def create_setup_code() -> str:
    """A new code, valid for an hour and once. Earlier ones stay valid until their hour is over.

    Raises Refused when there is an operator.
    """
    code = secrets.token_urlsafe(24)
    now = clock.utc_now()
    with directory_database.writing() as connection:
        if administrator_rows.has_any(connection):
            raise Refused(ALREADY)
        rows.forget_expired(connection, clock.to_wire(now))
        expires = clock.to_wire(now + timedelta(seconds=bounds.SETUP_CODE_S))
        rows.add(connection, hash_secret(code), clock.to_wire(now), expires)
        audit.record(connection, HOST, Action.SETUP_LINK)
    return code


def is_setup_code_open(code: str) -> bool:
    """Whether the code could make the first operator now."""
    with directory_database.reading() as connection:
        return rows.is_open(connection, hash_secret(code), *_moments())


def claim_setup(code: str, user_name: str, password: str, browser: Browser) -> str:
    """Consume the code, make the first operator and begin a session of theirs, all or nothing; the session's token.

    Of two who come at once exactly one is let in. Raises Refused for a code that is unknown, used or too old, and for
    an unfit name or password (the code stays good).
    """
    # Asked first, so that a stranger without a code cannot make this machine hash passwords.
    if not is_setup_code_open(code):
        raise Refused(USED_UP)
    row = administrators.prepare(user_name, password, Role.OWNER)
    with directory_database.writing() as connection:
        now, ahead = _moments()
        if not rows.consume(connection, hash_secret(code), now, ahead):
            raise Refused(USED_UP)
        made = audit.record(connection, Actor("operator", row.user_name, browser.address), Action.SET_UP)
        administrator_rows.add(connection, replace(row, created=made))
        return sessions.begin(connection, browser, "set-up", now, operator_id=row.id)


def _moments() -> tuple[str, str]:
    """Now, and until when a code can have been made: one of the future would last longer than its hour."""
    now = clock.utc_now()
    return clock.to_wire(now), clock.to_wire(now + timedelta(seconds=bounds.CLOCK_SLACK_S))
