"""Alerts from the real program: the page, the thread, the commands, and the conditions with what really happened."""

import base64
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from flask import Flask
from standardwebhooks import Webhook

from app import bounds, clock
from app.administration.alerts import alert_kinds, conditions
from app.administration.alerts.conditions import Look, PublicCertificate
from app.administration.alerts.incidents import Finding
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.administration.encryption import Sealer
from app.administration.single_sign_on import provider_settings
from app.administration.single_sign_on.provider_client import Outage, ProviderClient
from app.administration.single_sign_on.provider_settings import Entered
from app.delivery.certificate import Certificate
from app.observation import guard, request_recorder
from app.provisioning.resource_operations import Author, create, replace
from app.request_record import DueRemoval
from app.scim.resource_types import USER
from app.store.database import directory_database, sqlite_driver
from app.store.database.file_watch import LOST
from app.store.directory import job_rows
from app.store.request_log import log_database
from app.web import console
from app.web.console.access import provider_sign_in
from tests.conftest import ROOT, Appliance, wait_until, with_values
from tests.delivery.mail_server import PASSWORD as MAIL_PASSWORD
from tests.delivery.mail_server import USER as MAIL_USER
from tests.delivery.mail_server import MailBox, serving_mail
from tests.delivery.receiver import receiving
from tests.openid.certificates import Authority
from tests.openid.conftest import authority
from tests.web.request_log_rows import past
from tests.web.visitor import Visitor, set_up

__all__ = ["authority"]

SOON = {
    "web__console__ALERTS_AFTER_S": 0.05,
    "bounds__ALERT_EVERY_S": 0.2,
    "bounds__ALERT_RETRY_S": [0.2],
    "bounds__HEARTBEAT_S": 0.2,
}
"""What lets the thread look, try again and beat several times a second."""
KEY_IN_USE = "UPDATE scim_key SET last_used = '2026-01-02T08:00:00.000Z', created = '2026-01-01T08:00:00.000Z'"
KEY_USED_NOW = "UPDATE scim_key SET last_used = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def change(appliance: Appliance, statement: str) -> None:
    with closing(sqlite_driver.module.connect(appliance.data / "recnice.sqlite3")) as connection, connection:
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute(statement)


def test_alerts_from_the_page_to_the_receivers(new_appliance: Callable[..., Appliance], authority: Authority) -> None:
    appliance = new_appliance(
        program=with_values(**SOON),
        flags=("--ca-file", str(authority.ca_file), "--alert-loopback", "--alert-no-contact-hours", "0"),
    )
    appliance.start()
    eva = set_up(appliance)
    appliance.make_key()
    context, box = authority.server_context("localhost"), MailBox()
    with receiving(context) as hook, receiving() as heart:
        assert "No channel is on, so no alert is sent." in eva.get("/alerts").text
        form = {"host": "localhost", "port": str(box.port), "security": "starttls", "user": MAIL_USER}
        people = {"sender": "recnice@example.org", "recipients": "ops@example.org"}
        assert eva.post("/alerts/mail", **form, **people, password=MAIL_PASSWORD).location == "/alerts"
        hidden = f"https://localhost:{hook.port}/T0/unseen-part"
        created = eva.post("/alerts/webhook", url=hidden, secret=SECRET)
        assert created.status == 303, created.text
        eva.post("/alerts/heartbeat", url=f"http://127.0.0.1:{heart.port}/beat")
        wait_until(lambda: len(heart.received) > 1, "the heartbeat URL is requested again and again")
        change(appliance, KEY_IN_USE)
        wait_until(lambda: hook.received, "the alert arrives at the webhook, whatever the mail server does")
        headers = {name.lower(): value for name, value in hook.received[0].headers.items()}
        content = Webhook(SECRET).verify(hook.received[0].body, headers)
        assert (content["type"], content["data"]["alert"]) == ("alert.began", "key-unused")
        page = wait_until(
            lambda: "cannot be reached" in (text := eva.get("/alerts").text) and text, "the page says why"
        )
        assert "A SCIM Key is not used" in page and "Waiting, next attempt" in page
        appliance.kill()
        beats = len(heart.received)
        appliance.start()
        with serving_mail(box, context):
            wait_until(lambda: box.messages, "the mail server is back, and so is what waited for it")
            change(appliance, KEY_USED_NOW)
            assert "A SCIM Key is not used" in str(box.messages[0]["Subject"])
            assert eva.sign_in().status == 303
            eva.get("/alerts")
            for channel in ("mail", "webhook"):
                assert eva.post("/alerts/test", channel=channel).location == "/alerts"
            wait_until(lambda: "Test of the alerts" in str(box.messages[-1]["Subject"]), "a test arrives")
            wait_until(lambda: b'"alert.test"' in hook.received[-1].body, "a test arrives")
            listed = appliance.command("alerts", "list")
            assert listed.returncode == 0 and "key-unused" in listed.stdout
            appliance.environment = {"RECNICE_CA_FILE": str(authority.ca_file), "RECNICE_ALERT_LOOPBACK": "1"}
            tested = appliance.command("alerts", "test")
            assert tested.returncode == 0 and tested.stdout.count(" yes ") == 2, tested.stdout
        assert len(heart.received) == beats, "no heartbeat while an alert lasts"
        assert len([one for one in box.messages if "Test" not in str(one["Subject"])]) == 1
    page = eva.get("/alerts").text
    everything = page + appliance.output + eva.get("/audit").text + listed.stdout + tested.stdout
    everything += b"".join(path.read_bytes() for path in appliance.data.glob("*.sqlite3*")).decode("utf-8", "replace")
    for secret in (MAIL_PASSWORD, SECRET, "unseen-part", "/beat"):
        assert secret not in everything
    assert eva.post("/alerts/remove", channel="mail").location == "/alerts"
    assert "Alerts are not sent by e-mail." in eva.get("/alerts").text
    assert appliance.stop() == 0


def test_a_refused_form_says_why_and_shows_no_secret(console: Appliance, eva: Visitor) -> None:
    eva.get("/alerts")
    form = {"host": "smtp.example.org", "port": "0", "security": "tls", "sender": "a@example.org"}
    refused = eva.post("/alerts/mail", **form, recipients="b@example.org", password="a red kettle")
    assert refused.status == 400 and "Port: enter a number" in refused.text and "smtp.example.org" in refused.text
    assert "a red kettle" not in refused.text
    assert eva.post("/alerts/webhook", url="gopher://x").status == 400
    assert eva.post("/alerts/heartbeat", url="").status == 400
    assert eva.post("/alerts/test", channel="mail").status == 400
    made = eva.post("/alerts/webhook", url="https://hooks.example.org/a/b")
    found = re.search(r"whsec_[A-Za-z0-9+/=]{44}", made.text)
    assert found and len(base64.b64decode(found[0][6:])) == 32
    assert "whsec_" not in eva.get("/alerts").text.replace('placeholder="whsec_…"', "")


# --- the conditions ---------------------------------------------------------------------------------------------------


@pytest.fixture
def look(app: Flask) -> Callable[..., Finding | None]:
    """What one kind of alert finds now."""
    console.load_pages(app)
    settings = app.config["RECNICE_SETTINGS"]

    plain = PublicCertificate("http://127.0.0.1", None)

    def found(kind: str, hours: int = 24, certificate: PublicCertificate = plain, **more: object) -> Finding | None:
        files = settings.database, settings.requests_database
        with app.app_context():
            given = {"are_backups_on": True, "newest_backup": lambda: ""} | more
            seen = Look(*files, hours, certificate, provider_sign_in.provider_client, **given)  # type: ignore[arg-type]
            return alert_kinds.BY_NAME[kind].find(seen)

    return found


def record(app: Flask, *requests: object) -> None:
    with app.app_context(), log_database.writing() as connection:
        request_recorder.write(connection, list(requests))  # type: ignore[arg-type]


def test_nothing_holds_in_a_new_folder(look: Callable[..., Finding | None]) -> None:
    room = shutil.disk_usage("/")
    for kind in alert_kinds.KINDS:
        if kind.name != "disk-low" or room.free > bounds.DISK_LOW_BYTES:
            assert look(kind.name) is None, kind.name


def test_silence_of_entra(app: Flask, look: Callable[..., Finding | None]) -> None:
    record(app, past(30 * 60))
    found = look("no-contact")
    assert found and found.since < clock.to_wire(clock.utc_now() - timedelta(hours=29))
    assert look("no-contact", hours=48) is None and look("no-contact", hours=0) is None
    record(app, past(1))
    assert look("no-contact") is None


def test_the_gaps_of_a_job_in_quarantine(app: Flask, look: Callable[..., Finding | None]) -> None:
    record(app, *(past(hours * 60, status=500, action="") for hours in (43, 37, 25, 1)))
    assert look("quarantine")
    record(app, past(1, status=200))
    assert look("quarantine") is None


def test_refused_keys_count_only_while_no_valid_one_arrives(app: Flask, look: Callable[..., Finding | None]) -> None:
    with app.app_context():
        scim_keys.create_key("one", HOST)
    record(app, past(9 * 60))
    wrong = {"status": 401, "key_id": "", "key_fault": "stopped", "action": ""}
    record(app, past(10, **wrong))
    assert look("key-refused") is None, "not yet for long"
    record(app, past(5 * 60, **wrong | {"key_fault": "missing"}))
    assert look("key-refused") is None, "a browser"
    record(app, past(4 * 60, **wrong | {"key_fault": "cut"}))
    assert look("key-refused")
    record(app, past(1))
    assert look("key-refused") is None


def test_without_any_key_everything_is_refused(app: Flask, look: Callable[..., Finding | None]) -> None:
    assert look("key-refused") is None
    record(app, past(1))
    found = look("key-refused")
    assert found and "No SCIM Key" in found.detail


def test_a_problem_that_stops_the_job(app: Flask, look: Callable[..., Finding | None]) -> None:
    record(app, past(1))
    stranger = past(2, status=404, path="outside", key_id="", action="")
    record(app, stranger)
    assert look("job-stopped") is None, "Entra came through since"
    record(app, past(0, status=503, path="Users", action=""))
    found = look("job-stopped")
    assert found and found.detail == "Open problems: Database not available."


def test_a_user_who_should_have_no_access(app: Flask, look: Callable[..., Finding | None]) -> None:
    with app.app_context():
        user_id = create(USER, {"userName": "ana@example.org"}, Author("1", "key 1")).record.id
    due = (DueRemoval("disable", user_id, ""),)
    record(app, past(1, method="PATCH", path="Users/{id}", status=412, action="change", due=due))
    found = look("access-remains")
    assert found and found.detail == "1 user should have lost access and still have it."
    assert "ana" not in repr(found)


def test_an_alarm_of_the_guard(app: Flask, look: Callable[..., Finding | None]) -> None:
    author = Author("1", "key 1")
    with app.app_context():
        ids = [create(USER, {"userName": name}, author).record.id for name in ("ana", "ben")]
        watching = guard.Guard(guard.Limits(people=1, people_percent=0, learning_days=0))
        watching.count()
        for one in ids:
            replace(USER, one, {"userName": one, "active": False}, author)
        watching.count()
        raised = guard.open_alarm()
    found = look("guard")
    assert raised and found == Finding(raised.raised, "2 users disabled or deleted.")


def test_single_sign_on_that_fails_for_everybody(
    app: Flask, look: Callable[..., Finding | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProviderClient, "check", lambda _, issuer: mock.Mock(issuer=issuer))
    entered = Entered("openid", "", "", "https://id.example.org/realm", "one", "the secret of a client")
    assert look("sign-in-broken") is None
    with app.app_context():
        client = provider_sign_in.provider_client()
        provider_settings.save(entered, client, HOST)
        assert look("sign-in-broken") is None
        client._standing.outage = Outage("2026-01-02T08:00:00.000Z", "The provider does not answer.")
        assert look("sign-in-broken") == Finding("2026-01-02T08:00:00.000Z", "The provider does not answer.")
        client.sealer = Sealer(b"another", "client secret")
    found = look("sign-in-broken")
    assert found and "recnice.secret is another file" in found.detail


def test_a_failed_job_and_a_key_that_is_not_used(app: Flask, look: Callable[..., Finding | None]) -> None:
    with app.app_context(), directory_database.writing() as connection:
        job_rows.end(connection, "pruning", "the disk is full")
    assert look("job-failed") == Finding(detail="pruning: the disk is full.")
    assert look("backup-failed") is None
    with app.app_context():
        scim_keys.create_key("one", HOST)
        with directory_database.writing() as connection:
            connection.exec_driver_sql(KEY_IN_USE)
    found = look("key-unused")
    assert found == Finding("2026-01-02T08:00:00.000Z", "SCIM Keys: one.")


def test_backups_that_fail_or_stop(app: Flask, look: Callable[..., Finding | None]) -> None:
    old, new = (clock.to_wire(clock.utc_now() - timedelta(hours=hours)) for hours in (49, 47))
    assert look("backup-old") is None, "none was due yet"
    with app.app_context(), directory_database.writing() as connection:
        job_rows.write(connection, "nightly-backup", 1_000_000_000, old, "the disk is full")
    assert look("backup-failed") == Finding(detail="nightly-backup: the disk is full.")
    assert look("job-failed") is None
    assert look("backup-old", newest_backup=lambda: new) is None
    assert look("backup-old", newest_backup=lambda: old) == Finding(old)
    assert look("backup-old") == Finding("2001-09-09T01:46:40.000Z", "There is no verified backup.")
    assert look("backup-old", are_backups_on=False) is None
    with app.app_context(), directory_database.writing() as connection:
        job_rows.write(connection, "nightly-backup", int(clock.utc_now().timestamp()), "", None)
    assert look("backup-old") is None, "the first start was a moment ago"


def test_the_disk_and_the_logs(
    app: Flask, look: Callable[..., Finding | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"total": 10**12, "free": 999_000_000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert look("disk-low") == Finding(detail="999 MB are free in the data folder.")
    usage.total, usage.free = 4_000_000_000, 250_000_000  # type: ignore[attr-defined]
    assert look("disk-low") is None
    monkeypatch.setattr(bounds, "WAL_BYTES", 0)
    with app.app_context():
        directory_database.try_write()
    found = look("wal-large")
    assert found and found.detail == "The larger one has 0 MiB."


def test_a_refused_write_is_an_alert_until_one_succeeds(app: Flask, look: Callable[..., Finding | None]) -> None:
    open_kinds = {"open_kinds": ("database-not-writable",)}
    with closing(sqlite_driver.module.connect(app.config["RECNICE_SETTINGS"].database)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite_driver, "BUSY_TIMEOUT_MS", 10)
            with app.app_context():
                directory_database.file.close()
            found = look("database-not-writable", **open_kinds)
        assert found and "cannot" in found.detail
    assert look("database-not-writable"), "the refusal of a moment ago"
    assert look("database-not-writable", **open_kinds) is None


def test_damage_and_loss(app: Flask, look: Callable[..., Finding | None]) -> None:
    with app.app_context():
        directory_database.file._writers().damaged_since = "2026-01-02T08:00:00.000Z"
    assert look("database-damaged") == Finding("2026-01-02T08:00:00.000Z")
    with app.app_context():
        directory_database.file.abandon(LOST)
    assert look("database-lost") == Finding()
    assert look("database-not-writable") is None


class Known(PublicCertificate):
    def __init__(self, seen: Certificate | None) -> None:
        self.seen = seen

    def current(self) -> Certificate | None:
        return self.seen


@pytest.mark.parametrize(
    ("days", "level"), [(22, ""), (20.9, "21 days"), (7.1, "21 days"), (6.9, "7 days"), (0.9, "1 day"), (-1, "1 day")]
)
def test_the_days_of_a_certificate(days: float, level: str) -> None:
    seen = Known(Certificate(datetime.now(UTC) + timedelta(days=days)))
    found = conditions.certificate_expires(type("L", (), {"certificate": seen}))  # type: ignore[arg-type]
    assert (found.level if found else "") == level


def test_the_public_certificate_is_looked_at_once_a_day(
    look: Callable[..., Finding | None], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "app.delivery.certificate.look",
        lambda host, *_: asked.append(host) or Certificate(clock.utc_now() + timedelta(days=90)),
    )
    well = PublicCertificate("https://scim.example.org/sub", None)
    assert [look("certificate-expires", certificate=well), look("certificate-invalid", certificate=well)] == [
        None,
        None,
    ]
    assert asked == ["scim.example.org"]
    monkeypatch.undo()
    with receiving(authority.server_context("localhost")) as server:
        soon = PublicCertificate(f"https://localhost:{server.port}", authority.ca_file)
        found = look("certificate-expires", certificate=soon)
        assert found and found.level == "1 day"
        untrusted = PublicCertificate(f"https://localhost:{server.port}", None)
        found = look("certificate-invalid", certificate=untrusted)
        assert found and found.detail.startswith("Clients refuse it: ")
    gone = PublicCertificate(f"https://localhost:{server.port}", None)
    assert look("certificate-invalid", certificate=gone) is None, "the public URL may not lead back from inside"


def test_every_kind_is_in_the_documents() -> None:
    text = (ROOT / "docs/operate/alerts.md").read_text(encoding="utf-8")
    for kind in alert_kinds.KINDS:
        assert f"| {kind.title} |" in text, kind.title
