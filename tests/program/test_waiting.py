"""Nobody waits for a body that is refused by its head."""

import socket
from contextlib import closing

from tests.conftest import Appliance


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
