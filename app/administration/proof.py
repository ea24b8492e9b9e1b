"""Showing again who one is, before keys, roles or single sign-on are changed: a session may have been left open.

Failures are counted in the session itself, and after `bounds.WRONG_PROOFS` of them it is ended. So nobody else can use
up its owner's tries, and whoever found it open has only those few.

Not here: which acts want it (permissions.py), and people who show it to their provider.
"""

from app import bounds, clock
from app.administration import audit, passwords
from app.administration.audit import Action
from app.administration.refusals import Refused
from app.administration.sessions import SignedIn
from app.store import accounts, sessions

ENDED = "That was wrong too often, so this session is ended. Sign in again."


def prove(who: SignedIn, password: str, address: str) -> None:
    """Note in an operator's session that its owner showed just now who they are.

    Raises Refused for a wrong password, and Slowed when too many are being checked.
    """
    with accounts.reading() as store:
        operator = accounts.operator(store, who.operator_id)
        kept = operator.password_hash if operator and not operator.disabled else None
    is_right = passwords.matches(password, kept)
    with accounts.writing() as store:
        operator, row = accounts.operator(store, who.operator_id), sessions.session(store, who.session_id)
        if operator is None or row is None:
            raise Refused(ENDED)
        if is_right and operator.password_hash == kept:
            row.proved, row.wrong_proofs = clock.to_wire(clock.utc_now()), 0
            audit.record(store, who.actor(address), Action.PROVED)
            return
        row.wrong_proofs += 1
        is_over = row.wrong_proofs >= bounds.WRONG_PROOFS
        audit.record(store, who.actor(address), Action.PROOF_REFUSED, ended="the session" if is_over else "")
        if is_over:
            store.delete(row)
    raise Refused(ENDED if is_over else "This password is not right.")
