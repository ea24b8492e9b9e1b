"""This module signs an administrator in with user name, password and, with 2FA, a code.

Between the password and the code there is no session, only a ticket that the browser keeps, encrypted by
app/web/console/access/sign_in.py.
"""

from app import clock
from app.administration import audit
from app.administration.accounts import passwords, sessions, sign_in_limits, two_factor
from app.administration.accounts.sessions import Browser, Method
from app.administration.audit import Action, Actor
from app.administration.credentials.secret_hash import hash_secret
from app.administration.encryption import Sealer
from app.administration.errors import Ended, Refused
from app.store.access import administrator_rows, sign_in_failure_rows
from app.store.access.administrator_rows import AdministratorRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection

WRONG = "The user name or password is incorrect."
WRONG_CODE = "This code is incorrect or was used before."
BEGIN_AGAIN = "This sign-in has expired, or the account was changed. Sign in again."


class CodeWanted(Exception):  # noqa: N818
    """The password is correct, and a code is required as well. `ticket` identifies the administrator and password."""

    def __init__(self, ticket: str) -> None:
        super().__init__()
        self.ticket = ticket


def sign_in(user_name: str, password: str, browser: Browser) -> str:
    """Return the token of a new session for the correct password.

    Raises Refused with the same text for every mistake, Slowed (sign_in_limits.py) without checking the password, and
    CodeWanted for the correct password of an administrator with 2FA. CodeWanted does not reset the failures: an
    attacker who knows the password must not get unlimited attempts at the codes.
    """
    name = user_name.strip()
    with sign_in_limits.counted(name, browser.address) as attempt:
        with directory_database.reading() as connection:
            row = administrator_rows.find_named(connection, passwords.normalize_name(name))
            operator_id, kept = (row.id, row.password_hash) if row and not row.disabled else ("", None)
        is_right = passwords.matches(password, kept)
    with directory_database.writing() as connection:
        row = administrator_rows.find(connection, operator_id) if is_right else None
        if row is not None and not row.disabled and row.password_hash == kept:
            if not two_factor.is_on(connection, row.id):
                return _begin(connection, row, browser, "password")
            sign_in_failure_rows.forget(connection, attempt)
            ticket = _ticket(row)
        else:
            ticket = ""
            # Only existing user names are recorded: users type their password into the wrong field.
            known = administrator_rows.find_named(connection, passwords.normalize_name(name))
            _refuse(
                connection,
                browser,
                known.user_name if known else "",
                because="this administrator is disabled" if known and known.disabled else "user name or password",
            )
    if ticket:
        raise CodeWanted(ticket)
    raise Refused(WRONG)


def sign_in_by_code(ticket: str, code: str, sealer: Sealer, browser: Browser) -> str:
    """Return the token of a new session for the correct code after the correct password.

    A valid recovery code is never slowed: it cannot be guessed, and others must not use up its owner's attempts.

    Raises Refused for an incorrect code, Slowed without checking it, and Ended if the sign-in must start again: the
    administrator was disabled, or their password or second factor was changed.
    """
    with directory_database.reading() as connection:
        row = _holder(connection, ticket)
        if row is None:
            raise Ended(BEGIN_AGAIN)
        name, is_known = row.user_name, two_factor.has_recovery_code(connection, row.id, code)
    if not is_known:
        kind: sign_in_limits.Kind = "recovery code" if two_factor.is_recovery_code(code) else "code"
        with sign_in_limits.counted(name, browser.address, kind):
            pass
    with directory_database.writing() as connection:
        row = _holder(connection, ticket)
        if row is not None:
            shown = two_factor.accept(connection, row, code, sealer, browser.address)
            if shown:
                by: Method = "password and code" if shown == "code" else "password and recovery code"
                return _begin(connection, row, browser, by)
            _refuse(connection, browser, row.user_name, because="code")
            why = two_factor.STOPPED if two_factor.are_codes_stopped(connection, row.id) else WRONG_CODE
    raise Ended(BEGIN_AGAIN) if row is None else Refused(why)


def _begin(connection: Connection, row: AdministratorRow, browser: Browser, by: Method) -> str:
    sign_in_limits.succeeded(connection, row.user_name, browser.address)
    audit.record(connection, Actor("operator", row.user_name, browser.address), Action.SIGNED_IN, by=by)
    return sessions.begin(connection, browser, by, clock.to_wire(clock.utc_now()), operator_id=row.id)


def _refuse(connection: Connection, browser: Browser, user_name: str, because: str) -> None:
    audit.record_refusal(connection, Actor("nobody", address=browser.address), user_name, because=because)


def _ticket(row: AdministratorRow) -> str:
    return f"{row.id} {hash_secret(row.password_hash)}"


def _holder(connection: Connection, ticket: str) -> AdministratorRow | None:
    """Return the administrator of a ticket; None if the ticket is no longer valid."""
    row = administrator_rows.find(connection, ticket.partition(" ")[0])
    is_good = row is not None and not row.disabled and ticket == _ticket(row) and two_factor.is_on(connection, row.id)
    return row if is_good else None
