"""Alerts: one message at the start, one a day, one when over, whatever fails in between; the clock is the test's."""

import random
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.administration.alerts import alert_delivery, alert_sender, alert_targets, incidents
from app.administration.alerts.alert_delivery import Network, RetryLater
from app.administration.alerts.alert_kinds import AlertKind
from app.administration.alerts.alert_sender import Sender
from app.administration.alerts.alert_targets import Target
from app.administration.alerts.incidents import Delivery, Finding, State
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.delivery.connections import DeliveryError
from app.delivery.webhook import Answer
from app.scim.errors import unavailable
from app.store.access import alert_rows, audit_rows, unaudited_rows
from app.store.database import directory_database
from tests.administration.conftest import EVA

pytestmark = pytest.mark.usefixtures("app")

MINUTE, HOUR, DAY = 60, 3_600, 86_400
NETWORK = Network("https://scim.example.org", 7644, may_reach_loopback=False, ca_file=None)
SEALER = Sealer(b"s" * 32, alert_targets.SEAL)
MAIL = {
    "host": "smtp.example.org",
    "port": "587",
    "security": "starttls",
    "user": "recnice",
    "password": "a blue kettle",
    "sender": "recnice@example.org",
    "recipients": "ops@example.org, eva@example.org",
}
URL = "https://hooks.example.org/T0/secret-part"


@dataclass
class World:
    """What holds, what receivers answer, and what they got: channel, stage, kind and id of each message."""

    pass_time: Callable[[float], None]
    found: dict[str, Finding] = field(default_factory=dict)
    got: list[tuple[str, str, str, str]] = field(default_factory=list)
    down: dict[str, Exception] = field(default_factory=dict)
    beats: int = 0
    sender: Sender | None = None

    def restart(self) -> None:
        self.sender = Sender(nullcontext, lambda: Look(), NETWORK, SEALER)  # type: ignore[arg-type,return-value]

    def work(self, seconds: float = 0) -> None:
        """Let time pass, half an hour at a time."""
        end = seconds
        while True:
            assert self.sender
            self.sender._next_look_s = self.sender._next_heartbeat_s = float("-inf")
            self.sender.work()
            if end <= 0:
                return
            step = min(end, 30 * MINUTE)
            self.pass_time(step)
            end -= step

    def take(self, channel: str = "webhook") -> list[tuple[str, str]]:
        """Stage and kind of what arrived since the last call."""
        taken = [(stage, kind) for to, stage, kind, _ in self.got if to == channel]
        self.got.clear()
        return taken


@dataclass(frozen=True)
class Look:
    open_kinds: object = ()
    is_stored: bool = True


@pytest.fixture
def world(app: Flask, pass_time: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(pass_time)

    def send(delivery: Delivery, target: Target, network: Network, sealer: Sealer) -> str:
        if error := world.down.get(target.channel):
            raise error
        world.got.append((target.channel, delivery.stage, delivery.kind, delivery.id))
        return "accepted"

    def beat(*_: object) -> str:
        world.beats += 1
        return "OK"

    def kind(name: str) -> AlertKind:
        return AlertKind(name=name, title=name, what="", fix=(), find=lambda _: world.found.get(name))

    monkeypatch.setattr(alert_sender, "KINDS", (kind("fire"), kind("flood")))
    monkeypatch.setattr(alert_delivery, "send", send)
    monkeypatch.setattr(alert_delivery, "request_heartbeat", beat)
    world.restart()
    return world


@pytest.fixture
def webhook(app: Flask, world: World) -> None:
    alert_targets.save_webhook(URL, "", SEALER, EVA)


# --- when messages are due --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("webhook")
def test_one_at_the_start_one_a_day_one_when_over(world: World) -> None:
    world.work(HOUR)
    assert world.take() == []
    world.found["fire"] = Finding(detail="hot")
    world.work(3 * DAY - HOUR)
    assert world.take() == [("began", "fire"), ("lasts", "fire"), ("lasts", "fire")]
    del world.found["fire"]
    world.work(10 * DAY)
    assert world.take() == [("over", "fire")]


@pytest.mark.usefixtures("webhook")
def test_a_restart_in_between_changes_nothing(world: World) -> None:
    world.found["fire"] = Finding()
    for _ in range(30):
        world.work(HOUR)
        world.restart()
    del world.found["fire"]
    for _ in range(30):
        world.work(HOUR)
        world.restart()
    assert world.take() == [("began", "fire"), ("lasts", "fire"), ("over", "fire")]


@pytest.mark.usefixtures("webhook")
def test_a_condition_that_comes_and_goes_causes_few_messages(world: World) -> None:
    """Away for eleven minutes, there for eleven minutes, for two days."""
    for number in range(2 * DAY // (11 * MINUTE)):
        world.found = {"fire": Finding()} if number % 2 else {}
        world.work(11 * MINUTE)
    stages = [stage for stage, _ in world.take()]
    assert 2 <= len(stages) <= 14
    assert stages[0] == "began" and "lasts" in stages


@pytest.mark.usefixtures("webhook")
def test_a_short_pause_is_no_end(world: World) -> None:
    world.found["fire"] = Finding()
    world.work(HOUR)
    world.found.clear()
    world.work(bounds.ALERT_OVER_AFTER_S / 4)
    world.found["fire"] = Finding()
    world.work(HOUR)
    assert world.take() == [("began", "fire")]


@pytest.mark.usefixtures("webhook")
def test_a_step_of_an_alert_is_a_message_and_no_day_is(world: World) -> None:
    for level, days in (("21 days", 3), ("7 days", 2), ("1 day", 1)):
        world.found["fire"] = Finding(level=level)
        world.work(days * DAY)
    assert world.take() == [("began", "fire"), ("more", "fire"), ("more", "fire")]


@pytest.mark.usefixtures("webhook")
def test_what_cannot_be_looked_at_is_not_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.found["fire"] = Finding()
    world.work(HOUR)
    known = alert_sender.KINDS[0]

    def fail(_: object) -> None:
        raise OSError

    monkeypatch.setattr(alert_sender, "KINDS", (AlertKind(name="fire", title="", what="", fix=(), find=fail),))
    world.work(5 * HOUR)
    assert world.take() == [("began", "fire")]
    monkeypatch.setattr(alert_sender, "KINDS", (known,))
    del world.found["fire"]
    world.work(5 * HOUR)
    assert world.take() == [("over", "fire")]


@pytest.mark.usefixtures("webhook")
@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY])
def test_a_clock_that_jumps_stops_nothing_and_floods_nobody(world: World, jump: float) -> None:
    world.found["fire"] = Finding()
    world.work(HOUR)
    world.down["webhook"] = DeliveryError("down")
    world.work(DAY)
    world.pass_time(jump)
    world.down.clear()
    world.work(2 * DAY)
    del world.found["fire"]
    world.work(DAY)
    taken = world.take()
    assert taken[0] == ("began", "fire") and taken[-1] == ("over", "fire") and 3 <= len(taken) <= 6


# --- what waits -------------------------------------------------------------------------------------------------------


def test_an_alert_from_before_the_first_target_is_sent_to_it(world: World) -> None:
    world.found["fire"] = Finding()
    world.work(2 * DAY)
    alert_targets.save_webhook(URL, "", SEALER, EVA)
    world.work(HOUR)
    alert_targets.save_mail(MAIL, SEALER, EVA)
    world.work(HOUR)
    assert [(to, stage) for to, stage, *_ in world.got] == [("webhook", "began"), ("mail", "began")]


@pytest.mark.usefixtures("webhook")
def test_a_message_waits_for_its_receiver_and_keeps_its_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    real = alert_delivery.send

    def send(delivery: Delivery, *rest: Any) -> str:
        tried.append(delivery.id)
        return real(delivery, *rest)

    monkeypatch.setattr(alert_delivery, "send", send)
    world.down["webhook"] = DeliveryError("down")
    world.found["fire"] = Finding()
    world.work(10 * HOUR)
    world.restart()
    del world.found["fire"]
    world.work(10 * HOUR)
    assert world.take() == [] and 5 < len(tried) < 30 and len(set(tried)) == 1
    assert {one.answer for one in alert_sender.state().deliveries} == {"down", ""}
    assert alert_targets.read_targets()["webhook"].answer == "down"
    world.down.clear()
    world.work(5 * HOUR)
    assert world.got[0][3] == tried[0]
    assert world.take() == [("began", "fire"), ("over", "fire")]


@pytest.mark.usefixtures("webhook")
def test_after_three_days_a_message_is_given_up_with_its_end(world: World) -> None:
    world.down["webhook"] = DeliveryError("down")
    world.found["fire"] = Finding()
    world.work(DAY)
    del world.found["fire"]
    world.work(3 * DAY)
    world.down.clear()
    world.work(2 * DAY)
    assert world.take() == []
    assert all(one.dropped for one in alert_sender.state().deliveries)


@pytest.mark.usefixtures("webhook")
@pytest.mark.parametrize("error", [DeliveryError("down"), OverflowError("unexpected")])
def test_one_channel_does_not_wait_for_the_other(world: World, error: Exception) -> None:
    alert_targets.save_mail(MAIL, SEALER, EVA)
    world.down["mail"] = error
    world.found["fire"] = Finding()
    world.work()
    assert world.take() == [("began", "fire")]
    assert any(
        one.channel == "mail" and one.attempts == 1 and one.is_waiting for one in alert_sender.state().deliveries
    )


@pytest.mark.usefixtures("webhook")
def test_a_receiver_may_ask_to_wait(world: World) -> None:
    world.down["webhook"] = RetryLater("busy", 5 * HOUR)
    world.found["fire"] = Finding()
    world.work()
    world.down.clear()
    world.work(4 * HOUR)
    assert world.take() == []
    world.work(2 * HOUR)
    assert world.take() == [("began", "fire")]


@pytest.mark.usefixtures("webhook")
def test_a_receiver_that_says_410_gets_nothing_until_it_is_saved_again(world: World) -> None:
    world.down["webhook"] = alert_delivery.ReceiverGone()
    world.found["fire"] = Finding()
    world.work()
    world.down.clear()
    world.work(2 * DAY)
    assert world.take() == [] and alert_targets.read_targets()["webhook"].stopped
    alert_targets.save_webhook(URL, "", SEALER, EVA)
    world.work()
    assert world.take() == [("began", "fire")]


@pytest.mark.usefixtures("webhook")
def test_a_test_is_sent_at_once_also_after_failures(world: World) -> None:
    world.down["webhook"] = DeliveryError("down")
    world.found["fire"] = Finding()
    world.work(10 * HOUR)
    world.down.clear()
    alert_targets.add_test("webhook", EVA)
    world.work()
    assert world.take() == [("began", "fire"), ("test", "test")]
    with pytest.raises(Refused):
        alert_targets.add_test("mail", EVA)


@pytest.mark.usefixtures("webhook")
def test_few_messages_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ALERTS_KEPT", 3)
    world.found["flood"] = Finding()
    world.work()
    for _ in range(5):
        alert_targets.add_test("webhook", EVA)
        world.work()
    stages = [one.stage for one in alert_sender.state().deliveries]
    assert stages == ["began", "test", "test", "test"], "that about an alert that lasts stays"


# --- while nothing can be stored --------------------------------------------------------------------------------------


def refuse() -> Any:
    raise unavailable("The disk is full")


@pytest.mark.usefixtures("webhook")
def test_without_a_database_alerts_are_sent_once_from_memory(world: World) -> None:
    world.found["flood"] = Finding()
    world.work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directory_database, "writing", refuse)
        patch.setattr(directory_database, "reading", refuse)
        world.found["fire"] = Finding()
        world.work(5 * HOUR)
        assert world.take() == [("began", "flood"), ("began", "fire")]
    assert "fire" not in alert_sender.state().alerts
    world.work()
    assert alert_sender.state().alerts["fire"].ended is None, "stored as soon as that is possible"
    world.restart()
    world.found.clear()
    world.work(HOUR)
    assert sorted(world.take()) == [("over", "fire"), ("over", "flood")]


@pytest.mark.usefixtures("webhook")
def test_a_lost_file_is_told_by_who_knew_the_target(world: World, app: Flask) -> None:
    world.work()
    directory_database.file.abandon("gone")
    world.found["fire"] = Finding()
    world.work(5 * HOUR)
    assert world.take() == [("began", "fire")]


@pytest.mark.usefixtures("webhook")
def test_a_stop_waits_for_no_network_and_nothing_is_written_after_it(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a stop the database may be another one, which a restore has put in its place."""
    is_asking, may_answer = threading.Event(), threading.Event()

    def find(_: object) -> Finding:
        is_asking.set()
        assert may_answer.wait(30)
        return Finding()

    slow = AlertKind(name="fire", title="", what="", fix=(), find=find, is_remote=True)
    monkeypatch.setattr(alert_sender, "KINDS", (slow,))
    sender = Sender(app.app_context, lambda: Look(), NETWORK, SEALER)  # type: ignore[arg-type,return-value]
    sender.start()
    assert is_asking.wait(30)
    sender.stop()
    assert sender._thread.is_alive()
    may_answer.set()
    sender._thread.join(30)
    assert not sender._thread.is_alive() and alert_sender.state() == State()


# --- the heartbeat ----------------------------------------------------------------------------------------------------


def test_the_heart_beats_only_while_all_is_well(world: World) -> None:
    alert_targets.save_heartbeat("https://beats.example.org/1", SEALER, EVA)
    world.work(HOUR)
    beats = world.beats
    assert beats >= 3 and alert_targets.read_targets()["heartbeat"].delivered
    world.found["fire"] = Finding()
    world.work(HOUR)
    assert world.beats == beats
    world.found.clear()
    world.work(HOUR)
    assert world.beats > beats
    beats = world.beats
    directory_database.file.abandon("gone")
    world.work(HOUR)
    assert world.beats == beats


# --- the rules against chance -----------------------------------------------------------------------------------------


def test_no_end_without_its_start_and_no_flood_whatever_happens(pass_time: Callable[[float], None]) -> None:
    """Random conditions and outages: each receiver gets began, then lasts or more, then over, of each incident."""
    chance = random.Random(7)
    for _ in range(30):
        state, told, is_up = State(), {}, True
        for _ in range(200):
            found = {kind: Finding(level=chance.choice(("", "", "7 days"))) for kind in "ab" if chance.random() < 0.5}
            unknown = [kind for kind in "ab" if chance.random() < 0.1]
            is_up = chance.random() < (0.9 if is_up else 0.1)
            now = clock.utc_now()
            incidents.update(state, found, unknown, ("mail", "webhook"), now)
            for channel in ("mail", "webhook"):
                while is_up and (one := next(incidents.next_deliveries(state, [channel], now), None)):
                    incidents.note_success(one, "", now)
                    told.setdefault((channel, one.incident), []).append((one.stage, now))
                if not is_up and (one := next(incidents.next_deliveries(state, [channel], now), None)):
                    incidents.note_failure(one, "", now)
            pass_time(chance.choice((MINUTE, 20 * MINUTE, 3 * HOUR)))
        assert len(told) > 5
        for stages in told.values():
            names = [stage for stage, _ in stages]
            assert names[0] == "began" and "began" not in names[1:] and "over" not in names[:-1]
            assert set(names[1:-1]) <= {"lasts", "more"}


# --- targets ----------------------------------------------------------------------------------------------------------


def stored() -> str:
    with directory_database.reading() as connection:
        return str(alert_rows.targets(connection)) + str(
            audit_rows.page(connection, audit_rows.AuditFilter(), None, 100)
        )


def test_no_secret_is_stored_or_audited_as_it_is() -> None:
    alert_targets.save_mail(MAIL, SEALER, EVA)
    secret = alert_targets.save_webhook(URL, "", SEALER, EVA)
    alert_targets.save_heartbeat("https://beats.example.org/one-two", SEALER, EVA)
    text = stored()
    for part in (MAIL["password"], "secret-part", secret, secret.removeprefix("whsec_"), "one-two"):
        assert part not in text
    targets = alert_targets.read_targets()
    assert targets["mail"].name == "ops@example.org and 1 more by smtp.example.org"
    assert targets["mail"].mail_server(SEALER).password == MAIL["password"]
    assert targets["webhook"].secrets(SEALER) == {"url": URL, "secret": secret}
    assert "secret-part" not in repr(targets)
    with pytest.raises(Refused, match=r"recnice\.secret is another file"):
        targets["mail"].mail_server(Sealer(b"t" * 32, alert_targets.SEAL))


def test_a_webhook_whose_secret_is_lost_can_be_saved_again() -> None:
    secret = alert_targets.save_webhook(URL, "", SEALER, EVA)
    other = Sealer(b"t" * 32, alert_targets.SEAL)
    with pytest.raises(Refused, match="save the target again"):
        alert_targets.save_webhook("", "", other, EVA)
    assert alert_targets.save_webhook(URL, "", other, EVA) not in ("", secret)
    assert alert_targets.read_targets()["webhook"].secrets(other)["url"] == URL


def test_a_password_stays_with_the_host_that_it_was_entered_for() -> None:
    alert_targets.save_mail(MAIL, SEALER, EVA)
    alert_targets.save_mail(MAIL | {"password": "", "recipients": "new@example.org"}, SEALER, EVA)
    assert alert_targets.read_targets()["mail"].mail_server(SEALER).password == MAIL["password"]
    for change in ({"host": "evil.example"}, {"port": "25"}, {"security": "none"}, {"user": "other"}):
        with pytest.raises(Refused, match="Enter the password"):
            alert_targets.save_mail(MAIL | {"password": ""} | change, SEALER, EVA)
    secret = alert_targets.save_webhook(URL, "", SEALER, EVA)
    assert alert_targets.save_webhook("", "", SEALER, EVA) == "" == alert_targets.save_webhook(URL, "", SEALER, EVA)
    assert alert_targets.read_targets()["webhook"].secrets(SEALER)["secret"] == secret
    assert alert_targets.save_webhook("https://other.example.org/", "", SEALER, EVA) not in ("", secret)


INVALID_MAIL: Sequence[dict[str, str]] = (
    {"host": ""},
    {"host": "smtp.example.org:25"},
    {"host": "a b"},
    {"host": "smtp..example.org"},
    {"host": "a" * 64 + ".example.org"},
    {"port": "0"},
    {"port": "65536"},
    {"port": "25x"},
    {"security": "ssl3"},
    {"sender": "nobody"},
    {"sender": "a@b\r\nBcc: c@d"},
    {"sender": ".a@example.org"},
    {"sender": "a..b@example.org"},
    {"sender": "=?utf-8?q?a=0d=0aBcc:x?=@example.org"},
    {"sender": "a@example..org"},
    {"recipients": ""},
    {"recipients": "ops@example.org\r\nX: y"},
    {"recipients": ", ".join(f"a{number}@example.org" for number in range(11))},
    {"user": "a\nb"},
    {"password": "x" * 1_025},
    {"password": "Käse"},  # smtplib sends ASCII only
)
INVALID_WEBHOOKS = (
    ("", ""),
    ("ftp://example.org/", ""),
    ("https:///x", ""),
    ("https://a..b/", ""),
    ("https://user:pass@example.org/", ""),
    ("https://example.org/ x", ""),
    ("https://example.org/#x", ""),
    ("https://example.org:0/", ""),
    ("https://[::1/", ""),
    ("https://example.org/" + "x" * 2_048, ""),
    (URL, "whsec_short"),
    (URL, "sec_" + "a" * 44),
    (URL, "whsec_" + "a" * 100),
    (URL, "whsec_ü"),
)


def test_an_invalid_target_is_refused() -> None:
    for change in INVALID_MAIL:
        with pytest.raises(Refused):
            alert_targets.save_mail(MAIL | change, SEALER, EVA)
    for url, secret in INVALID_WEBHOOKS:
        with pytest.raises(Refused):
            alert_targets.save_webhook(url, secret, SEALER, EVA)
    assert alert_targets.read_targets() == {}


def test_each_target_has_its_entry_and_check_misses_none(app: Flask) -> None:
    alert_targets.save_mail(MAIL, SEALER, EVA)
    alert_targets.remove("mail", EVA)
    alert_targets.remove("mail", EVA)
    alert_targets.save_webhook(URL, "", SEALER, EVA)
    with directory_database.writing() as connection:
        entries = audit_rows.page(connection, audit_rows.AuditFilter(), None, 100)[0][::-1]
        assert [(one.action, one.target) for one in entries] == [
            ("alert-target-saved", "ops@example.org and 1 more by smtp.example.org"),
            ("alert-target-removed", "ops@example.org and 1 more by smtp.example.org"),
            ("alert-target-saved", "hooks.example.org"),
        ]
        assert list(unaudited_rows.faults(connection)) == []
        connection.exec_driver_sql("UPDATE alert_target SET saved = '2020-01-01T00:00:00.000Z'")
        assert list(unaudited_rows.faults(connection)) == [
            "audit: no entry says that alert_target 'webhook' was created"
        ]


def test_a_redirect_and_an_error_are_failures() -> None:
    now = clock.utc_now()
    assert alert_delivery._success(Answer(204, "", ""), now) == "The receiver answered 204"
    with pytest.raises(RetryLater, match="answered 302 .a redirect, which is not followed.$"):
        alert_delivery._success(Answer(302, "", ""), now)
    with pytest.raises(RetryLater, match="answered 503: busy") as later:
        alert_delivery._success(Answer(503, "busy", "7"), now)
    assert later.value.wait_s == 7
