"""The second factor: set up by a right code, each code once, recovery codes, and no way in with half of it."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app import bounds
from app.administration import encryption
from app.administration.accounts import administrators, password_sign_in, passwords, reauthentication, sessions
from app.administration.accounts import two_factor as factors
from app.administration.accounts.password_sign_in import CodeWanted
from app.administration.accounts.sessions import Browser, SignedIn
from app.administration.audit import HOST
from app.administration.errors import Ended, Refused, Slowed
from app.administration.permissions import Permission
from app.store.database import directory_database
from tests.administration.conftest import HERE, PASSWORD, SEALER, signed_in
from tests.authenticator import STEP_S, Authenticator

ELSEWHERE = "198.51.100.7"
STRANGER = "203.0.113.9"
NEW_PASSWORD = "a green kettle sings"

PassTime = Callable[[float], None]


@pytest.fixture(autouse=True)
def eva(app: Flask, monkeypatch: pytest.MonkeyPatch, pass_time: PassTime) -> SignedIn:
    """The operator Eva with a session; the clock stands, and passwords are compared at once."""
    administrators.create_operator("eva", PASSWORD, HOST)
    monkeypatch.setattr(passwords, "matches", lambda password, kept: password == PASSWORD and kept is not None)
    return signed_in()


def begun(who: SignedIn) -> Authenticator:
    factors.begin(who, SEALER)
    pairing = factors.pairing(who, SEALER)
    assert pairing
    return Authenticator(pairing.secret)


def turned_on(who: SignedIn) -> tuple[Authenticator, list[str]]:
    app = begun(who)
    by = who.actor(HERE, Permission.SECOND_FACTOR)
    return app, factors.confirm(who, app.code_of(-1), SEALER, by)


def ticket(address: str = HERE) -> str:
    """What the right password gives."""
    with pytest.raises(CodeWanted) as wanted:
        password_sign_in.sign_in("eva", PASSWORD, Browser(address))
    return wanted.value.ticket


def try_code(code: str, address: str = HERE, of: str | None = None) -> str:
    return password_sign_in.sign_in_by_code(of or ticket(address), code, SEALER, Browser(address))


def fail(code: str, times: int = 1, address: str = HERE, of: str | None = None) -> None:
    for _ in range(times):
        with pytest.raises(Refused) as refused:
            try_code(code, address, of)
        assert not isinstance(refused.value, Slowed | Ended), refused.value


def audited() -> list[str]:
    with directory_database.reading() as connection:
        return list(connection.execute(text("SELECT actor || ' ' || action || ' ' || detail FROM audit")).scalars())


# --- setting up -------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_for_before_a_right_code_was_typed(eva: SignedIn):
    app = begun(eva)
    assert password_sign_in.sign_in("eva", PASSWORD, Browser(HERE))
    assert factors.factor(eva.operator_id) is None
    for wrong in ("", app.wrong(), app.code_of(2), app.code_of(-2), "१२३४५६", "\ud800"):
        with pytest.raises(Refused, match="incorrect"):
            factors.confirm(eva, wrong, SEALER, eva.actor(HERE))
    assert factors.factor(eva.operator_id) is None
    codes = factors.confirm(eva, app.code_of(0), SEALER, eva.actor(HERE))
    assert len(set(codes)) == bounds.RECOVERY_CODES
    found = factors.factor(eva.operator_id)
    assert found and found.codes_left == bounds.RECOVERY_CODES
    assert ticket()
    assert factors.pairing(eva, SEALER) is None, "the secret is shown no more"


@pytest.mark.parametrize("seconds", [bounds.PAIRING_S + 1, -bounds.CLOCK_SLACK_S - 1])
def test_a_pairing_that_was_begun_long_ago_is_none(eva: SignedIn, pass_time: PassTime, seconds: float):
    app = begun(eva)
    pass_time(seconds)
    assert factors.pairing(eva, SEALER) is None
    with pytest.raises(Refused, match="Start again"):
        factors.confirm(eva, app.code_of(0), SEALER, eva.actor(HERE))
    assert factors.confirm(eva, begun(eva).code_of(0), SEALER, eva.actor(HERE))


@pytest.mark.parametrize("road", ["changed", "reset"])
def test_a_new_password_forgets_what_somebody_else_began_to_pair(eva: SignedIn, road: str):
    app = begun(eva)
    if road == "reset":
        administrators.reset_password("eva", NEW_PASSWORD, HOST)
    else:
        by = eva.actor(HERE, Permission.OWN_OPERATOR)
        administrators.change_password(eva, PASSWORD, "", NEW_PASSWORD, SEALER, by)
    assert factors.pairing(eva, SEALER) is None
    with pytest.raises(Refused, match="Start again"):
        factors.confirm(eva, app.code_of(0), SEALER, eva.actor(HERE))


def test_recovery_codes_have_bits_enough(eva: SignedIn):
    _, codes = turned_on(eva)
    assert len(set(factors.LETTERS)) == 32
    assert all(re.fullmatch(r"([a-z2-9]{6}-){3}[a-z2-9]{6}", code) for code in codes)  # 24 times 5 bits


def test_another_secret_takes_the_place_of_one_that_was_not_confirmed(eva: SignedIn):
    first = begun(eva)
    second = begun(eva)
    with pytest.raises(Refused):
        factors.confirm(eva, first.code_of(0), SEALER, eva.actor(HERE))
    assert factors.confirm(eva, second.code_of(0), SEALER, eva.actor(HERE))
    with pytest.raises(Refused, match="already on"):
        factors.begin(eva, SEALER)
    with pytest.raises(Refused, match="Start again"):
        factors.confirm(eva, second.code_of(1), SEALER, eva.actor(HERE))


def test_the_other_sessions_end_when_it_is_turned_on_and_off(eva: SignedIn):
    other = password_sign_in.sign_in("eva", PASSWORD, Browser(ELSEWHERE))
    app, _ = turned_on(eva)
    assert sessions.session(other) is None
    other = try_code(app.code_of(0))
    factors.turn_off(eva, eva.actor(HERE, Permission.SECOND_FACTOR))
    assert sessions.session(other) is None
    assert [one.token_hash for one in sessions.list_sessions(eva)] == [eva.session_id]
    assert password_sign_in.sign_in("eva", PASSWORD, Browser(HERE))
    with pytest.raises(Refused, match="already off"):
        factors.turn_off(eva, eva.actor(HERE))
    with pytest.raises(Refused, match="already off"):
        factors.renew_codes(eva, eva.actor(HERE))


def test_neither_secret_nor_code_is_in_the_file(eva: SignedIn, path: Path):
    factors.begin(eva, SEALER)
    pairing = factors.pairing(eva, SEALER)
    assert pairing
    codes = factors.confirm(eva, Authenticator(pairing.secret).code_of(0), SEALER, eva.actor(HERE))
    typed = "my secret by mistake"
    fail(typed)
    assert try_code(codes[0])
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for secret in (pairing.secret, codes[0], codes[1], codes[0].replace("-", ""), typed):
        assert secret.encode() not in kept, secret


def test_a_long_name_of_the_operator_fits_into_a_qr_code(eva: SignedIn):
    name = "👩" * bounds.OPERATOR_NAME_LENGTH
    administrators.create_operator(name, PASSWORD, HOST)
    who = signed_in(name)
    factors.begin(who, SEALER)
    pairing = factors.pairing(who, SEALER)
    assert pairing and len(pairing.uri) < 1_000


def test_the_secret_of_another_data_folder_lets_nobody_in(eva: SignedIn):
    app, codes = turned_on(eva)
    other = encryption.Sealer(b"t" * 32, factors.SEAL)
    with pytest.raises(Refused):
        password_sign_in.sign_in_by_code(ticket(), app.code_of(0), other, Browser(HERE))
    assert password_sign_in.sign_in_by_code(ticket(), codes[0], other, Browser(HERE)), "recovery codes need no secret"


# --- codes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_for_its_own_time_and_those_beside_it(
    eva: SignedIn, pass_time: PassTime, steps: int, is_taken: bool
):
    app, _ = turned_on(eva)
    pass_time(10 * STEP_S)
    if is_taken:
        who = sessions.session(try_code(app.code_of(steps)))
        assert who and who.user_name == "eva" and who.is_proved()
        assert "password and code" in {one.method for one in sessions.list_sessions(eva)}
    else:
        fail(app.code_of(steps))


def test_a_code_is_taken_once(eva: SignedIn, pass_time: PassTime):
    app, _ = turned_on(eva)
    fail(app.code_of(-1))  # it turned the second factor on
    code = app.code_of(1)
    assert try_code(code)
    fail(code)
    fail(app.code_of(0))  # older than the last one used
    pass_time(STEP_S)
    fail(code)
    assert try_code(app.code_of(1))


def test_spaces_are_no_part_of_a_code(eva: SignedIn):
    app, codes = turned_on(eva)
    code = app.code_of(0)
    assert try_code(f" {code[:3]} {code[3:]} ")
    assert try_code(codes[0].replace("-", " ").upper())


def test_of_two_with_one_code_one_is_let_in(eva: SignedIn, app: Flask):
    phone, codes = turned_on(eva)
    for code in (phone.code_of(0), codes[0]):
        of, barrier, came = ticket(), threading.Barrier(4), []

        def run(code: str = code, of: str = of, barrier: threading.Barrier = barrier, came: list[str] = came) -> None:
            with app.app_context():
                barrier.wait(30)
                try:
                    came.append(try_code(code, of=of))
                except Refused:
                    came.append("")

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(bool(one) for one in came) == [False, False, False, True]


def test_a_recovery_code_is_taken_once_and_is_audited(eva: SignedIn):
    _, codes = turned_on(eva)
    for left, code in enumerate(reversed(codes)):
        assert try_code(code)
        fail(code)
        found = factors.factor(eva.operator_id)
        assert found and found.codes_left == bounds.RECOVERY_CODES - left - 1
    assert sum("recovery-code-used" in line for line in audited()) == bounds.RECOVERY_CODES


def test_new_recovery_codes_are_in_place_of_the_old_ones(eva: SignedIn):
    _, old = turned_on(eva)
    new = factors.renew_codes(eva, eva.actor(HERE))
    assert not set(old) & set(new)
    fail(old[0])
    assert try_code(new[0])


def test_one_operators_code_is_not_anothers(eva: SignedIn):
    app, codes = turned_on(eva)
    administrators.create_operator("ada", PASSWORD, HOST)
    turned_on(signed_in("ada"))
    with pytest.raises(CodeWanted) as wanted:
        password_sign_in.sign_in("ada", PASSWORD, Browser(HERE))
    fail(app.code_of(0), of=wanted.value.ticket)
    fail(codes[0], of=wanted.value.ticket)


# --- between the password and the code --------------------------------------------------------------------------------


def test_the_password_alone_gives_no_session(eva: SignedIn):
    turned_on(eva)
    before = len(sessions.list_sessions(eva))
    ticket()
    assert len(sessions.list_sessions(eva)) == before
    for made_up in ("", "x", eva.operator_id, f"{eva.operator_id} ", f"{eva.operator_id} {'0' * 64}"):
        with pytest.raises(Ended):
            password_sign_in.sign_in_by_code(made_up, "000000", SEALER, Browser(HERE))


def test_codes_are_not_guessed_from_many_addresses(eva: SignedIn, pass_time: PassTime):
    """Who has the password needs one of a million codes, and each address would have a try of its own."""
    app, _ = turned_on(eva)
    for n in range(bounds.CODE_FAILURES):
        fail(app.wrong(), address=f"2001:db8:0:{n}::1")
    with pytest.raises(Slowed) as slowed:
        try_code(app.code_of(0), address="2001:db8:1::1")
    assert 0 < slowed.value.retry_after_s <= bounds.SIGN_IN_WINDOW_S + 1
    pass_time(bounds.SIGN_IN_WINDOW_S + 1)
    assert try_code(app.code_of(0), address="2001:db8:1::1")


def test_right_codes_are_not_counted(eva: SignedIn, pass_time: PassTime):
    app, _ = turned_on(eva)
    for n in range(bounds.CODE_FAILURES + 1):
        pass_time(STEP_S)
        assert try_code(app.code_of(0), address=f"2001:db8:0:{n}::1")


def typed_wrong_for_days(app: Authenticator, pass_time: PassTime, times: int = bounds.WRONG_CODES) -> None:
    """Wrong codes, slowly enough that none of them is refused as one too many."""
    for n in range(times):
        fail(app.wrong(), address=f"2001:db8:0:{n}::1")
        pass_time(bounds.SIGN_IN_WINDOW_S / bounds.CODE_FAILURES + 1)


def test_patience_does_not_find_a_code(eva: SignedIn, pass_time: PassTime):
    """One in a million is found in the end, however slowly somebody who has the password may try."""
    app, codes = turned_on(eva)
    typed_wrong_for_days(app, pass_time)
    with pytest.raises(Refused, match="are locked.*recovery code"):
        try_code(app.code_of(0))
    pass_time(bounds.SIGN_IN_WINDOW_S)
    assert [line for line in audited() if "codes-stopped" in line] == ["itself codes-stopped {}"]
    assert try_code(codes[0])
    pass_time(STEP_S)
    assert try_code(app.code_of(0)), "a recovery code showed that it is the owner"


def test_a_right_code_makes_up_for_wrong_ones(eva: SignedIn, pass_time: PassTime):
    app, _ = turned_on(eva)
    for _ in range(2):
        typed_wrong_for_days(app, pass_time, bounds.WRONG_CODES - 1)
        assert try_code(app.code_of(0))
    assert not [line for line in audited() if "codes-stopped" in line]


def test_another_password_makes_up_for_wrong_codes(eva: SignedIn, pass_time: PassTime):
    app, _ = turned_on(eva)
    typed_wrong_for_days(app, pass_time)
    administrators.reset_password("eva", PASSWORD, HOST)
    assert try_code(app.code_of(0))


def test_an_open_session_tells_that_codes_count_no_more(eva: SignedIn, pass_time: PassTime):
    app, codes = turned_on(eva)
    with directory_database.writing() as connection:
        factors.rows.change(connection, eva.operator_id, wrong_codes=bounds.WRONG_CODES)
    with pytest.raises(Refused, match="are locked"):
        reauthentication.prove(eva, PASSWORD, app.code_of(0), SEALER, HERE)
    reauthentication.prove(eva, PASSWORD, codes[0], SEALER, HERE)


def test_wrong_passwords_do_not_slow_whoever_has_the_code(eva: SignedIn):
    app, _ = turned_on(eva)
    for n in range(bounds.SIGN_IN_FAILURES + 1):
        with pytest.raises(Refused):
            password_sign_in.sign_in("eva", "wrong", Browser(f"2001:db8:0:{n}::1"))
    assert try_code(app.code_of(0))


def test_a_wrong_password_has_one_answer_with_and_without_a_second_factor(eva: SignedIn):
    told = []
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            password_sign_in.sign_in("eva", "wrong", Browser(HERE))
        told.append(str(refused.value))
        if len(told) == 1:
            turned_on(eva)
    assert len(set(told)) == 1


@pytest.mark.parametrize("change", ["password", "disabled", "deleted", "off"])
def test_a_sign_in_begun_before_a_change_is_not_finished_after_it(eva: SignedIn, change: str):
    _, codes = turned_on(eva)
    administrators.create_operator("ada", PASSWORD, HOST)
    held = ticket()
    match change:
        case "password":
            administrators.reset_password("eva", PASSWORD, HOST)
        case "disabled":
            administrators.set_disabled("eva", True, HOST)
        case "deleted":
            administrators.delete_operator("eva", HOST)
        case "off":
            factors.turn_off(eva, eva.actor(HERE))
    with pytest.raises(Ended):
        try_code(codes[0], of=held)


def test_knowing_the_password_gives_no_endless_tries_at_the_codes(eva: SignedIn, pass_time: PassTime):
    app, codes = turned_on(eva)
    for _ in range(bounds.SIGN_IN_FAILURES):
        fail(app.wrong(), of=ticket(STRANGER), address=STRANGER)
    held = ticket(ELSEWHERE)
    with pytest.raises(Slowed, match="recovery code is still accepted"):
        try_code(app.code_of(0), address=STRANGER, of=held)
    assert try_code(app.code_of(0), address=ELSEWHERE), "its owner gets in from elsewhere"
    pass_time(bounds.SIGN_IN_WINDOW_S + 1)
    assert try_code(app.code_of(0), address=STRANGER)


@pytest.mark.parametrize("address", [STRANGER, ELSEWHERE])
def test_wrong_codes_keep_no_recovery_code_from_its_owner(eva: SignedIn, address: str):
    """Whoever has the password uses up the tries at codes, from many addresses, also from the owner's own."""
    app, codes = turned_on(eva)
    for n in range(bounds.CODE_FAILURES):
        fail(app.wrong(), address=STRANGER if n % 2 else f"2001:db8:{n}::1")
    with pytest.raises(Slowed):
        try_code(app.code_of(0), address)
    assert try_code(codes[0], address)
    assert try_code(codes[1].replace("-", " ").upper(), address)


def test_made_up_recovery_codes_keep_nobody_out(eva: SignedIn):
    """They are slowed, and neither the owner's code of the app nor the owner's recovery code is."""
    app, codes = turned_on(eva)
    made_up = "-".join(["aaaaaa"] * factors.GROUPS)
    fail(made_up, bounds.SIGN_IN_FAILURES, STRANGER)
    with pytest.raises(Slowed):
        try_code(made_up, STRANGER)
    for n in range(bounds.CODE_FAILURES):
        fail(made_up, address=f"2001:db8:{n:x}::1")
    assert try_code(codes[0], STRANGER)
    assert try_code(app.code_of(0), ELSEWHERE)
    with directory_database.reading() as connection:
        row = factors.rows.find(connection, eva.operator_id)
        assert row and row.wrong_codes == 0, "none of them was a try at a code of the app"


def test_a_used_recovery_code_is_slowed_like_a_made_up_one(eva: SignedIn):
    _, codes = turned_on(eva)
    assert try_code(codes[0], STRANGER)
    fail(codes[0], bounds.SIGN_IN_FAILURES, STRANGER)
    with pytest.raises(Slowed):
        try_code(codes[0], STRANGER)


def test_the_right_password_alone_uses_up_no_tries_and_gives_none_back(eva: SignedIn):
    app, codes = turned_on(eva)
    for _ in range(bounds.SIGN_IN_FAILURES + 1):
        held = ticket()
    fail(app.wrong(), bounds.SIGN_IN_FAILURES - 1, of=held)
    assert try_code(codes[0], of=held)
    with directory_database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM sign_in_failure")).scalar() == 0, "both were right"


def test_many_codes_at_once_have_no_more_tries(eva: SignedIn, app: Flask, monkeypatch: pytest.MonkeyPatch):
    turned_on(eva)
    held, looked_at = ticket(), []
    monkeypatch.setattr(factors, "accept", lambda *_: looked_at.append(1) or "")

    def run() -> None:
        with app.app_context(), pytest.raises(Refused):
            try_code("000000", of=held)

    threads = [threading.Thread(target=run) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(looked_at) == bounds.SIGN_IN_FAILURES


def test_what_is_audited_names_no_code(eva: SignedIn):
    app, codes = turned_on(eva)
    fail(app.wrong())
    assert try_code(codes[0])
    lines = audited()
    assert any("second-factor-on" in line for line in lines)
    assert any('sign-in-refused {"because": "code"}' in line for line in lines)
    assert any('signed-in {"by": "password and recovery code"}' in line for line in lines)
    assert not any(app.wrong() in line or codes[0] in line for line in lines)
