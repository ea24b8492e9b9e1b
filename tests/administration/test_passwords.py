"""What a password must be, how it is kept, and how it is compared."""

import threading

import pytest

from app import bounds
from app.administration.accounts import passwords
from app.administration.accounts.common_passwords import COMMON_PASSWORDS
from app.administration.errors import Refused, Slowed

GOOD = "a blue kettle sings"


@pytest.fixture(autouse=True)
def cheap_passwords() -> None:
    """Hash at the cost that the program has; overrides tests/conftest.py."""


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "x7" * 3 + "mornin",
        "длинный пароль",
        "🔑 keys 🔑 keys",
        GOOD.ljust(bounds.PASSWORD_LENGTH_MAXIMUM, "z"),
        "evangeline is tall and old",
    ],
)
def test_accepted(password: str):
    passwords.require_acceptable(password, "eva")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("z" * (bounds.PASSWORD_LENGTH_MAXIMUM + 1), "at most 1024"),
        ("evangeline-12", "user name"),
        ("EVANGELINE 99", "user name"),
        ("evangeline@recnice.com", "user name"),
        ("password1234", "common password"),
        ("PassWord1234", "common password"),
        ("correct horse battery staple", "common password"),
        ("aaaaaaaaaaaaaaaa", "common password"),
        ("abababababababab", "common password"),
        ("\ud800" + GOOD, "UTF-8"),
    ],
)
def test_refused(password: str, reason: str):
    with pytest.raises(Refused, match=reason):
        passwords.require_acceptable(password, "Evangeline@recnice.com")


def test_the_shipped_list_holds_only_what_could_be_chosen():
    assert len(COMMON_PASSWORDS) > 500
    for password in COMMON_PASSWORDS:
        assert len(password) >= bounds.PASSWORD_LENGTH_MINIMUM and password == password.lower()


def test_kept_as_argon2id_with_a_salt_of_its_own():
    kept = passwords.hash_password(GOOD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != passwords.hash_password(GOOD)
    assert passwords.matches(GOOD, kept)
    assert not passwords.matches(GOOD + " ", kept)


def test_the_same_letters_typed_in_another_way_match():
    assert passwords.matches("cafe\u0301 au lait 12", passwords.hash_password("café au lait 12"))


@pytest.mark.parametrize("kept", [None, "", "junk", "$argon2id$v=19$m=1,t=1,p=1$short"])
def test_nothing_matches_what_is_no_hash(kept: str | None):
    assert not passwords.matches(GOOD, kept)
    assert not passwords.matches("nobody has this password", kept)


def test_at_most_two_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "PASSWORD_WAIT_S", 0.05)
    inside, leave = threading.Barrier(3), threading.Event()

    class Hasher:
        def hash(self, password: str) -> str:
            inside.wait(10)
            leave.wait(10)
            return password

    monkeypatch.setattr(passwords, "_hasher", Hasher)
    busy = [threading.Thread(target=passwords.hash_password, args=(GOOD,)) for _ in range(2)]
    for thread in busy:
        thread.start()
    inside.wait(10)
    with pytest.raises(Slowed):
        passwords.hash_password(GOOD)
    leave.set()
    for thread in busy:
        thread.join(10)
