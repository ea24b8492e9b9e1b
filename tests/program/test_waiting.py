"""Nobody waits for others: readers and monitors not for writers, and no one for a body that is refused by its head."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from app.store.database import sqlite_driver
from tests.conftest import Appliance, with_values

WRITERS = 24


def send(appliance: Appliance, head: str, body: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", appliance.port), timeout=30)
    connection.sendall(f"{head}\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(65_536).split(b" ")[1])


def has_answer(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(30)


@pytest.fixture
def held(new_appliance: Callable[..., Appliance], with_key: Appliance) -> Iterator[Appliance]:
    """An appliance whose writers wait for minutes, and whose database another program is writing."""
    patient = with_values(
        store__database__sqlite_driver__BUSY_TIMEOUT_MS=300_000,
        bounds__WRITE_WAIT_S=300,
        bounds__WRITE_PROBE_WAIT_S=0.1,
    )
    appliance = new_appliance(key=with_key.key, program=patient)
    shutil.copytree(with_key.data, appliance.data)
    appliance.start()
    with closing(sqlite_driver.connect(sqlite_driver.address(appliance.data / "recnice.sqlite3"))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield appliance
        other.execute("ROLLBACK")


def test_readers_and_monitors_are_answered_while_writers_wait(held: Appliance):
    with ExitStack() as stack:
        writers = []
        for number in range(WRITERS):
            head = f"POST /scim/Users HTTP/1.1\r\nAuthorization: Bearer {held.key}"
            body = json.dumps({"userName": f"writer-{number}"}).encode()
            writers.append(stack.enter_context(closing(send(held, head, body))))
        for path in ("/healthz", "/scim/Users", "/documentation", "/healthz"):
            assert held.request("GET", path).status == 200
        for _ in range(2):
            assert held.request("GET", "/readyz").text == "not ready: A write takes longer than 0.1 seconds\n"
        search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 1}
        assert held.request("POST", "/scim/Users/.search", search).status == 200
        assert not any(has_answer(writer) for writer in writers), "they waited all the time"


def test_scim_without_a_token_is_refused_before_its_body_comes(appliance: Appliance):
    for more in ("", "Expect: 100-continue\r\n", "Authorization: Basic YTpi\r\n"):
        with closing(socket.create_connection(("127.0.0.1", appliance.port), timeout=30)) as connection:
            connection.sendall(
                f"POST /scim/Users HTTP/1.1\r\nHost: localhost\r\n{more}Content-Length: 500000\r\n\r\n".encode()
            )
            head = connection.recv(65_536)
            assert head.startswith(b"HTTP/1.1 401 ")
            assert b"\r\nWww-Authenticate: Bearer " in head and b"\r\nX-Request-Id: " in head
            assert b"\r\nConnection: close\r\n" in head
