"""Signing in: one answer for everything wrong, guessing made slow, sessions that end."""

import ipaddress
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import extract_parameters
from flask import Flask
from sqlalchemy import text

from app import bounds, throttle
from app.administration.accounts import administrators, password_sign_in, passwords, sessions, sign_in_limits
from app.administration.accounts.sessions import Browser, SignedIn
from app.administration.audit import HOST
from app.administration.errors import Busy, Ended, Refused, Slowed
from app.console_roles import Role
from app.ip_addresses import counted_networks
from app.store.access import sign_in_failure_rows
from app.store.database import directory_database
from app.throttle import Throttle
from tests.administration.conftest import EVA, HERE, PASSWORD, SEALER
from tests.conftest import wait_until
from tests.store.conftest import finished_meanwhile, held, make_app

ELSEWHERE = "198.51.100.7"


@pytest.fixture(autouse=True)
def eva(app: Flask) -> str:
    """The id of the operator Eva."""
    return administrators.create_operator("Eva", PASSWORD, HOST).id


def owner_of(operator_id: str) -> SignedIn:
    """An operator as a request of theirs is known."""
    return SignedIn("", "Eva", Role.OWNER, operator_id=operator_id)


def try_in(user_name: str = "eva", password: str = PASSWORD, address: str = HERE) -> str:
    return password_sign_in.sign_in(user_name, password, Browser(address, "a browser"))


def fail(times: int, user_name: str = "eva", address: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(Refused) as refused:
            try_in(user_name, "wrong", address)
        assert not isinstance(refused.value, Slowed)


def test_failed_sign_ins_of_an_address_are_told(quick: list[str]):
    fail(2)
    fail(1, address=ELSEWHERE)
    assert [sign_in_limits.failed_sign_ins(one) for one in (HERE, ELSEWHERE, "192.0.2.10")] == [2, 1, 0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Passwords are compared at once and as they stand; gives what was compared."""
    compared: list[str] = []

    def matches(password: str, kept: str | None) -> bool:
        compared.append(password)
        return password == PASSWORD and kept is not None

    monkeypatch.setattr(passwords, "matches", matches)
    return compared


@pytest.mark.parametrize("name", ["Eva", "eva", "EVA", " eva "])
def test_a_right_password_gives_a_session(name: str, eva: str):
    signed_in = sessions.session(try_in(name))
    assert signed_in is not None
    assert (signed_in.operator_id, signed_in.user_name) == (eva, "Eva")


def test_one_answer_for_everything_wrong():
    told = set()
    for name, password in (("eva", "wrong"), ("nobody", PASSWORD), ("", ""), ("\x00", "\x00"), ("é" * 999, "x" * 5000)):
        with pytest.raises(Refused) as refused:
            try_in(name, password)
        told.add(str(refused.value))
    assert len(told) == 1


def test_an_unknown_name_costs_the_same_check(quick: list[str]):
    fail(1, "nobody")
    fail(1, "eva")
    assert quick == ["wrong", "wrong"]


def test_an_unknown_name_costs_the_same_hash(monkeypatch: pytest.MonkeyPatch):
    """What is compared for a name that does not exist is a hash of the same cost as a real one."""
    compared: list[object] = []
    hasher = passwords._hasher()

    class Counting:
        hash = hasher.hash

        def verify(self, kept: str, password: str) -> bool:
            compared.append(extract_parameters(kept))
            return hasher.verify(kept, password)

    monkeypatch.setattr(passwords, "_hasher", Counting)
    passwords._hash_of_nothing.cache_clear()
    fail(1, "eva")
    fail(1, "nobody")
    passwords._hash_of_nothing.cache_clear()
    assert compared == [extract_parameters(hasher.hash("any"))] * 2


def test_the_eleventh_failure_is_slowed_before_the_password_is_looked_at(quick: list[str]):
    fail(bounds.SIGN_IN_FAILURES)
    with pytest.raises(Slowed) as slowed:
        try_in()
    assert len(quick) == bounds.SIGN_IN_FAILURES
    assert 0 < slowed.value.retry_after_s <= bounds.SIGN_IN_WINDOW_S + 1


def test_a_right_password_from_another_address_still_works(quick: list[str]):
    fail(bounds.SIGN_IN_FAILURES)
    assert sessions.session(try_in(address=ELSEWHERE))


def test_an_account_under_attack_leaves_each_address_one_try(quick: list[str]):
    for n in range(bounds.SIGN_IN_FAILURES):
        fail(1, address=f"203.0.113.{n}")
    fail(1, address=ELSEWHERE)
    with pytest.raises(Slowed):
        try_in(address=ELSEWHERE)
    assert sessions.session(try_in(address="198.51.100.8"))


def test_others_at_the_same_address_lock_nobody_out(quick: list[str]):
    """As behind a reverse proxy that is not trusted: everybody comes from its address."""
    for n in range(bounds.SIGN_IN_FAILURES):
        fail(1, f"name{n}")
    assert sessions.session(try_in())


def test_an_address_that_failed_too_often_leaves_an_account_one_try_a_minute(
    quick: list[str], pass_time: Callable[[float], None]
):
    for n in range(bounds.SIGN_IN_FAILURES):
        fail(1, f"name{n}")
    for _ in range(3):
        fail(1)
        with pytest.raises(Slowed) as slowed:
            try_in()
        assert 0 < slowed.value.retry_after_s <= bounds.SIGN_IN_LOOK_S
        pass_time(bounds.SIGN_IN_LOOK_S - 1)
        with pytest.raises(Slowed):
            try_in()
        pass_time(1)
    assert sessions.session(try_in())


def test_which_names_there_are_is_not_told_by_who_is_slowed(quick: list[str]):
    for n in range(bounds.SIGN_IN_FAILURES):
        fail(1, f"name{n}")
    looked_at = len(quick)
    for name in ("eva", "nobody"):
        fail(1, name)
        with pytest.raises(Slowed):
            try_in(name)
    assert len(quick) == looked_at + 2, "an unknown name is looked at as well"


@pytest.mark.parametrize("names", [5, 50])
def test_a_failing_address_is_counted_no_further(quick: list[str], names: int):
    """Nobody is slowed for longer by those who go on, and what is read for a try does not grow with them."""
    for n in range(bounds.SIGN_IN_FAILURES + names):
        fail(1, f"name{n}")
    read = []
    with directory_database.reading() as connection:
        for network in counted_networks(HERE):
            read += sign_in_failure_rows.moments(connection, "0", "9", network=network.text)
    assert len(read) == bounds.SIGN_IN_FAILURES


def test_an_account_that_failed_itself_has_no_more_tries_by_waiting_a_minute(
    quick: list[str], pass_time: Callable[[float], None]
):
    fail(bounds.SIGN_IN_FAILURES)
    pass_time(bounds.SIGN_IN_LOOK_S + 1)
    with pytest.raises(Slowed):
        try_in()


@pytest.mark.parametrize(("prefix", "step"), [(64, 1), (56, 1 << 64), (48, 1 << 72)])
def test_ipv6_networks_are_counted_together(quick: list[str], monkeypatch: pytest.MonkeyPatch, prefix: int, step: int):
    """Whoever has a network comes from another part of it each time: of a /64, of a /56, of a /48."""
    monkeypatch.setattr(bounds, "SIGN_IN_FAILURES", 3)
    first, failures = int(ipaddress.ip_address("2001:db8::")), 3 * bounds.FAILURES_OF_IPV6[prefix]
    for n in range(failures):
        fail(1, f"name{n}", str(ipaddress.ip_address(first + n * step)))
    next_one = str(ipaddress.ip_address(first + failures * step))
    with pytest.raises(Slowed):
        try_in("name0", address=next_one)
    beyond = str(ipaddress.ip_address(first + (1 << 128 - prefix)))
    fail(1, "name0", beyond)
    assert sessions.session(try_in(address=next_one)), "who did not fail has a try"


def test_the_count_survives_a_restart(quick: list[str], path: Path):
    fail(bounds.SIGN_IN_FAILURES)
    again = make_app(directory_database.address(path))
    with again.app_context():
        with pytest.raises(Slowed):
            try_in()
        directory_database.file.close()


def test_after_ten_minutes_all_is_forgiven(quick: list[str], pass_time):
    fail(bounds.SIGN_IN_FAILURES)
    pass_time(bounds.SIGN_IN_WINDOW_S - 1)
    with pytest.raises(Slowed) as slowed:
        try_in()
    assert slowed.value.retry_after_s <= 2
    pass_time(2)
    assert try_in()


def test_a_clock_set_back_slows_nobody_for_ever(quick: list[str], pass_time):
    fail(bounds.SIGN_IN_FAILURES)
    pass_time(-86_400)
    assert try_in()


def test_success_forgets_the_failures_before_it(quick: list[str]):
    fail(bounds.SIGN_IN_FAILURES - 1)
    try_in()
    fail(bounds.SIGN_IN_FAILURES - 1)
    assert try_in()


def test_many_at_once_have_no_more_tries(quick: list[str], app: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "PASSWORD_CHECKS_WAITING", 30)

    def run() -> None:
        with app.app_context(), pytest.raises(Refused):
            try_in(password="wrong")

    threads = [threading.Thread(target=run) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(quick) == bounds.SIGN_IN_FAILURES


class Crowd:
    """Sign-ins whose passwords are looked at until `leave` is set. `inside`: so many are looked at just now."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = app
        self.leave = threading.Event()
        self.inside: list[str] = []
        self.ended: list[Exception] = []
        monkeypatch.setattr(passwords, "matches", self.matches)

    def matches(self, password: str, kept: str | None) -> bool:
        self.inside.append(password)
        assert self.leave.wait(30)
        return False

    def come(self, count: int, name: str = "name", address: str = HERE) -> list[threading.Thread]:
        def run(n: int) -> None:
            with self.app.app_context(), pytest.raises(Refused) as refused:
                try_in(f"{name}{n}", "wrong", address)
            self.ended.append(refused.value)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        return threads


@pytest.fixture
def crowd(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    monkeypatch.setattr(bounds, "PASSWORD_WAIT_S", 30)  # who waits does so until it is over
    made = Crowd(app, monkeypatch)
    yield made
    made.leave.set()


def test_two_are_looked_at_and_a_few_wait_and_the_others_are_told_at_once(crowd: Crowd):
    taken = bounds.PASSWORD_CHECKS_AT_ONCE + bounds.PASSWORD_CHECKS_WAITING
    threads = crowd.come(taken + 5)
    wait_until(lambda: len(crowd.ended) == 5, "five are refused while the others are still there")
    assert {type(one) for one in crowd.ended} == {Busy}
    assert "Too many sign-ins are in progress" in str(crowd.ended[0])
    assert len(crowd.inside) == bounds.PASSWORD_CHECKS_AT_ONCE
    with directory_database.reading() as connection:
        counted = connection.execute(text("SELECT count(*) FROM sign_in_failure")).scalar()
    assert counted == bounds.PASSWORD_CHECKS_AT_ONCE, "who is not looked at is not counted"
    crowd.leave.set()
    for thread in threads:
        thread.join(30)
    assert len(crowd.inside) == taken and [type(one) for one in crowd.ended[5:]] == [Refused] * taken


def test_networks_that_failed_too_often_leave_a_place_to_others(crowd: Crowd):
    crowd.leave.set()
    for n in range(bounds.SIGN_IN_FAILURES):
        fail(1, f"one{n}", ELSEWHERE)
    crowd.leave.clear()
    before = len(crowd.inside)
    slowed = crowd.come(bounds.SLOWED_CHECKS_AT_ONCE + bounds.SLOWED_CHECKS_WAITING, "beyond", ELSEWHERE)
    wait_until(lambda: len(crowd.inside) == before + bounds.SLOWED_CHECKS_AT_ONCE, "one of those is looked at")
    others = crowd.come(1, "other", HERE)
    wait_until(lambda: len(crowd.inside) == before + bounds.SLOWED_CHECKS_AT_ONCE + 1, "and somebody from elsewhere")
    crowd.leave.set()
    for thread in slowed + others:
        thread.join(30)


def test_a_slowed_account_takes_no_place(quick: list[str], app: Flask, monkeypatch: pytest.MonkeyPatch):
    """Whoever fails on and on is refused by reading alone, while all places are taken."""
    fail(bounds.SIGN_IN_FAILURES)
    monkeypatch.setattr(bounds, "PASSWORD_CHECKS_AT_ONCE", 0)
    written: list[bool] = []
    writing = directory_database.writing
    monkeypatch.setattr(directory_database, "writing", lambda wait=True: written.append(wait) or writing(wait))
    with pytest.raises(Slowed) as slowed:
        try_in()
    assert not isinstance(slowed.value, Busy) and not written


def test_what_was_typed_is_not_kept(path: Path):
    fail(1, "my secret by mistake")
    assert b"my secret" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_sessions_are_kept_as_hashes(path: Path):
    token = try_in()
    assert len(token) == 43 and token != try_in()
    assert token.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\ud800", "é"])
def test_no_other_token_is_a_session(token: str):
    try_in()
    assert sessions.session(token) is None


def test_a_session_ends_when_it_is_not_used(pass_time):
    token = try_in()
    for _ in range(3):
        pass_time(bounds.SESSION_IDLE_S - 60)
        assert sessions.session(token)
    pass_time(bounds.SESSION_IDLE_S + 1)
    assert sessions.session(token) is None


def test_a_session_ends_after_twelve_hours_of_use(pass_time):
    token = try_in()
    for _ in range(bounds.SESSION_AGE_S // 1_200):
        assert sessions.session(token)
        pass_time(1_200)
    pass_time(1)
    assert sessions.session(token) is None


def test_use_is_written_at_most_once_a_minute(pass_time, monkeypatch: pytest.MonkeyPatch):
    token = try_in()
    written = []
    writing = directory_database.writing
    monkeypatch.setattr(directory_database, "writing", lambda wait=True: written.append(1) or writing(wait))
    for _ in range(12):
        sessions.session(token)
        pass_time(10)
    assert len(written) == 1


def test_of_very_many_sessions_of_one_owner_the_last_ones_stay(quick: list[str], pass_time: Callable[[float], None]):
    administrators.create_operator("ada", PASSWORD, HOST)
    other = password_sign_in.sign_in("ada", PASSWORD, Browser(HERE))
    first, used = try_in(), try_in()
    for _ in range(bounds.SESSIONS - 2):
        try_in()
    pass_time(bounds.SESSION_SEEN_S + 1)
    assert sessions.session(used) and sessions.session(first)
    pass_time(bounds.SESSION_SEEN_S + 1)
    who = sessions.session(used)
    assert who and len(sessions.list_sessions(who)) == bounds.SESSIONS
    tokens = [try_in() for _ in range(bounds.SESSIONS - 1)]
    assert len(sessions.list_sessions(who)) == bounds.SESSIONS
    assert all(map(sessions.session, (used, other, *tokens)))
    assert sessions.session(first) is None
    newest = try_in()
    assert sessions.session(newest) and len(sessions.list_sessions(who)) == bounds.SESSIONS


def test_signing_out_ends_the_session():
    token, other = try_in(), try_in()
    sessions.sign_out(token, HERE)
    assert sessions.session(token) is None
    assert sessions.session(other)
    sessions.sign_out("never was one", HERE)


def test_a_session_of_the_future_is_none(eva: str, pass_time: Callable[[float], None]):
    token = try_in()
    pass_time(-bounds.CLOCK_SLACK_S)
    assert sessions.session(token)
    pass_time(-1)
    assert sessions.session(token) is None
    assert sessions.list_sessions(owner_of(eva)) == []
    pass_time(1)
    assert sessions.list_sessions(owner_of(eva))
    pass_time(bounds.CLOCK_SLACK_S + bounds.SESSION_SEEN_S + 1)
    assert sessions.session(token), "seen later than begun"
    pass_time(-bounds.CLOCK_SLACK_S - 1)
    assert sessions.session(token) is None
    try_in()
    pass_time(bounds.CLOCK_SLACK_S + 1)
    assert sessions.session(token) is None, "the next sign-in took it away"


@pytest.mark.usefixtures("patient")
def test_a_session_does_not_wait_for_another_process(
    app: Flask, path: Path, eva: str, monkeypatch: pytest.MonkeyPatch, pass_time: Callable[[float], None]
):
    now = [1000.0]
    monkeypatch.setattr(sessions, "_failed_notes", Throttle())
    monkeypatch.setattr(throttle, "steady_s", lambda: now[0])
    token = try_in()
    [begun] = sessions.list_sessions(owner_of(eva))
    pass_time(bounds.SESSION_SEEN_S + 1)

    def ask() -> None:
        assert sessions.session(token)

    with held(path):
        finished_meanwhile(app, ask)
    ask()
    assert sessions.list_sessions(owner_of(eva)) == [begun], "not tried anew with every request"
    now[0] += bounds.NOTE_PAUSE_S
    ask()
    assert sessions.list_sessions(owner_of(eva))[0].last_seen > begun.last_seen


def test_only_ones_own_session_can_be_ended(eva: str):
    adam = administrators.create_operator("adam", PASSWORD, HOST).id
    token = try_in()
    [session] = sessions.list_sessions(owner_of(eva))
    assert (session.address, session.user_agent) == (HERE, "a browser")
    sessions.end_session(owner_of(adam), session.token_hash, HERE)
    assert sessions.session(token)
    sessions.end_session(owner_of(eva), session.token_hash, HERE)
    assert sessions.session(token) is None


def test_a_disabled_operator_is_out_at_once():
    token = try_in()
    with directory_database.writing() as connection:
        connection.execute(text("UPDATE operator SET disabled = 1"))
    assert sessions.session(token) is None
    with pytest.raises(Refused):
        try_in()


def test_a_changed_password_ends_the_other_sessions():
    here, there = try_in(), try_in(address=ELSEWHERE)
    session = sessions.session(here)
    assert session is not None
    new = administrators.change_password(session, PASSWORD, "", "a green kettle sings", SEALER, EVA)
    assert sessions.session(new)
    assert sessions.session(there) is None
    assert sessions.session(here) is None, "somebody may have a copy of it"
    with pytest.raises(Refused):
        try_in()
    assert try_in(password="a green kettle sings")


def test_changing_a_password_wants_the_current_one_and_counts_failures(quick: list[str]):
    token = try_in()
    session = sessions.session(token)
    assert session is not None
    for _ in range(bounds.WRONG_PROOFS - 1):
        with pytest.raises(Refused, match="password is incorrect"):
            administrators.change_password(session, "wrong", "", "a green kettle sings", SEALER, EVA)
    with pytest.raises(Ended):
        administrators.change_password(session, "wrong", "", "a green kettle sings", SEALER, EVA)
    assert sessions.session(token) is None
    looked_at = len(quick)
    with pytest.raises(Ended):
        administrators.change_password(session, PASSWORD, "", "a green kettle sings", SEALER, EVA)
    assert len(quick) == looked_at, "not looked at without a session"
    assert try_in(), "it was not changed, and nobody is slowed"


def test_a_reset_password_ends_all_sessions():
    token = try_in()
    administrators.reset_password(" EVA ", "a green kettle sings", HOST)
    assert sessions.session(token) is None
    assert try_in(password="a green kettle sings")
    with pytest.raises(Refused, match="no administrator"):
        administrators.reset_password("nobody", "a green kettle sings", HOST)


def test_names_are_unique_in_any_letter_case():
    for name in ("eva", "EVA", " Eva "):
        with pytest.raises(Refused, match="already"):
            administrators.create_operator(name, PASSWORD, HOST)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "x" * (bounds.OPERATOR_NAME_LENGTH + 1), "\u202eeva"])
def test_names_that_cannot_be_read_are_refused(name: str):
    with pytest.raises(Refused, match="printable"):
        administrators.create_operator(name, PASSWORD, HOST)
