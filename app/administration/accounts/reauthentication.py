"""This module asks a signed-in person to confirm their identity before a sensitive change.

Tries are counted in the session itself, before they are looked at, and after `bounds.WRONG_PROOFS` wrong ones it is
ended. So nobody else can use up its owner's tries, and whoever found it open has only those few.
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
    """Note in an operator's session that its owner showed just now who they are.

    Raises Refused for a wrong password or code, Ended for the last wrong one, Busy when too many are being checked.
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
    """Do something for an operator who shows their password, and a code where their second factor is on.

    `prepared` runs once the password is known to be right, and gives what is done in the transaction that judges.
    `field` is what the page calls the password. Raises as `prove` does.
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
        # The code last, and beside a right password alone: looking at a right one uses it up.
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
    """Count a try in the session, before it is looked at; the hash to compare with. Raises Ended, Refused."""
    if not who.is_local:
        raise Refused("Only administrators have a password here.")
    with directory_database.writing() as connection:
        operator = administrator_rows.find(connection, who.operator_id)
        row = session_rows.find(connection, who.session_id)
        is_over = row is None or row.wrong_proofs >= bounds.WRONG_PROOFS
        if row is not None and operator is not None and not is_over:
            session_rows.change(connection, who.session_id, wrong_proofs=row.wrong_proofs + 1)
            return operator.password_hash
        if row is not None:  # as many as may be wrong are looked at just now, or were when the program was ended
            audit.record(connection, who.actor(address), Action.PROOF_REFUSED, ended="the session")
            session_rows.end(connection, who.session_id)
    raise Ended(ENDED)
