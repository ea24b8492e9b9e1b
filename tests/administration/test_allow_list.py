"""The allow list: its acts and their refusals, how a policy is kept, and how those who came are remembered."""

import json
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app import bounds
from app.administration.credentials import key_last_use, scim_keys
from app.administration.errors import Refused
from app.administration.ip_allow_list import allow_list, enforcement
from app.administration.ip_allow_list.enforcement import Mode, SeenSources, current_policy
from app.scim import errors
from app.store.access.account_tables import audit
from app.store.access.credential_tables import seen_source
from app.store.database import directory_database
from app.throttle import Throttle
from tests.administration.conftest import EVA, HERE
from tests.store.conftest import finished_meanwhile, held

pytestmark = pytest.mark.usefixtures("app")
ENTRA = "20.190.128.7"


def seen() -> dict[str, tuple[str, str]]:
    with directory_database.reading() as connection:
        return {row.address: (row.first_seen, row.last_seen) for row in connection.execute(select(seen_source))}


def audited() -> list[tuple[str, str, dict[str, str]]]:
    with directory_database.reading() as connection:
        found = connection.execute(select(audit).order_by(audit.c.id))
        return [(row.action, row.target, json.loads(row.detail)) for row in found]


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The process's own clock, in the hand of the test."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


# --- the list ---------------------------------------------------------------------------------------------------------


def test_at_first_it_is_off_and_empty():
    found = allow_list.source_list()
    assert (found.mode, found.since, found.listed, found.sources, found.proposal) == (Mode.OFF, "", [], [], [])
    assert current_policy().allows("not an address")


def test_every_act_is_audited_and_nothing_else():
    allow_list.set_mode(Mode.WATCH, EVA)
    allow_list.set_mode(Mode.WATCH, EVA)
    assert allow_list.allow(["203.0.113.0/24", HERE, HERE], " Entra ", EVA) == ["203.0.113.0/24", HERE]
    assert allow_list.allow([HERE, "2001:db8::/64"], "", EVA) == ["2001:db8::/64"]
    allow_list.set_mode(Mode.ENFORCE, EVA)
    allow_list.remove(HERE, EVA)
    for refused in (
        lambda: allow_list.allow(["203.0.113.0/24"], "", EVA),
        lambda: allow_list.allow([], "", EVA),
        lambda: allow_list.remove("198.51.100.1", EVA),
    ):
        with pytest.raises(Refused):
            refused()
    assert audited() == [
        ("sources-mode", "watch", {"before": "off"}),
        ("network-allowed", "203.0.113.0/24", {"note": "Entra"}),
        ("network-allowed", HERE, {"note": "Entra"}),
        ("network-allowed", "2001:db8::/64", {}),
        ("sources-mode", "enforce", {"before": "watch"}),
        ("network-removed", HERE, {}),
    ]
    found = allow_list.source_list()
    assert [(one.network, one.note, one.created_by) for one in found.listed] == [
        ("203.0.113.0/24", "Entra", "eva"),
        ("2001:db8::/64", "", "eva"),
    ]
    assert (found.mode, found.set_by) == (Mode.ENFORCE, "eva")


def test_an_empty_list_is_never_enforced():
    with pytest.raises(Refused, match="empty"):
        allow_list.set_mode(Mode.ENFORCE, EVA)
    allow_list.allow([HERE], "", EVA)
    allow_list.set_mode(Mode.ENFORCE, EVA)
    with pytest.raises(Refused, match="last network"):
        allow_list.remove(HERE, EVA)
    assert [one.network for one in allow_list.source_list().listed] == [HERE]
    allow_list.set_mode(Mode.OFF, EVA)
    allow_list.remove(HERE, EVA)
    assert allow_list.source_list().listed == []


def test_of_several_networks_all_or_none_are_allowed():
    with pytest.raises(Refused, match="example.com"):
        allow_list.allow([HERE, "example.com"], "", EVA)
    many = [f"10.0.{number // 256}.{number % 256}" for number in range(bounds.ALLOWED_NETWORKS)]
    allow_list.allow(many, "", EVA)
    with pytest.raises(Refused, match=str(bounds.ALLOWED_NETWORKS)):
        allow_list.allow([HERE], "", EVA)
    assert len(allow_list.source_list().listed) == bounds.ALLOWED_NETWORKS


@pytest.mark.parametrize("note", ["x" * (bounds.NETWORK_NOTE_LENGTH + 1), "a\nb", "\x1b[31m"])
def test_notes_that_cannot_be_read_are_refused(note: str):
    with pytest.raises(Refused, match="printable"):
        allow_list.allow([HERE], note, EVA)


# --- the policy -------------------------------------------------------------------------------------------------------


def test_enforced_it_allows_what_is_on_the_list():
    allow_list.allow(["20.190.128.0/18", "2001:db8::/64"], "", EVA)
    allow_list.set_mode(Mode.WATCH, EVA)
    assert current_policy().allows("198.51.100.1") and current_policy().is_watched
    allow_list.set_mode(Mode.ENFORCE, EVA)
    for text in (ENTRA, f"::ffff:{ENTRA}", "2001:db8::9", "2001:DB8::9%eth0"):
        assert current_policy().allows(text), text
    for text in ("20.191.0.1", "2001:db9::1", "127.0.0.1", "::1", "", "unix:", "20.190.128.7, 1.1.1.1"):
        assert not current_policy().allows(text), text


def test_a_change_holds_at_once():
    allow_list.allow([HERE], "", EVA)
    for mode in (Mode.ENFORCE, Mode.WATCH, Mode.ENFORCE, Mode.OFF, Mode.ENFORCE):
        allow_list.set_mode(mode, EVA)
        assert current_policy().mode is mode
    allow_list.allow([ENTRA], "", EVA)
    assert current_policy().allows(ENTRA)
    allow_list.remove(ENTRA, EVA)
    assert not current_policy().allows(ENTRA)


def test_it_is_read_again_only_after_a_change(monkeypatch: pytest.MonkeyPatch):
    allow_list.allow([HERE], "", EVA)
    allow_list.set_mode(Mode.ENFORCE, EVA)
    first = current_policy()
    with monkeypatch.context() as patch:
        patch.setattr(enforcement.rows, "policy", lambda _: pytest.fail("it reads"))
        SeenSources().note(ip_address(ENTRA))
        key_last_use.note_key_use("deadbeef", ENTRA)
        assert current_policy() is first
    allow_list.allow([ENTRA], "", EVA)
    assert current_policy().allows(ENTRA)


def test_what_cannot_be_read_lets_nobody_in(monkeypatch: pytest.MonkeyPatch):
    current_policy()

    def broken() -> None:
        raise errors.unavailable("full")

    monkeypatch.setattr(directory_database, "reading", broken)
    with pytest.raises(errors.ScimError):
        current_policy()


# --- who came ---------------------------------------------------------------------------------------------------------


def test_an_address_is_noted_once_an_hour(steady: list[float], pass_time: Callable[[float], None]):
    memory = SeenSources()
    for passed in (0, 60, bounds.SOURCE_NOTED_S - 61):
        steady[0] += passed
        pass_time(passed)
        memory.note(ip_address(ENTRA))
    assert seen() == {ENTRA: ("2026-03-01T08:00:00.000Z", "2026-03-01T08:00:00.000Z")}
    steady[0] += 1
    pass_time(1)
    memory.note(ip_address(ENTRA))
    assert seen() == {ENTRA: ("2026-03-01T08:00:00.000Z", "2026-03-01T09:00:00.000Z")}
    pass_time(-7200)
    SeenSources().note(ip_address(ENTRA))
    assert seen()[ENTRA][1] == "2026-03-01T09:00:00.000Z", "a clock that goes back makes nothing older"


def test_what_could_not_be_written_is_written_later(steady: list[float], monkeypatch: pytest.MonkeyPatch):
    memory = SeenSources()
    tried: list[bool] = []
    with monkeypatch.context() as patch:

        def full(wait: bool) -> None:
            tried.append(wait)
            raise errors.unavailable("full")

        patch.setattr(directory_database, "writing", full)
        memory.note(ip_address(ENTRA))
        memory.note(ip_address(HERE))
        assert tried == [False], "not tried anew with every request"
    assert seen() == {}
    steady[0] += bounds.SOURCE_NOTE_PAUSE_S
    memory.note(ip_address(HERE))
    assert seen().keys() == {ENTRA, HERE}


@pytest.mark.usefixtures("patient")
def test_a_note_does_not_wait_for_another_process(app: Flask, path: Path):
    memory = SeenSources()
    with held(path):
        finished_meanwhile(app, lambda: memory.note(ip_address(ENTRA)))
    assert seen() == {}


def test_those_seen_last_are_kept(steady: list[float], pass_time: Callable[[float], None]):
    memory = SeenSources()
    for number in range(bounds.SEEN_SOURCES + 5):
        pass_time(1)
        memory.note(ip_address(f"10.0.{number // 256}.{number % 256}"))
    kept = seen()
    assert len(kept) == bounds.SEEN_SOURCES
    assert "10.0.0.4" not in kept and "10.0.0.5" in kept


def test_many_at_once_are_all_noted(app: Flask):
    memory, together = SeenSources(), threading.Barrier(8)

    def come(thread: int) -> None:
        with app.app_context():
            together.wait()
            for number in range(20):
                memory.note(ip_address(f"10.0.{thread}.{number}"))

    threads = [threading.Thread(target=come, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    memory._failures = Throttle()
    memory.note(ip_address(ENTRA))
    assert len(seen()) == 8 * 20 + 1


def test_the_proposal_holds_everybody_of_the_last_days(steady: list[float], pass_time: Callable[[float], None]):
    memory = SeenSources()
    memory.note(ip_address("198.51.100.1"))
    pass_time(bounds.SOURCE_DAYS * 86_400 + 1)
    for text in ("20.190.128.1", "20.190.128.2", "127.0.0.1"):
        memory.note(ip_address(text))
    found = allow_list.source_list()
    assert found.proposal == ["20.190.128.1", "20.190.128.2", "127.0.0.1"]
    assert {one.address: one.place for one in found.sources}["127.0.0.1"] == "this host"
    assert not found.has_news, "while nothing is on the list, nobody is new"
    allow_list.set_mode(Mode.WATCH, EVA)
    allow_list.allow(found.proposal, "", EVA)
    assert not allow_list.source_list().unlisted
    memory.note(ip_address("20.190.128.3"))
    found = allow_list.source_list()
    assert found.has_news and [one.address for one in found.unlisted] == ["20.190.128.3"]
    assert found.proposal == ["20.190.128.0/24"], "with those that are on the list already they are three"
    allow_list.allow(found.proposal, "", EVA)
    assert not allow_list.source_list().has_news
    assert [one.address for one in allow_list.source_list().without("20.190.128.0/24").unlisted] == ["20.190.128.3"]


def test_without_watching_the_last_use_of_a_key_is_known():
    key = scim_keys.create_key("Entra", EVA).row
    key_last_use.note_key_use(key.id, f"::ffff:{ENTRA}")
    found = allow_list.source_list()
    assert [(one.address, one.first_seen, one.is_listed) for one in found.sources] == [(ENTRA, "", False)]
    assert found.proposal == [ENTRA] and not found.has_news
