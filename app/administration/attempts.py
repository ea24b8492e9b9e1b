"""Sign-ins counted before password or code is looked at, so that guessing is slow and many at once gain nothing.

The count is in the database: a restart forgives nothing. Not here: what is tried (sign_in.py), and tries within a
session (proof.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import bounds, clock
from app.administration.networks import counted_as
from app.administration.passwords import fold_name
from app.administration.refusals import Slowed
from app.administration.secret_hash import hash_secret
from app.store import accounts


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at an account's password, from one network; counted as a failure until something else is known."""

    id: int
    account: str
    network: str


def begin(user_name: str, address: str, is_code: bool = False) -> Attempt:
    """Count a try. Raises Slowed, and then the password must not be looked at.

    Slowed is an address with `bounds.SIGN_IN_FAILURES` failures within `bounds.SIGN_IN_WINDOW_S`. When one account has
    had so many from anywhere, each address has one try at it; so whoever attacks an account cannot lock its owner out.
    With `is_code` it is a try at a code, and an account with `bounds.CODE_FAILURES` of those is slowed for everybody:
    who comes so far has the password, and a code is short enough to be guessed from many addresses.
    """
    # Hashed, since people type their password into the wrong field.
    account, network = hash_secret(fold_name(user_name)), counted_as(address)
    with accounts.writing() as store:
        now = clock.utc_now()
        since = now - timedelta(seconds=bounds.SIGN_IN_WINDOW_S)
        # Also what lies ahead: after the clock was set back it would count for ever.
        accounts.forget_failures_outside(store, clock.to_wire(since), clock.to_wire(now))
        by_address = accounts.failures(store, address=network)
        by_both = accounts.failures(store, account=account, address=network)
        by_account = accounts.failures(store, account=account)
        if len(by_address) >= bounds.SIGN_IN_FAILURES or (by_both and len(by_account) >= bounds.SIGN_IN_FAILURES):
            raise _slowed(by_address, since)
        at = clock.to_wire(now)
        if is_code:
            codes, of_codes = _counted_as_code(account, network)
            by_codes = accounts.failures(store, account=codes)
            if len(by_codes) >= bounds.CODE_FAILURES:
                raise _slowed(by_codes, since)
            accounts.add_failure(store, codes, of_codes, at)
        return Attempt(accounts.add_failure(store, account, network, at), account, network)


def succeeded(store: accounts.Session, attempt: Attempt) -> None:
    """The password was right, and the code: forget the failures of this account from this network."""
    accounts.forget_failures(store, attempt.account, attempt.network)
    accounts.forget_failures(store, *_counted_as_code(attempt.account, attempt.network))


def take_back(attempt: Attempt) -> None:
    """The password was never looked at, so nothing is held against anyone."""
    with accounts.writing() as store:
        accounts.forget_failure(store, attempt.id)


def _counted_as_code(account: str, network: str) -> tuple[str, str]:
    """Under which account and network a try at a code is counted once more: under none that a password has."""
    return f"codes of {account}", f"a code from {network}"


def _slowed(moments: Sequence[str], since: datetime) -> Slowed:
    """Until the oldest of the failures counts no more."""
    return Slowed(max(1, int((datetime.fromisoformat(moments[0]) - since).total_seconds()) + 1))
