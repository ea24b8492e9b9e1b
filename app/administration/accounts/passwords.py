"""This module checks, hashes and verifies administrators' passwords with Argon2id (RFC 9106)."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from app import bounds
from app.administration.accounts.common_passwords import COMMON_PASSWORDS
from app.administration.concurrency_limit import Limits, Places
from app.administration.errors import Busy, Refused

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Each check takes 19 MiB and one processor: without this limit, a flood of sign-ins exhausts the memory.
_places = Places(
    lambda: Limits(bounds.PASSWORD_CHECKS_AT_ONCE, bounds.PASSWORD_CHECKS_WAITING, bounds.PASSWORD_WAIT_S),
    lambda: Busy(bounds.PASSWORD_WAIT_S),
)
_of_thread = threading.local()


def normalize_name(user_name: str) -> str:
    """Return the name of an administrator normalized for comparison: NFC, lower case."""
    return unicodedata.normalize("NFC", user_name).lower()


def require_acceptable(password: str, user_name: str) -> None:
    """Raise Refused for a password that is too short, too long, easy to guess, or similar to the user name."""
    shortest, longest = bounds.PASSWORD_LENGTH_MINIMUM, bounds.PASSWORD_LENGTH_MAXIMUM
    normal = _normal(password)
    if len(normal) < shortest:
        raise Refused(f"The password needs at least {shortest} characters. A short sentence works well.")
    if len(normal) > longest:
        raise Refused(f"The password may have at most {longest} characters.")
    folded, name = normal.lower(), normalize_name(user_name)
    for own in {name, name.partition("@")[0]}:
        if (
            len(own) >= bounds.PASSWORD_NAME_LENGTH
            and len(folded.replace(own, "")) < bounds.PASSWORD_WITHOUT_NAME_LENGTH
        ):
            raise Refused("The password is too similar to the user name.")
    if "".join(folded.split()) in COMMON_PASSWORDS or len(set(folded)) < bounds.PASSWORD_VARIETY:
        raise Refused("This is a common password, which attackers try first. Choose another one.")


def hash_password(password: str) -> str:
    """Return the hash of a password in PHC string format. Takes about 50 ms. Raises Busy if too many are waiting."""
    with turn():
        return _hasher().hash(_normal(password))


def matches(password: str, kept: str | None) -> bool:
    """Return whether the password matches the hash `kept`. For None, return False in the same time. Raises Busy."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > bounds.PASSWORD_LENGTH_MAXIMUM:
        return False
    with turn():
        try:
            return (
                _hasher().verify(_hash_of_nothing() if kept is None else kept, _normal(password)) and kept is not None
            )
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    """Return the password in NFC, since keyboards encode é differently (NIST SP 800-63B §3.1.1.2).

    Raises Refused for a text that is not valid UTF-8.
    """
    try:
        return unicodedata.normalize("NFC", password).encode().decode()
    except UnicodeEncodeError:
        raise Refused("The password is not valid UTF-8 text.") from None


@contextmanager
def turn() -> Iterator[None]:
    """Hold one of the places for password checks until the block ends; nested calls share it. Raises Busy."""
    if getattr(_of_thread, "has_place", False):
        yield
        return
    with _places.taken():
        _of_thread.has_place = True
        try:
            yield
        finally:
            _of_thread.has_place = False


@cache
def _hasher() -> PasswordHasher:
    """Return Argon2id with OWASP's minimum cost. Imported late: the import takes longer than most commands."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _hash_of_nothing() -> str:
    """Return a hash to verify against if there is no such administrator, so that the time does not reveal it."""
    return _hasher().hash("nobody has this password")
