"""This module counts sign-in attempts before a password or code is checked, and limits them.

Attempts are counted per account and kind of input, per IP address and per network around it. The counts are stored in
the database, so that a restart does not reset them.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app import bounds, clock
from app.administration.accounts import passwords
from app.administration.concurrency_limit import Limits, Places
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Busy, Slowed
from app.ip_addresses import CountedNetwork, counted_networks
from app.store.access import sign_in_failure_rows as rows
from app.store.database import directory_database
from app.store.database.directory_database import Connection

Kind = Literal["password", "code", "recovery code"]
"""The kinds of input. Each is counted separately, so that incorrect input of one kind does not block another."""

RECOVERY = "A recovery code is still accepted."
_PREFIXES: dict[Kind, str] = {"password": "", "code": "codes of ", "recovery code": "recovery codes of "}
_BEYOND = "beyond "
"""The prefix of the network of an attempt that was checked although its network had failed too often. With it, the
attempt does not count for the network."""

# Attempts from networks that failed too often hold at most one of the places for password checks.
_beyond = Places(
    lambda: Limits(bounds.SLOWED_CHECKS_AT_ONCE, bounds.SLOWED_CHECKS_WAITING, bounds.PASSWORD_WAIT_S),
    lambda: Busy(bounds.PASSWORD_WAIT_S),
)


@dataclass(frozen=True, slots=True)
class _Try:
    account: str
    networks: Sequence[CountedNetwork]
    kind: Kind


@contextmanager
def counted(user_name: str, address: str, kind: Kind = "password") -> Iterator[int]:
    """Count an attempt, yield the id of its row, and for a password hold one of the places for password checks.

    A network has failed too often after `bounds.SIGN_IN_FAILURES` within `bounds.SIGN_IN_WINDOW_S`; an IPv6 network
    around the address after more (`bounds.FAILURES_OF_IPV6`). Then an account without failures of its own has one
    attempt per `bounds.SIGN_IN_LOOK_S`, so that others behind the same IP address cannot lock it out. After
    `bounds.SIGN_IN_FAILURES` failures of an account from anywhere, each IP address has one attempt at it. Only codes of
    the app are slowed for all IP addresses, after `bounds.CODE_FAILURES`: an attacker at this step has the password,
    and a code is short enough to be guessed from many IP addresses.

    Raises:
        Slowed: the input must not be checked.
        Busy: too many sign-ins are in progress.
    """
    # Hashed, since users type their password into the wrong field.
    tried = _Try(_PREFIXES[kind] + hash_secret(passwords.normalize_name(user_name)), counted_networks(address), kind)
    with ExitStack() as places:
        with directory_database.reading() as connection:  # a slowed attempt takes no place and writes nothing
            is_beyond = _require(connection, tried, clock.utc_now())
        if kind == "password":
            if is_beyond:
                places.enter_context(_beyond.taken())
            places.enter_context(passwords.turn())
        with directory_database.writing() as connection:
            now = clock.utc_now()
            # Also attempts in the future: after the clock was set back, they would count forever.
            rows.forget_outside(connection, clock.to_wire(_since(now)), clock.to_wire(now))
            network = (_BEYOND if _require(connection, tried, now) else "") + tried.networks[0].text
            number = rows.add(connection, tried.account, network, clock.to_wire(now))
        yield number


def succeeded(connection: Connection, user_name: str, address: str) -> None:
    """Delete the failures of this account from this IP address, after a complete sign-in."""
    account, network = hash_secret(passwords.normalize_name(user_name)), counted_networks(address)[0].text
    rows.forget_all(connection, [prefix + account for prefix in _PREFIXES.values()], [network, _BEYOND + network])


def failed_sign_ins(address: str) -> int:
    """Return how many counted attempts from an IP address failed within `bounds.SIGN_IN_WINDOW_S`."""
    with directory_database.reading() as connection:
        now = clock.utc_now()
        window = clock.to_wire(_since(now)), clock.to_wire(now)
        return len(rows.moments(connection, *window, network=counted_networks(address)[0].text))


def _require(connection: Connection, tried: _Try, now: datetime) -> bool:
    """Return whether the attempt is allowed although its network failed too often. Raises Slowed."""
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


def _since(now: datetime) -> datetime:
    return now - timedelta(seconds=bounds.SIGN_IN_WINDOW_S)


def _wait_s(moments: Sequence[str], limit: int, now: datetime) -> int:
    """Return the whole seconds until fewer than `limit` of the times are within the window."""
    first = datetime.fromisoformat(moments[len(moments) - limit])
    return max(1, int((first - _since(now)).total_seconds()) + 1)


def _slowed(wait_s: int, kind: Kind) -> Slowed:
    return Slowed(wait_s, RECOVERY if kind == "code" else "")
