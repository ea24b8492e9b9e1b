"""This module stores authenticator secrets and recovery codes.

Every function works in the caller's transaction.
"""

from collections.abc import Iterable

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.store.access.account_tables import RecoveryCode, SecondFactor

__all__ = ["RecoveryCode", "SecondFactor"]


def factor(session: Session, operator_id: str) -> SecondFactor | None:
    """Confirmed or not."""
    return session.get(SecondFactor, operator_id)


def owners(session: Session) -> frozenset[str]:
    """The ids of the operators whose second factor is confirmed."""
    return frozenset(session.scalars(select(SecondFactor.operator_id).where(SecondFactor.confirmed.is_not(None))))


def forget_wrong_codes(session: Session, operator_id: str) -> None:
    session.execute(update(SecondFactor).where(SecondFactor.operator_id == operator_id).values(wrong_codes=0))


def forget_unconfirmed(session: Session, operator_id: str) -> None:
    mine = SecondFactor.operator_id == operator_id
    session.execute(delete(SecondFactor).where(mine, SecondFactor.confirmed.is_(None)))


def remove(session: Session, operator_id: str) -> None:
    """The factor and all of its recovery codes."""
    session.execute(delete(SecondFactor).where(SecondFactor.operator_id == operator_id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))


def recovery_code(session: Session, operator_id: str, code_hash: str) -> RecoveryCode | None:
    """Used or not."""
    return session.get(RecoveryCode, (operator_id, code_hash))


def replace_recovery_codes(session: Session, operator_id: str, hashes: Iterable[str]) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))
    session.add_all(RecoveryCode(operator_id=operator_id, hash=one) for one in hashes)


def count_recovery_codes(session: Session, operator_id: str) -> int:
    """Those that can still be used."""
    left = select(func.count()).where(RecoveryCode.operator_id == operator_id, RecoveryCode.used.is_(None))
    return session.scalar(left) or 0
