"""This module handles two-factor authentication: the authenticator app (TOTP, RFC 6238) and recovery codes.

A code of the app is valid in its own 30 seconds and the steps before and after, and only once; a recovery code is
valid once. After `bounds.WRONG_CODES` incorrect codes in a row, codes of the app are locked until a recovery code is
used or the password is reset: the attacker has the password, and a code of six digits is guessed in the end.

    recovery code = 6 characters, 4 times, joined by "-"     120 random bits
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from app import bounds, clock
from app.administration import audit
from app.administration.accounts.sessions import SignedIn
from app.administration.audit import ITSELF, Action, Actor
from app.administration.credentials.secret_hash import hash_secret
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.store.access import administrator_rows, session_rows
from app.store.access import two_factor_rows as rows
from app.store.access.administrator_rows import AdministratorRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection

SEAL = "second factor"
"""The purpose of the Sealer that encrypts the secrets."""

STEP_S = 30
DIGITS = 6
ISSUER = "Recnice SCIM"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
GROUPS, GROUP_LENGTH = 4, 6
NOT_BEGUN = "No authenticator app is being set up. Start again."
STOPPED = (
    "Codes of the authenticator app are locked after too many incorrect attempts. Enter a recovery code, then change "
    "the password: an attacker may know it."
)

Shown = Literal["", "code", "recovery code"]
"""The kind of an accepted input: "" for not accepted, a code of the app, or a recovery code."""


@dataclass(frozen=True, slots=True)
class Factor:
    """An active second factor. `confirmed`: since when, in wire form; `codes_left`: unused recovery codes."""

    confirmed: str
    codes_left: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """The data to enter into an authenticator app: `secret` in base 32, and the same as an otpauth: `uri`."""

    secret: str
    uri: str


def factor(operator_id: str) -> Factor | None:
    """Return the second factor of an administrator; None while it is off."""
    with directory_database.reading() as connection:
        row = rows.find(connection, operator_id)
        if row is None or row.confirmed is None:
            return None
        return Factor(row.confirmed, rows.count_recovery_codes(connection, operator_id))


def pairing(who: SignedIn, sealer: Sealer) -> Pairing | None:
    """Return the pairing that was started within `bounds.PAIRING_S` and is not confirmed; None if there is none."""
    with directory_database.reading() as connection:
        row = rows.find(connection, who.operator_id)
        secret = sealer.open(row.secret) if row and _is_under_way(row) else None
    if secret is None:
        return None
    label = quote(f"{ISSUER}:{who.user_name[: bounds.AUTHENTICATOR_NAME_LENGTH]}")
    return Pairing(secret, f"otpauth://totp/{label}?secret={secret}&issuer={quote(ISSUER)}")


def begin(who: SignedIn, sealer: Sealer) -> None:
    """Create a secret, which replaces an unconfirmed one; 2FA stays off until `confirm`. Raises Refused if it is on."""
    import pyotp

    sealed = sealer.seal(pyotp.random_base32())
    with directory_database.writing() as connection:
        if administrator_rows.find(connection, who.operator_id) is None:
            raise Refused("This administrator was deleted.")
        row = rows.find(connection, who.operator_id)
        if row is not None and row.confirmed is not None:
            raise Refused("Two-factor authentication is already on.")
        rows.begin(connection, who.operator_id, sealed, clock.to_wire(clock.utc_now()))


def confirm(who: SignedIn, code: str, sealer: Sealer, by: Actor) -> list[str]:
    """Turn 2FA on with a valid code, end all other sessions, and return the recovery codes; only hashes are stored.

    Raises Refused for an incorrect code, and if no pairing is in progress.
    """
    with directory_database.writing() as connection:
        row = rows.find(connection, who.operator_id)
        secret = sealer.open(row.secret) if row and _is_under_way(row) else None
        if row is None or secret is None:
            raise Refused(NOT_BEGUN)
        step = _step(secret, code, after=row.last_step)
        if step is None:
            raise Refused("This code is incorrect. Enter the code that the app displays now; check the phone's clock.")
        rows.change(connection, who.operator_id, confirmed=clock.to_wire(clock.utc_now()), last_step=step)
        audit.record(connection, by, Action.SECOND_FACTOR_ON)
        session_rows.end_of_operator(connection, who.operator_id, but=who.session_id)
        return _make_codes(connection, who.operator_id)


def turn_off(who: SignedIn, by: Actor) -> None:
    """Turn the administrator's own 2FA off, and end all their other sessions. Raises Refused if it is off."""
    with directory_database.writing() as connection:
        _require_on(connection, who.operator_id)
        audit.record(connection, by, Action.SECOND_FACTOR_OFF, who.user_name)
        rows.remove(connection, who.operator_id)
        session_rows.end_of_operator(connection, who.operator_id, but=who.session_id)


def renew_codes(who: SignedIn, by: Actor) -> list[str]:
    """Replace the recovery codes, and return the new ones; only hashes are stored. Raises Refused if 2FA is off."""
    with directory_database.writing() as connection:
        _require_on(connection, who.operator_id)
        audit.record(connection, by, Action.RECOVERY_CODES_MADE)
        return _make_codes(connection, who.operator_id)


def is_on(connection: Connection, operator_id: str) -> bool:
    """Return whether an administrator needs a code in addition to the password."""
    row = rows.find(connection, operator_id)
    return row is not None and row.confirmed is not None


def accept(connection: Connection, operator: AdministratorRow, typed: str, sealer: Sealer, address: str) -> Shown:
    """Check and consume a typed code, and return its kind; in the transaction that depends on it."""
    row = rows.find(connection, operator.id)
    if row is None or row.confirmed is None:
        return ""
    secret = sealer.open(row.secret) if row.wrong_codes < bounds.WRONG_CODES else None
    step = _step(secret, typed, after=row.last_step) if secret else None
    if step is not None:
        rows.change(connection, operator.id, last_step=step, wrong_codes=0)
        return "code"
    now = clock.to_wire(clock.utc_now())
    if not rows.use_recovery_code(connection, operator.id, hash_secret(_plain(typed)), now):
        if is_recovery_code(typed):
            return ""  # not an attempt at a code of the app, so not counted as one
        rows.change(connection, operator.id, wrong_codes=row.wrong_codes + 1)
        if row.wrong_codes + 1 == bounds.WRONG_CODES:
            audit.record(connection, ITSELF, Action.CODES_STOPPED, operator.user_name)
        return ""
    rows.change(connection, operator.id, wrong_codes=0)
    audit.record(connection, Actor("operator", operator.user_name, address), Action.RECOVERY_CODE_USED)
    return "recovery code"


def is_recovery_code(typed: str) -> bool:
    """Return whether a text has the form of a recovery code, and so is not an attempt at a code of the app."""
    plain = _plain(typed)
    return len(plain) == GROUPS * GROUP_LENGTH and set(plain) <= set(LETTERS)


def has_recovery_code(connection: Connection, operator_id: str, typed: str) -> bool:
    """Return whether a text is an unused recovery code of the administrator."""
    return rows.has_recovery_code(connection, operator_id, hash_secret(_plain(typed)))


def are_codes_stopped(connection: Connection, operator_id: str) -> bool:
    """Return whether codes of the app are locked after too many incorrect ones."""
    row = rows.find(connection, operator_id)
    return row is not None and row.wrong_codes >= bounds.WRONG_CODES


def _is_under_way(row: rows.SecondFactorRow) -> bool:
    """Return whether a pairing is in progress. An older secret expires: a former user of the session may know it."""
    now = clock.utc_now()
    since = now - timedelta(seconds=bounds.PAIRING_S)
    ahead = now + timedelta(seconds=bounds.CLOCK_SLACK_S)
    return row.confirmed is None and clock.to_wire(since) <= row.created <= clock.to_wire(ahead)


def _require_on(connection: Connection, operator_id: str) -> None:
    if not is_on(connection, operator_id):
        raise Refused("Two-factor authentication is already off.")


def _step(secret: str, typed: str, after: int) -> int | None:
    """Return the time step of a typed code; None for an incorrect code, or a step not `after` the last used one."""
    import pyotp

    now = int(clock.utc_now().timestamp()) // STEP_S
    app, code = pyotp.HOTP(secret, digits=DIGITS), _plain(typed).encode("utf-8", "replace")
    steps = range(now - bounds.CODE_DRIFT_STEPS, now + bounds.CODE_DRIFT_STEPS + 1)
    fitting = [step for step in steps if hmac.compare_digest(app.at(step).encode(), code)]
    return max((step for step in fitting if step > after), default=None)


def _make_codes(connection: Connection, operator_id: str) -> list[str]:
    codes = [
        "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
        for _ in range(bounds.RECOVERY_CODES)
    ]
    rows.replace_recovery_codes(connection, operator_id, [hash_secret(_plain(code)) for code in codes])
    return codes


def _plain(typed: str) -> str:
    """Return a code in lower case, without the hyphens and spaces that make it readable."""
    return "".join(typed.replace("-", "").split()).lower()
