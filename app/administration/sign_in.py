"""Signing in with a user name and a password: for the operators of this appliance, and for nobody else.

Not here: the session that follows (sessions.py), what a password must be (passwords.py), single sign-on.
"""

from app import clock
from app.administration import attempts, audit, passwords, sessions
from app.administration.audit import Action, Actor
from app.administration.refusals import Refused, Slowed
from app.administration.sessions import Browser
from app.store import accounts

WRONG = "The user name or the password is not right."


def sign_in(user_name: str, password: str, browser: Browser) -> str:
    """A new session's token for the right password.

    Raises Refused with one text whatever is wrong, and Slowed (attempts.py says when) without looking at the password.
    """
    name = user_name.strip()
    attempt = attempts.begin(name, browser.address)
    with accounts.reading() as store:
        row = accounts.operator_named(store, passwords.fold_name(name))
        operator_id, kept = (row.id, row.password_hash) if row and not row.disabled else ("", None)
    try:
        is_right = passwords.matches(password, kept)
    except Slowed:
        attempts.take_back(attempt)
        raise
    with accounts.writing() as store:
        row = accounts.operator(store, operator_id) if is_right else None
        if row is not None and not row.disabled and row.password_hash == kept:
            attempts.succeeded(store, attempt)
            audit.record(store, Actor("operator", row.user_name, browser.address), Action.SIGNED_IN, by="password")
            now = clock.to_wire(clock.utc_now())
            return sessions.begin(store, browser, "password", now, operator_id=operator_id)
        # Only a name that is known here: people type their password into the wrong field.
        known = accounts.operator_named(store, passwords.fold_name(name))
        audit.record_refusal(
            store,
            Actor("nobody", address=browser.address),
            known.user_name if known else "",
            because="this operator is disabled" if known and known.disabled else "user name or password",
        )
    raise Refused(WRONG)
