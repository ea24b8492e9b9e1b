"""TERM: what was accepted is finished, nothing new is taken, and the exit status is 0."""

import json
import signal
import socket

import pytest

from tests.conftest import real_program as program
from tests.conftest import wait_until

__all__ = ["program"]


@pytest.mark.executable
def test_a_request_in_flight_is_finished(appliance):
    body = json.dumps(
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "last@example.com"}
    ).encode()
    head = (
        f"POST /scim/Users HTTP/1.1\r\nHost: 127.0.0.1:{appliance.port}\r\nAuthorization: Bearer {appliance.key}\r\n"
        f"Content-Type: application/scim+json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 "), "the request is accepted"
        appliance.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(appliance.port), "no new connection is taken")
        assert appliance.process.poll() is None, "it waits for the accepted request"
        connection.sendall(body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 201 "), answer
    assert appliance.process.wait(30) == 0, appliance.output

    appliance.start()
    location = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    assert appliance.request("GET", f"/scim/Users/{location}").json["userName"] == "last@example.com"


def test_an_idle_connection_does_not_delay_the_end(appliance):
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30):
        appliance.process.send_signal(signal.SIGTERM)
        assert appliance.process.wait(10) == 0, appliance.output


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
