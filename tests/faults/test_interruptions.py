"""Clients that leave, a paused process, a clock that jumps, a disk or log without writes: the service goes on."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Appliance
from tests.faults.conftest import fill, small_disk
from tests.faults.test_shortages import process_of
from tests.web.shifted_clock import start_shifted

DAY_S = 86_400.0


def message(appliance: Appliance, method: str, path: str, body: bytes = b"", length: int | None = None) -> bytes:
    """A request as it is sent; `length` is what it says of its body."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{appliance.port}\r\nAuthorization: Bearer {appliance.key}\r\n"
        f"Content-Type: application/scim+json\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    ).encode() + body


def total(appliance: Appliance) -> int:
    return int(appliance.request("GET", "/scim/Users?count=0").json["totalResults"])


def test_clients_that_leave_store_nothing_and_keep_nobody_waiting(appliance: Appliance) -> None:
    body = b'{"userName": "ada"}'
    for number in range(100):
        is_leaving_early = number % 2
        with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as connection:
            if is_leaving_early:
                connection.sendall(message(appliance, "POST", "/scim/Users", body[:-1], len(body)))
            else:
                connection.sendall(message(appliance, "GET", "/scim/Schemas"))
                assert connection.recv(1) == b"H"
    assert total(appliance) == 0
    assert appliance.request("POST", "/scim/Users", {"userName": "ada"}).status == 201
    assert "traceback" not in appliance.output.casefold()
    assert appliance.output.count("\n") < 50


def test_a_process_that_is_paused_answers_once_when_it_goes_on(appliance: Appliance) -> None:
    process = process_of(appliance)
    os.kill(process, signal.SIGSTOP)
    try:
        with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as connection:
            connection.sendall(message(appliance, "POST", "/scim/Users", b'{"userName": "ada"}'))
            os.kill(process, signal.SIGCONT)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 201 ")
    finally:
        os.kill(process, signal.SIGCONT)
    assert total(appliance) == 1


def test_a_clock_that_jumps_stops_nothing_and_no_change_is_older(
    new_appliance: Callable[..., Appliance], tmp_path: Path
) -> None:
    shifted = start_shifted(new_appliance, tmp_path)
    appliance = shifted.appliance
    appliance.make_key()
    user = appliance.request("POST", "/scim/Users", {"userName": "ada"}).json
    modified = [user["meta"]["lastModified"]]
    for jump_s in (-2 * DAY_S, 3650 * DAY_S, -3650 * DAY_S):
        shifted.pass_time(jump_s)
        change = {"Operations": [{"op": "Replace", "path": "title", "value": str(jump_s)}]}
        changed = appliance.request("PATCH", f"/scim/Users/{user['id']}", change)
        assert changed.status == 200, changed.text
        modified.append(changed.json["meta"]["lastModified"])
    assert modified == sorted(modified)
    assert appliance.request("GET", "/healthz").status == 200
    assert appliance.stop() == 0
    assert appliance.command("check").returncode == 0


def test_a_start_on_a_disk_that_takes_no_writes_is_one_line(
    new_appliance: Callable[..., Appliance], with_key: Appliance, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        appliance = new_appliance(key=with_key.key, data=disk / "recnice")
        shutil.copytree(with_key.data, appliance.data)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        refused = appliance.command("serve", "--listen", "127.0.0.1:0")
        assert refused.returncode in (75, 78), refused.stderr
        assert refused.stderr.splitlines()[-1].startswith("recnice-scim: ") and "Traceback" not in refused.stderr
        assert "Read-only" in refused.stderr or "read-only" in refused.stderr, refused.stderr
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        appliance.start()
        assert appliance.request("POST", "/scim/Users", {"userName": "ada"}).status == 201
        assert appliance.stop() == 0


def test_a_log_file_without_room_stops_no_request(
    new_appliance: Callable[..., Appliance], with_key: Appliance, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "log", "64k") as disk:
        appliance = new_appliance(key=with_key.key, flags=("--log-file", str(disk / "recnice.log")))
        shutil.copytree(with_key.data, appliance.data)
        appliance.start()
        fill(disk)
        for number in range(20):
            assert appliance.request("GET", f"/scim/Users/{number}").status == 404
        assert appliance.request("POST", "/scim/Users", {"userName": "ada"}).status == 201
        assert appliance.stop() == 0
