"""What the prober says when something else than a proxy answers, by real sockets."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from app import bounds
from app.connection_test import prober
from app.doctor import checks, running_server
from app.doctor.checks import Subject
from app.settings import Settings

TOKEN = "token"
Answering = Callable[..., str]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Answers each request with some bytes, again and again if they are endless."""
    with ExitStack() as stack:

        def start(answer: bytes, is_endless: bool = False) -> str:
            def serve() -> None:
                with suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        open_ones.append(connection)
                        with connection, suppress(OSError):
                            connection.recv(65_536)
                            connection.sendall(answer)
                            while is_endless:
                                connection.sendall(answer)

            def end() -> None:
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                for one in open_ones:
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)  # one that is still sent to
                thread.join()

            open_ones: list[socket.socket] = []
            listener = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
            thread = threading.Thread(target=serve)
            thread.start()
            stack.callback(end)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


def test_an_answer_without_an_end_is_cut(answering: Answering, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "ALERT_SEND_S", 0.1)
    url = answering(b"HTTP/1.1 100 Continue\r\n\r\n", True)
    (finding,) = prober.find(url, TOKEN, None)
    assert (finding.name, finding.text) == ("unreachable", "127.0.0.1 took longer than 0.1 seconds")
    assert running_server.ask(url)[0].endswith("(127.0.0.1 took longer than 0.1 seconds)")


def test_what_an_answer_says_is_printable(answering: Answering):
    said = b'{"sha256": 1, "serial": 1, "host": "\\u001b[2J\\ud800"}'
    url = answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
    texts = {one.name: one.text for one in prober.find(url, TOKEN, None)}
    assert texts["host-changed"] == f"expected the Host {url.removeprefix('http://')}, got ?[2J?"


def test_an_ipv6_address_without_a_port_has_the_usual_one(monkeypatch: pytest.MonkeyPatch):
    places = []

    def refuse(self: socket.socket, place: tuple[object, ...]) -> None:
        places.append(place[:2])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for url in ("http://[::1]", "https://[::1]"):
        assert [one.name for one in prober.find(url, TOKEN, None)] == ["unreachable"]
    assert set(places) == {("::1", 80), ("::1", 443)}


@pytest.mark.parametrize("zone", ["-0000", "GMT"])
def test_a_date_needs_no_time_zone(answering: Answering, zone: str):
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True).replace("GMT", zone)
    url = answering(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())
    assert [one.name for one in clock_of(url)] == ["clock-differs"]


def test_a_date_outside_of_the_calendar_is_none(answering: Answering):
    url = answering(b"HTTP/1.1 200 OK\r\nDate: Fri, 31 Dec 9999 23:00:00 -2359\r\nContent-Length: 0\r\n\r\n")
    assert clock_of(url) == []


def clock_of(url: str) -> list[checks.Finding]:
    return list(checks.BY_NAME["clock"].find(Subject(Settings(data=Path("none")), None, url, {})))
