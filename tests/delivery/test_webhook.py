"""A webhook reaches only whom it may reach, follows nothing, reads little, and can be verified by another program."""

import base64
import os
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app import bounds
from app.delivery import certificate, webhook
from app.delivery.connections import METADATA, Connections, DeliveryError, Reach, tls_context, unwrapped
from app.delivery.webhook import Answer
from tests.delivery.receiver import receiving
from tests.delivery.test_mail import dripping
from tests.openid.certificates import DAY, Authority

HERE = Reach(own_port=1, may_reach_loopback=True)
AWAY = Reach(own_port=1, may_reach_loopback=False)
SECRET = webhook.SECRET_PREFIX + base64.b64encode(b"k" * 32).decode()


def post(url: str, reach: Reach = HERE, ca_file: Path | None = None, body: bytes = b"{}") -> Answer:
    return webhook.exchange(
        "POST", url, webhook.signature(SECRET, "msg_1", datetime.now(UTC), body), body, reach, ca_file
    )


def test_a_receiver_verifies_the_signature(authority: Authority, ca_file: Path) -> None:
    body = '{"text": "üben"}'.encode()
    with receiving(authority.server_context("localhost")) as receiver:
        answer = post(f"https://localhost:{receiver.port}/in?to=a b".replace(" ", "%20"), HERE, ca_file, body)
    (received,) = receiver.received
    assert (answer.status, answer.is_success, received.path) == (204, True, "/in?to=a%20b")
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert Webhook(SECRET).verify(received.body, headers) == {"text": "üben"}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook.SECRET_PREFIX + base64.b64encode(b"l" * 32).decode()).verify(received.body, headers)


def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    refused = pytest.raises(DeliveryError, match="The certificate of localhost is not trusted")
    with receiving(authority.server_context("localhost")) as receiver, refused:
        post(f"https://localhost:{receiver.port}/")
    assert receiver.received == []


def test_a_redirect_is_not_followed() -> None:
    with receiving() as target, receiving() as receiver:
        receiver.status, receiver.headers = 307, {"Location": f"http://127.0.0.1:{target.port}/"}
        answer = post(f"http://127.0.0.1:{receiver.port}/")
    assert (answer.status, answer.is_success, target.received) == (307, False, [])


def test_little_of_an_answer_is_read() -> None:
    with receiving() as receiver:
        receiver.status, receiver.body = 500, b"no\x1b[31m\r\nway " + b"x" * 10_000_000
        answer = post(f"http://127.0.0.1:{receiver.port}/")
    assert answer.text.startswith("no [31m way xxx") and len(answer.text) == bounds.ALERT_ANSWER_LENGTH


def test_an_answer_does_not_reveal_the_url() -> None:
    """Many servers repeat the path in the page that says that nothing is there."""
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hooks/T0/unseen%2Dpart?token=hidden"
        receiver.status, receiver.body = 404, b"Cannot POST /hooks/T0/unseen%2Dpart?token=hidden"
        assert post(url).text == "Cannot POST …"
        receiver.body = b"no hook unseen-part, token hidden"
        assert post(url).text == "no hook …, … …"


def test_a_receiver_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ALERT_SEND_S", 0.1)
    with dripping(b"H") as port, pytest.raises(DeliveryError, match="took longer than"):
        post(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("169.254.169.254", "own services"),
        ("[fe80::1]", "own services"),
        ("[::ffff:169.254.169.254]", "169.254.169.254 is an address of this network's or cloud's own services"),
        ("[64:ff9b::a9fe:a9fe]", "own services"),
        ("[2002:a9fe:a9fe::1]", "own services"),
        ("168.63.129.16", "own services"),
        ("[fd00:ec2::254]", "own services"),
        ("0.0.0.0", "not the address of a host"),
        ("0.1.2.3", "not the address of a host"),
        ("[::]", "not the address of a host"),
        ("224.0.0.1", "not the address of a host"),
        ("255.255.255.255", "not the address of a host"),
        ("127.0.0.1", "set alert_loopback"),
        ("127.1.2.3", "set alert_loopback"),
        ("localhost", "set alert_loopback"),
        ("[::1]", "set alert_loopback"),
        ("[::ffff:127.0.0.1]", "127.0.0.1 is this host: set alert_loopback"),
    ],
)
def test_what_no_webhook_reaches(host: str, reason: str) -> None:
    with pytest.raises(DeliveryError, match=reason):
        post(f"https://{host}/", AWAY)


def test_a_host_is_judged_when_it_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name had another address when it was entered."""
    there = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: there)
    with pytest.raises(DeliveryError, match=r"example\.org is not allowed: 169\.254\.169\.254"):
        post("https://example.org/", HERE)


def test_the_port_of_this_server_is_not_reached() -> None:
    with receiving() as receiver, pytest.raises(DeliveryError, match=f"port {receiver.port} is this server"):
        post(f"http://127.0.0.1:{receiver.port}/", Reach(receiver.port, True))
    assert receiver.received == []


def test_nothing_goes_to_another_host_unencrypted() -> None:
    with pytest.raises(DeliveryError, match="another host, to which nothing is sent unencrypted"):
        post("http://192.0.2.1/", HERE)


@given(st.ip_addresses(v=4))
def test_no_form_of_an_address_hides_it(address: object) -> None:
    mapped = (f"::ffff:{address}", f"64:ff9b::{address}", f"::ffff:0:{address}")
    assert {unwrapped(ip_address(form)) for form in mapped} == {address}
    reason = Connections(AWAY)._refusal(unwrapped(ip_address(mapped[0])), 443, False)
    assert reason == Connections(AWAY)._refusal(ip_address(str(address)), 443, False)
    if ip_address(str(address)).is_loopback or ip_address(str(address)) in METADATA:
        assert reason


NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),
        ("9" * 5_000, bounds.ALERT_RETRY_AFTER_S),
        ("soon", 0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2026 99999999999999999999:00:00 GMT", 0),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", 0),
        ("-5", 0),
        ("", 0),
    ],
)
def test_how_long_a_receiver_asks_to_wait(text: str, seconds: float) -> None:
    assert Answer(503, "", text).retry_after_s(NOW) == seconds


def test_the_certificate_of_a_host_is_read_as_a_client_does(authority: Authority, ca_file: Path) -> None:
    with receiving(authority.server_context("localhost")) as receiver:
        seen = certificate.look("localhost", receiver.port, ca_file)
        assert seen.expires and abs(seen.expires - datetime.now(UTC) - DAY) < timedelta(minutes=5)
        assert certificate.look("localhost", receiver.port, None).refusal
        assert "Hostname mismatch" not in certificate.look("localhost", receiver.port, None).refusal
    with receiving(authority.server_context("example.org")) as receiver:
        assert certificate.look("localhost", receiver.port, ca_file).refusal.startswith("Hostname mismatch")
    with receiving() as receiver, pytest.raises(DeliveryError):
        certificate.look("localhost", receiver.port, ca_file)


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with receiving() as receiver:
        post(f"http://127.0.0.1:{receiver.port}/")
    with pytest.raises(DeliveryError):
        post(f"http://127.0.0.1:{receiver.port}/")
    assert len(os.listdir("/proc/self/fd")) <= before


def test_the_usual_authorities_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the tests have one authority
    assert len(tls_context(None).get_ca_certs()) > 100
    with pytest.raises(DeliveryError, match="ca_file: the file has no certificates"):
        tls_context(Path(__file__))
