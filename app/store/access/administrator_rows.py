"""This module stores administrators, failed sign-ins and setup codes.

Every function works in the transaction that the caller opened with `reading()` or `writing()`.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from app.console_roles import Role
from app.store.access.account_tables import AuditEntry, Operator, SetupCode, SignInFailure
from app.store.database import directory_database

__all__ = ["Operator", "Session", "SetupCode"]

_AFTER_DIGITS = "g"


@contextmanager
def reading() -> Iterator[Session]:
    """An ORM session on one unchanging state; changes to its rows are thrown away."""
    with directory_database.reading() as connection, Session(connection, autoflush=False) as session:
        yield session


@contextmanager
def writing(wait: bool = True) -> Iterator[Session]:
    """An ORM session in the writing transaction, as `db.writing`; what was added or changed is written at the end."""
    with directory_database.writing(wait) as connection, Session(connection, expire_on_commit=False) as session:
        yield session
        session.flush()


# --- operators --------------------------------------------------------------------------------------------------------


def has_operator(session: Session) -> bool:
    return bool(session.scalar(select(exists().select_from(Operator))))


def operators(session: Session) -> Sequence[Operator]:
    return session.scalars(select(Operator).order_by(Operator.created, Operator.id)).all()


def operator(session: Session, operator_id: str) -> Operator | None:
    return session.get(Operator, operator_id)


def operator_named(session: Session, folded_name: str) -> Operator | None:
    return session.scalar(select(Operator).where(Operator.folded_name == folded_name))


def count_active_owners(session: Session) -> int:
    """Operators who may sign in and do everything."""
    owners = select(func.count()).where(Operator.role == Role.OWNER.value, Operator.disabled.is_(False))
    return session.scalar(owners) or 0


def last_acts(session: Session, actions: Collection[str]) -> dict[str, str]:
    """When each actor of the audit last did one of these, by the names that the audit gives them."""
    at = select(AuditEntry.actor, func.max(AuditEntry.at)).where(AuditEntry.action.in_(actions))
    return {row[0]: row[1] for row in session.execute(at.group_by(AuditEntry.actor))}


# --- set-up codes -----------------------------------------------------------------------------------------------------


def is_setup_code_open(session: Session, code_hash: str, now: str, ahead: str) -> bool:
    """Whether the code is known, not consumed, not expired, not made after `ahead`, and there is no operator."""
    code = session.get(SetupCode, code_hash)
    is_good = code is not None and code.consumed is None and code.expires > now and code.created <= ahead
    return is_good and not has_operator(session)


def consume_setup_code(session: Session, code_hash: str, now: str, ahead: str) -> bool:
    """Use an open code up; true for exactly one caller."""
    consumed = session.execute(
        update(SetupCode)
        .where(SetupCode.hash == code_hash, SetupCode.consumed.is_(None))
        .where(SetupCode.expires > now, SetupCode.created <= ahead)
        .where(~exists().select_from(Operator))
        .values(consumed=now)
        .returning(SetupCode.hash)
    )
    return consumed.first() is not None


def forget_setup_codes(session: Session, expired_at: str) -> None:
    session.execute(delete(SetupCode).where(SetupCode.expires <= expired_at))


# --- refused sign-ins -------------------------------------------------------------------------------------------------


def add_failure(session: Session, account: str, address: str, at: str) -> int:
    """The new row's id, by which it can be taken back."""
    row = SignInFailure(account=account, address=address, at=at)
    session.add(row)
    session.flush()
    return row.id


def failures(
    session: Session, since: str, until: str, account: str | None = None, network: str | None = None
) -> Sequence[str]:
    """When the failures of an account, of a network, or of both together were; oldest first.

    `network`: how the address of a failure begins, in hexadecimal digits or to its end (networks.counted_networks).
    """
    moments = select(SignInFailure.at).order_by(SignInFailure.at)
    moments = moments.where(SignInFailure.at >= since, SignInFailure.at <= until)
    if account is not None:
        moments = moments.where(SignInFailure.account == account)
    if network is not None:
        moments = moments.where(SignInFailure.address >= network, SignInFailure.address < f"{network}{_AFTER_DIGITS}")
    return session.scalars(moments).all()


def forget_failure(session: Session, failure_id: int) -> None:
    session.execute(delete(SignInFailure).where(SignInFailure.id == failure_id))


def forget_failures(session: Session, accounts: Collection[str], addresses: Collection[str]) -> None:
    session.execute(
        delete(SignInFailure).where(SignInFailure.account.in_(accounts), SignInFailure.address.in_(addresses))
    )


def forget_failures_outside(session: Session, since: str, until: str) -> None:
    session.execute(delete(SignInFailure).where(or_(SignInFailure.at < since, SignInFailure.at > until)))
