"""A process that may have no more memory or open files: 503 with Retry-After, never 500, and it goes on afterwards."""

import http.client
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import SCRIPT, Appliance, with_values

GIGABYTE = 10**9
BODY = b'{"userName": "x", "x": [' + b'{"a":[]},' * 66_000 + b"{}]}"


def process_of(appliance: Appliance) -> int:
    """The id of the process that serves, which is not the executable that was started."""
    return int(json.loads((appliance.data / "recnice.lock").read_text())["process"])


@contextmanager
def limited(process: int, kind: int, value: int) -> Iterator[None]:
    """Lower a limit of a running process for a while."""
    before = resource.prlimit(process, kind)
    resource.prlimit(process, kind, (value, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process, kind, before)


class Client:
    """A client that keeps its connection."""

    def __init__(self, appliance: Appliance) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", appliance.port, timeout=30)
        self.headers = {"Authorization": f"Bearer {appliance.key}", "Content-Type": "application/scim+json"}

    def close(self) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
        self.connection.request(method, path, body, self.headers)
        response = self.connection.getresponse()
        response.read()
        return response


@pytest.mark.executable
def test_short_of_memory(new_appliance: Callable[..., Appliance], with_key: Appliance, real_program: list[str]) -> None:
    appliance = new_appliance(program=["prlimit", f"--as={GIGABYTE}", *real_program], key=with_key.key)
    shutil.copytree(with_key.data, appliance.data)
    appliance.start()
    process = process_of(appliance)
    with closing(Client(appliance)) as client:
        assert client.send("POST", "/scim/Users", b'{"userName": "ada"}').status == 201
        address_space = int(Path(f"/proc/{process}/statm").read_text().split()[0]) * resource.getpagesize()
        with limited(process, resource.RLIMIT_AS, address_space + 6 * 1024 * 1024):
            refused = client.send("POST", "/scim/Users", BODY)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    with closing(Client(appliance)) as client:
        assert client.send("POST", "/scim/Users", BODY).status in (201, 400)
    assert "memory is short" in appliance.output and "traceback" not in appliance.output


def test_no_open_file_is_left(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(program=with_values(web__console__LOAD_AFTER_S=60)).start()
    process = process_of(appliance)
    with closing(Client(appliance)) as client:
        assert client.send("GET", "/scim/ServiceProviderConfig").status == 401
        highest = max(int(name) for name in os.listdir(f"/proc/{process}/fd"))
        with limited(process, resource.RLIMIT_NOFILE, highest + 1):
            for path in ("/static/console.css", "/login"):
                refused = client.send("GET", path)
                assert (refused.status, refused.headers["Retry-After"]) == (503, "5"), path
        assert client.send("GET", "/static/console.css").status == 200
    assert "no more open files" in appliance.output and "traceback" not in appliance.output


def test_an_address_space_that_is_too_small_is_one_line(tmp_path: Path) -> None:
    words = ["prlimit", f"--as={300 * 1024 * 1024}", sys.executable, SCRIPT, "serve", "--data", str(tmp_path)]
    started = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert started.returncode == 78
    assert started.stderr == (
        "recnice-scim: the address space is limited to 300 MiB (ulimit -v, LimitAS), 16 threads need 416 MiB\n"
    )
