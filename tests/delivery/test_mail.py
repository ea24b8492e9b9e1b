"""Mail goes out over verified TLS, and in clear only to this host."""

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import bounds
from app.delivery import connections, mail
from app.delivery.connections import DeliveryError, Reach
from app.delivery.mail import Mail, MailServer, Security
from tests.delivery.mail_server import PASSWORD, USER, MailBox, serving_mail
from tests.openid.certificates import Authority

REACH = Reach(own_port=1, may_reach_loopback=True)
LETTER = Mail(
    id="msg_1",
    thread="fire",
    at=datetime(2026, 3, 1, 8, tzinfo=UTC),
    sender="recnice@example.org",
    recipients=("ops@example.org", "eva@example.org"),
    subject="Disk almost full: üben",
    text="Free some space.\n.\nDone.",
)


def server(box: MailBox, security: Security = "starttls", password: str = PASSWORD) -> MailServer:
    return MailServer("localhost", box.port, security, USER if password else "", password)


def test_a_mail_arrives_by_starttls_with_its_header(authority: Authority, ca_file: Path) -> None:
    with serving_mail(MailBox(), authority.server_context("localhost")) as box:
        said = mail.send(server(box), LETTER, REACH, ca_file)
        box.refused = {"eva@example.org"}
        said_in_part = mail.send(server(box), LETTER, REACH, ca_file)
    assert said == "localhost accepted it"
    assert said_in_part == "localhost accepted it, except for 1 of 2 recipients"
    assert box.signed_in[0] == (USER.encode(), PASSWORD.encode())
    message = box.messages[0]
    assert (message["From"], message["To"]) == ("recnice@example.org", "ops@example.org, eva@example.org")
    assert (message["Subject"], message["Message-ID"]) == (LETTER.subject, "<msg_1@example.org>")
    assert (message["References"], message["Auto-Submitted"]) == ("<fire@example.org>", "auto-generated")
    assert message.get_content().splitlines() == LETTER.text.splitlines()  # type: ignore[attr-defined]


def test_a_mail_arrives_by_tls_from_the_first_byte(authority: Authority, ca_file: Path) -> None:
    with serving_mail(MailBox(), authority.server_context("localhost"), is_tls=True) as box:
        mail.send(server(box, "tls", ""), LETTER, REACH, ca_file)
    assert len(box.messages) == 1


def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    with (
        serving_mail(MailBox(), authority.server_context("localhost")) as box,
        pytest.raises(DeliveryError, match="The certificate of localhost is not trusted: "),
    ):
        mail.send(server(box), LETTER, REACH, None)
    assert (box.messages, box.signed_in) == ([], [])


def test_a_certificate_of_another_host_is_refused(authority: Authority, ca_file: Path) -> None:
    with (
        serving_mail(MailBox(), authority.server_context("mail.example.org")) as box,
        pytest.raises(DeliveryError, match="not trusted: Hostname mismatch"),
    ):
        mail.send(server(box), LETTER, REACH, ca_file)
    assert (box.messages, box.signed_in) == ([], [])


def test_nothing_is_sent_where_starttls_is_stripped(ca_file: Path) -> None:
    with (
        serving_mail(MailBox(), None) as box,
        pytest.raises(DeliveryError, match="localhost does not offer STARTTLS, so nothing was sent"),
    ):
        mail.send(server(box), LETTER, REACH, ca_file)
    assert (box.messages, box.signed_in) == ([], [])


def test_without_tls_only_this_host_gets_a_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_mail(MailBox(), None) as box:
        mail.send(server(box, "none", ""), LETTER, REACH, None)
        assert len(box.messages) == 1
        monkeypatch.setattr(connections.NetworkSet, "__contains__", lambda *_: False)
        monkeypatch.setattr(connections, "unwrapped", lambda _: connections.ipaddress.ip_address("192.0.2.1"))
        with pytest.raises(DeliveryError, match="another host, to which nothing is sent unencrypted"):
            mail.send(server(box, "none", ""), LETTER, REACH, None)
    assert len(box.messages) == 1


def test_what_the_server_refuses_is_said_without_the_password(authority: Authority, ca_file: Path) -> None:
    with serving_mail(MailBox(), authority.server_context("localhost")) as box:
        with pytest.raises(DeliveryError, match="localhost answered 535 ") as wrong:
            mail.send(server(box, password="a red kettle sings"), LETTER, REACH, ca_file)
        box.answer = f"554 no {PASSWORD} here\x07"
        with pytest.raises(DeliveryError) as refused:
            mail.send(server(box), LETTER, REACH, ca_file)
        for sent in (PASSWORD, f"\0{USER}\0{PASSWORD}"):
            box.answer = f"554 bad AUTH {b64encode(sent.encode()).decode()}"
            with pytest.raises(DeliveryError, match="answered 554 bad AUTH …$"):
                mail.send(server(box), LETTER, REACH, ca_file)
        box.refused = set(LETTER.recipients)
        with pytest.raises(DeliveryError, match="localhost refused all recipients: 550 nobody here"):
            mail.send(server(box), LETTER, REACH, ca_file)
    assert "554 no … here" in str(refused.value)
    said = f"{wrong.value} {refused.value} {server(box)!r}"
    assert PASSWORD not in said and "a red kettle" not in said


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        gone = MailServer("127.0.0.1", listener.getsockname()[1], "starttls")
        with pytest.raises(DeliveryError, match=r"127\.0\.0\.1 cannot be reached: Connection refused"):
            mail.send(gone, LETTER, REACH, None)
    with pytest.raises(DeliveryError, match="The host name nowhere.invalid has no IP address"):
        mail.send(replace(gone, host="nowhere.invalid"), LETTER, REACH, None)


@contextmanager
def dripping(line: bytes, is_whole: bool = False) -> Iterator[int]:
    """The port of a server that says one byte after the other, or the whole line again and again, for ever."""
    is_over = threading.Event()

    def drip() -> None:
        with listener.accept()[0] as client:
            while not is_over.wait(0 if is_whole else 0.01):
                try:
                    client.send(line if is_whole else line[:1])
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip)
        thread.start()
        yield listener.getsockname()[1]
        is_over.set()
        thread.join()


def test_a_server_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ALERT_SEND_S", 0.1)
    with dripping(b"2") as port, pytest.raises(DeliveryError, match="took longer than"):
        mail.send(MailServer("127.0.0.1", port, "none"), LETTER, REACH, None)


def test_little_of_an_answer_that_does_not_end_is_kept() -> None:
    refused = pytest.raises(DeliveryError, match=f"answered more than {bounds.ALERT_ANSWER_BYTES:,} bytes")
    with dripping(b"220-" + b"x" * 4_000 + b"\r\n", is_whole=True) as port, refused:
        mail.send(MailServer("127.0.0.1", port, "none"), LETTER, REACH, None)
