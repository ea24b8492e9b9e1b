"""Showing again who one is: counted in the session, which a stranger cannot use up and a finder cannot outlast."""

import threading

import pytest
from flask import Flask

from app import bounds
from app.administration.accounts import administrators, password_sign_in, passwords, reauthentication, sessions
from app.administration.accounts import two_factor as factors
from app.administration.accounts.sessions import Browser, SignedIn
from app.administration.audit import HOST
from app.administration.errors import Busy, Ended, Refused, Slowed
from app.administration.permissions import Permission
from tests.administration.conftest import EVA, HERE, PASSWORD, SEALER, signed_in
from tests.authenticator import Authenticator

NEW_PASSWORD = "a green kettle sings"


@pytest.fixture(autouse=True)
def compared(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Passwords are compared at once; which were looked at."""
    looked_at: list[str] = []

    def matches(password: str, kept: str | None) -> bool:
        looked_at.append(password)
        return password == PASSWORD and kept is not None

    monkeypatch.setattr(passwords, "matches", matches)
    administrators.create_operator("eva", PASSWORD, HOST)
    return looked_at


@pytest.fixture
def eva(compared: list[str], pass_time) -> SignedIn:
    """Signed in so long ago that proof is wanted."""
    token = password_sign_in.sign_in("eva", PASSWORD, Browser(HERE))
    pass_time(bounds.PROOF_S + 1)
    compared.clear()
    who = sessions.session(token)
    assert who and not who.is_proved()
    return who


def prove(who: SignedIn, password: str = PASSWORD, code: str = "") -> None:
    reauthentication.prove(who, password, code, SEALER, HERE)


def state(who: SignedIn) -> SignedIn | None:
    """The same session as the next request finds it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "hash_secret", lambda token: token)
        return sessions.session(who.session_id, is_used=False)


def is_proved(who: SignedIn) -> bool:
    found = state(who)
    return found is not None and found.is_proved()


def turned_on(who: SignedIn) -> tuple[Authenticator, list[str]]:
    factors.begin(who, SEALER)
    pairing = factors.pairing(who, SEALER)
    assert pairing
    app = Authenticator(pairing.secret)
    return app, factors.confirm(who, app.code_of(-1), SEALER, EVA)


def test_the_password_is_proof_for_a_while(eva: SignedIn, pass_time):
    prove(eva)
    assert is_proved(eva)
    pass_time(bounds.PROOF_S + 1)
    assert not is_proved(eva)


def test_with_a_second_factor_it_wants_both(eva: SignedIn):
    app, codes = turned_on(eva)
    for password, code in ((PASSWORD, ""), (PASSWORD, app.wrong()), ("wrong", app.code_of(0))):
        with pytest.raises(Refused, match="password or the code"):
            prove(eva, password, code)
        assert not is_proved(eva)
    prove(eva, code=app.code_of(0))
    assert is_proved(eva), "a code beside a wrong password was not used up"
    with pytest.raises(Refused):
        prove(eva, code=app.code_of(0))
    prove(eva, code=codes[0])
    with pytest.raises(Refused):
        prove(eva, code=codes[0])


@pytest.mark.parametrize("what", ["password", "code", "changing the password", "in turn"])
def test_the_session_ends_after_the_last_wrong_one(eva: SignedIn, what: str):
    app, codes = turned_on(eva)

    def change() -> None:
        administrators.change_password(eva, "wrong", codes[0], NEW_PASSWORD, SEALER, EVA)

    tries = {
        "password": [lambda: prove(eva, "wrong", codes[0])],
        "code": [lambda: prove(eva, PASSWORD, app.wrong())],
        "changing the password": [change],
        "in turn": [change, lambda: prove(eva, PASSWORD, app.wrong())],
    }[what]
    for number in range(bounds.WRONG_PROOFS - 1):
        with pytest.raises(Refused) as refused:
            tries[number % len(tries)]()
        assert not isinstance(refused.value, Ended)
    assert state(eva)
    with pytest.raises(Ended):
        tries[0]()
    assert state(eva) is None
    with pytest.raises(Ended):
        prove(eva, code=codes[0])


def test_a_right_one_forgets_the_wrong_ones(eva: SignedIn):
    for _ in range(3):
        for _ in range(bounds.WRONG_PROOFS - 1):
            with pytest.raises(Refused):
                prove(eva, "wrong")
        prove(eva)
    assert state(eva)


def test_many_at_once_have_no_more_tries(eva: SignedIn, app: Flask, compared: list[str]):
    def run() -> None:
        with app.app_context(), pytest.raises(Refused):
            prove(eva, "wrong")

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(compared) <= bounds.WRONG_PROOFS
    assert state(eva) is None


def test_a_stranger_at_the_same_address_does_not_hinder_an_owner(eva: SignedIn):
    for _ in range(bounds.SIGN_IN_FAILURES):
        with pytest.raises(Refused):
            password_sign_in.sign_in("eva", "wrong", Browser(HERE))
    with pytest.raises(Slowed):
        password_sign_in.sign_in("eva", PASSWORD, Browser(HERE))
    prove(eva)
    assert is_proved(eva)
    administrators.change_password(eva, PASSWORD, "", NEW_PASSWORD, SEALER, eva.actor(HERE, Permission.OWN_OPERATOR))


def test_another_session_has_tries_of_its_own(eva: SignedIn):
    other = signed_in()
    for _ in range(bounds.WRONG_PROOFS):
        with pytest.raises(Refused):
            prove(other, "wrong")
    assert state(other) is None
    prove(eva)


def test_what_was_not_looked_at_is_not_counted(eva: SignedIn, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(bounds, "PASSWORD_CHECKS_AT_ONCE", 0)
        patch.setattr(bounds, "PASSWORD_CHECKS_WAITING", 0)
        for _ in range(bounds.WRONG_PROOFS + 1):
            with pytest.raises(Busy):
                prove(eva)
    prove(eva)


def test_a_password_changed_meanwhile_is_no_proof(eva: SignedIn, monkeypatch: pytest.MonkeyPatch):
    def changed_meanwhile(password: str, kept: str | None) -> bool:
        administrators.reset_password("eva", NEW_PASSWORD, HOST)
        return True

    monkeypatch.setattr(passwords, "matches", changed_meanwhile)
    with pytest.raises(Ended):
        prove(eva)
    assert state(eva) is None


def test_changing_the_password_wants_a_code_too(eva: SignedIn):
    _, codes = turned_on(eva)
    with pytest.raises(Refused, match="password or the code"):
        administrators.change_password(eva, PASSWORD, "", NEW_PASSWORD, SEALER, EVA)
    assert sessions.session(administrators.change_password(eva, PASSWORD, codes[0], NEW_PASSWORD, SEALER, EVA))


def test_an_unfit_new_password_is_no_try(eva: SignedIn):
    for _ in range(bounds.WRONG_PROOFS + 1):
        with pytest.raises(Refused, match="at least"):
            administrators.change_password(eva, "wrong", "", "short", SEALER, EVA)
    assert state(eva)


def test_a_person_of_single_sign_on_has_no_password_here():
    with pytest.raises(Refused, match="Only administrators"):
        prove(SignedIn("", "ana", None, user_id="x"))
