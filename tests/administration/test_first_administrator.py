"""The one-time code: who has it makes the first operator, once, within an hour."""

import threading

import pytest
from flask import Flask

from app import bounds
from app.administration.accounts import administrators, first_administrator, sessions
from app.administration.accounts.sessions import Browser
from app.administration.errors import Refused
from app.console_roles import Role
from tests.administration.conftest import HERE, PASSWORD

pytestmark = pytest.mark.usefixtures("app")


def test_the_code_makes_the_first_operator():
    assert not first_administrator.is_set_up()
    code = first_administrator.create_setup_code()
    assert first_administrator.is_setup_code_open(code)
    token = first_administrator.claim_setup(code, "Eva", PASSWORD, Browser(HERE, "a browser"))
    assert first_administrator.is_set_up()
    assert [operator.user_name for operator in administrators.list_operators()] == ["Eva"]
    signed_in = sessions.session(token)
    assert signed_in is not None
    assert (signed_in.user_name, signed_in.role, signed_in.is_local) == ("Eva", Role.OWNER, True)
    assert signed_in.is_proved()


def test_the_code_works_once():
    code = first_administrator.create_setup_code()
    first_administrator.claim_setup(code, "eva", PASSWORD, Browser())
    assert not first_administrator.is_setup_code_open(code)
    with pytest.raises(Refused, match="used before"):
        first_administrator.claim_setup(code, "adam", PASSWORD, Browser())
    assert len(administrators.list_operators()) == 1


def test_no_second_code_makes_a_second_first_operator():
    codes = [first_administrator.create_setup_code() for _ in range(2)]
    first_administrator.claim_setup(codes[0], "eva", PASSWORD, Browser())
    with pytest.raises(Refused):
        first_administrator.claim_setup(codes[1], "adam", PASSWORD, Browser())
    with pytest.raises(Refused, match="already set up"):
        first_administrator.create_setup_code()


@pytest.mark.parametrize("code", ["", "x", "A" * 32, "\x00", "\ud800", "é" * 5000])
def test_a_wrong_code_makes_nobody(code: str):
    first_administrator.create_setup_code()
    assert not first_administrator.is_setup_code_open(code)
    with pytest.raises(Refused):
        first_administrator.claim_setup(code, "eva", PASSWORD, Browser())
    assert not first_administrator.is_set_up()


def test_the_code_is_good_for_an_hour(pass_time):
    code = first_administrator.create_setup_code()
    pass_time(bounds.SETUP_CODE_S - 1)
    assert first_administrator.is_setup_code_open(code)
    pass_time(1)
    with pytest.raises(Refused):
        first_administrator.claim_setup(code, "eva", PASSWORD, Browser())


def test_a_clock_set_back_gives_the_code_no_more_than_its_hour(pass_time):
    code = first_administrator.create_setup_code()
    pass_time(-bounds.CLOCK_SLACK_S)
    assert first_administrator.is_setup_code_open(code)
    pass_time(-1)
    assert not first_administrator.is_setup_code_open(code)
    with pytest.raises(Refused, match="has expired"):
        first_administrator.claim_setup(code, "eva", PASSWORD, Browser())
    assert first_administrator.claim_setup(first_administrator.create_setup_code(), "eva", PASSWORD, Browser())


def test_a_refused_password_leaves_the_code_good():
    code = first_administrator.create_setup_code()
    with pytest.raises(Refused, match="12 characters"):
        first_administrator.claim_setup(code, "eva", "short", Browser())
    assert first_administrator.claim_setup(code, "eva", PASSWORD, Browser())


def test_of_many_at_once_exactly_one_wins(app: Flask):
    code = first_administrator.create_setup_code()
    together = threading.Barrier(6)
    won: list[str] = []

    def claim(name: str) -> None:
        with app.app_context():
            together.wait()
            try:
                first_administrator.claim_setup(code, name, PASSWORD, Browser())
                won.append(name)
            except Refused:
                return

    threads = [threading.Thread(target=claim, args=(f"operator{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    assert [operator.user_name for operator in administrators.list_operators()] == won


def test_only_the_hash_of_the_code_is_kept(path):
    code = first_administrator.create_setup_code()
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert code.encode() not in kept
