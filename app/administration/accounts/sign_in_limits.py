"""This module counts sign-ins before a password or code is checked, and limits them.

An account has a count of its own for each kind of what is typed, besides that of the address and of the networks
around it. The counts are in the database: a restart forgives nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app import bounds, clock
from app.administration.accounts import passwords
from app.administration.concurrency_limit import Full, Limits, Places
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Busy, Slowed
from app.ip_addresses import CountedNetwork, counted_networks
from app.store.access import sign_in_failure_rows as rows
from app.store.database import directory_database
from app.store.database.directory_database import Connection

Kind = Literal["password", "code", "recovery code"]
"""What is typed: each has a count of its own, so that wrong ones of one kind keep nobody from another."""

RECOVERY = "A recovery code is still accepted."
_PREFIXES: dict[Kind, str] = {"password": "", "code": "codes of ", "recovery code": "recovery codes of "}
_BEYOND = "beyond "
"""Before the network of a try that was looked at although its network had failed too often: it counts there no more."""

# Those whom a failing network leaves one try a minute hold at most one of the places where passwords are looked at.
_beyond = Places(lambda: Limits(bounds.SLOWED_CHECKS_AT_ONCE, bounds.SLOWED_CHECKS_WAITING, bounds.PASSWORD_WAIT_S))


@dataclass(frozen=True, slots=True)
class _Try:
    account: str
    networks: Sequence[CountedNetwork]
    kind: Kind


@contextmanager
def counted(user_name: str, address: str, kind: Kind = "password") -> Iterator[int]:
    """Count a try, and for a password hold one of the few places for it; gives the id of its row.

    A network has failed too often after `bounds.SIGN_IN_FAILURES` within `bounds.SIGN_IN_WINDOW_S`; an IPv6 network
    around the address after more (`bounds.FAILURES_OF_IPV6`). Then an account that has not failed itself has one try
    in `bounds.SIGN_IN_LOOK_S`: others behind the same address lock nobody out. When an account has failed so often
    from anywhere, each address has one try at it. Only codes of the app are slowed for everybody after
    `bounds.CODE_FAILURES`: who comes so far has the password, and a code is short enough to be guessed from many
    addresses.

    Raises:
        Slowed: what was typed must not be looked at. Busy where too many others sign in just now.
    """
    # Hashed, since people type their password into the wrong field.
    tried = _Try(_PREFIXES[kind] + hash_secret(passwords.normalize_name(user_name)), counted_networks(address), kind)
    with ExitStack() as held:
        with directory_database.reading() as connection:  # whoever is slowed takes no place and writes nothing
            is_beyond = _require(connection, tried, clock.utc_now())
        if kind == "password":
            if is_beyond:
                held.enter_context(_place_beyond())
            held.enter_context(passwords.turn())
        with directory_database.writing() as connection:
            now = clock.utc_now()
            # Also what lies ahead: after the clock was set back it would count for ever.
            rows.forget_outside(connection, clock.to_wire(_since(now)), clock.to_wire(now))
            network = (_BEYOND if _require(connection, tried, now) else "") + tried.networks[0].text
            number = rows.add(connection, tried.account, network, clock.to_wire(now))
        yield number


def succeeded(connection: Connection, user_name: str, address: str) -> None:
    """The password was right, and the code: forget the failures of this account from this address."""
    account, network = hash_secret(passwords.normalize_name(user_name)), counted_networks(address)[0].text
    rows.forget_all(connection, [prefix + account for prefix in _PREFIXES.values()], [network, _BEYOND + network])


def failed_sign_ins(address: str) -> int:
    """Return how many tries from an address failed within `bounds.SIGN_IN_WINDOW_S`, as far as they are counted."""
    with directory_database.reading() as connection:
        now = clock.utc_now()
        window = clock.to_wire(_since(now)), clock.to_wire(now)
        return len(rows.moments(connection, *window, network=counted_networks(address)[0].text))


def _require(connection: Connection, tried: _Try, now: datetime) -> bool:
    """Return whether the try is one that a failing network leaves to its account. Raises Slowed."""
    window = clock.to_wire(_since(now)), clock.to_wire(now)
    limit = bounds.CODE_FAILURES if tried.kind == "code" else bounds.SIGN_IN_FAILURES
    own = rows.moments(connection, *window, account=tried.account)
    here = tried.networks[0].text
    failed_here = (rows.moments(connection, *window, tried.account, one) for one in (here, _BEYOND + here))
    if len(own) >= limit and (tried.kind == "code" or any(failed_here)):
        raise _slowed(_wait_s(own, limit, now), tried.kind)
    wait_s = max(_network_wait_s(connection, network, window, now) for network in tried.networks)
    if wait_s and own:
        look_s = bounds.SIGN_IN_LOOK_S - int((now - datetime.fromisoformat(own[-1])).total_seconds())
        if len(own) >= limit or look_s > 0:
            raise _slowed(wait_s if len(own) >= limit else min(wait_s, look_s), tried.kind)
    return wait_s > 0


def _network_wait_s(connection: Connection, network: CountedNetwork, window: tuple[str, str], now: datetime) -> int:
    limit = network.times * bounds.SIGN_IN_FAILURES
    moments = rows.moments(connection, *window, network=network.text)
    return _wait_s(moments, limit, now) if len(moments) >= limit else 0


@contextmanager
def _place_beyond() -> Iterator[None]:
    try:
        with _beyond.taken():
            yield
    except Full:
        raise Busy(bounds.PASSWORD_WAIT_S) from None


def _since(now: datetime) -> datetime:
    return now - timedelta(seconds=bounds.SIGN_IN_WINDOW_S)


def _wait_s(moments: Sequence[str], limit: int, now: datetime) -> int:
    """Whole seconds until so many of the moments are too old that fewer than `limit` are left."""
    first = datetime.fromisoformat(moments[len(moments) - limit])
    return max(1, int((first - _since(now)).total_seconds()) + 1)


def _slowed(wait_s: int, kind: Kind) -> Slowed:
    return Slowed(wait_s, RECOVERY if kind == "code" else "")
