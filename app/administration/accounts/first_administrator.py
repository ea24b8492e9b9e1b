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
    """Return whether there is an administrator."""
    with directory_database.reading() as connection:
        return administrator_rows.has_any(connection)


def create_setup_code() -> str:
    """Create and return a code that is valid once and for an hour. Earlier codes stay valid until they expire.

    Raises Refused if there is an administrator.
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
    """Return whether the code can create the first administrator now."""
    with directory_database.reading() as connection:
        return rows.is_open(connection, hash_secret(code), *_moments())


def claim_setup(code: str, user_name: str, password: str, browser: Browser) -> str:
    """Consume the code, create the first administrator, and return the token of a new session, in one transaction.

    Of two concurrent requests, exactly one succeeds. Raises Refused for a code that is unknown, used or expired, and
    for an invalid name or password (the code then stays valid).
    """
    # Checked first, so that an unauthenticated client without a code cannot cause the cost of password hashing.
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
    """Return now, and the latest creation time of an accepted code: one from the future would be valid for too long."""
    now = clock.utc_now()
    return clock.to_wire(now), clock.to_wire(now + timedelta(seconds=bounds.CLOCK_SLACK_S))
