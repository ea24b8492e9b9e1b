"""This module confirms the identity of a signed-in administrator before a sensitive change.

Attempts are counted per session, before they are checked, and the session ends after `bounds.WRONG_PROOFS` incorrect
ones. So other clients cannot use up the owner's attempts, and an attacker at an open session has only these few.
"""

from collections.abc import Callable

from app import bounds, clock
from app.administration import audit
from app.administration.accounts import passwords, two_factor
from app.administration.accounts.sessions import SignedIn
from app.administration.audit import Action
from app.administration.encryption import Sealer
from app.administration.errors import Ended, Refused
from app.store.access import administrator_rows, session_rows
from app.store.access.administrator_rows import AdministratorRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection

ENDED = "Too many incorrect attempts, so this session is ended. Sign in again."


def prove(who: SignedIn, password: str, code: str, sealer: Sealer, address: str) -> None:
    """Confirm the identity of an administrator, and record it in their session.

    Raises Refused for an incorrect password or code, Ended for the last allowed attempt, Busy if too many are checked.
    """

    def note(connection: Connection, operator: AdministratorRow) -> None:
        session_rows.change(connection, who.session_id, proved=clock.to_wire(clock.utc_now()))
        audit.record(connection, who.actor(address), Action.PROVED)

    shown(who, password, code, sealer, address, lambda: note)


def shown(
    who: SignedIn,
    password: str,
    code: str,
    sealer: Sealer,
    address: str,
    prepared: Callable[[], Callable[[Connection, AdministratorRow], None]],
    field: str = "password",
) -> None:
    """Run an action of an administrator who enters their password and, with 2FA, a code.

    `prepared` is called after the password was verified, and returns the action, which runs in the transaction that
    checks the code. `field` is the label of the password in errors. Raises the same errors as `prove`.
    """
    with passwords.turn():
        kept = _count(who, address)
        act = prepared() if passwords.matches(password, kept) else None
    with directory_database.writing() as connection:
        operator = administrator_rows.find(connection, who.operator_id)
        row = session_rows.find(connection, who.session_id)
        if operator is None or operator.disabled or row is None:
            raise Ended(ENDED)
        wants_code = two_factor.is_on(connection, operator.id)
        # The code is checked last, and only with a correct password: `accept` consumes a valid code.
        if (
            act is not None
            and operator.password_hash == kept
            and (not wants_code or two_factor.accept(connection, operator, code, sealer, address))
        ):
            session_rows.change(connection, who.session_id, wrong_proofs=0)
            act(connection, operator)
            return
        is_over = row.wrong_proofs >= bounds.WRONG_PROOFS
        are_stopped = wants_code and two_factor.are_codes_stopped(connection, operator.id)
        audit.record(connection, who.actor(address), Action.PROOF_REFUSED, ended="the session" if is_over else "")
        if is_over:
            session_rows.end(connection, who.session_id)
    if is_over:
        raise Ended(ENDED)
    why = f"The {field}{' or the code' if wants_code else ''} is incorrect."
    raise Refused(f"{why} {two_factor.STOPPED}" if are_stopped else why)


def _count(who: SignedIn, address: str) -> str:
    """Count an attempt in the session before it is checked, and return the password hash. Raises Ended, Refused."""
    if not who.is_local:
        raise Refused("Only administrators have a password here.")
    with directory_database.writing() as connection:
        operator = administrator_rows.find(connection, who.operator_id)
        row = session_rows.find(connection, who.session_id)
        is_over = row is None or row.wrong_proofs >= bounds.WRONG_PROOFS
        if row is not None and operator is not None and not is_over:
            session_rows.change(connection, who.session_id, wrong_proofs=row.wrong_proofs + 1)
            return operator.password_hash
        if row is not None:  # all allowed attempts are being checked, or were when the program ended
            audit.record(connection, who.actor(address), Action.PROOF_REFUSED, ended="the session")
            session_rows.end(connection, who.session_id)
    raise Ended(ENDED)
