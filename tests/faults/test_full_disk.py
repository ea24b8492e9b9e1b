"""A start on a full disk ends with 75, so that a service manager tries again."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Appliance

FREE_KIB = (0, 4, 12, 24, 64, 400)
"""Free space at which each step of a first start fails: the folder, the secret, the file, its WAL, its tables."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root, to mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_first_start_on_a_full_disk_can_be_tried_again(
    new_appliance: Callable[..., Appliance], small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    for free in FREE_KIB:
        appliance = new_appliance(data=small_disk / str(free), flags=())
        ballast.write_bytes(b"")
        ballast.write_bytes(bytes((1024 - free) * 1024))
        refused = appliance.command("serve", "--listen", "127.0.0.1:0")
        last = refused.stderr.splitlines()[-1]
        assert (refused.returncode, "full" in last or "No space left" in last) == (75, True), (free, refused.stderr)
        for file in appliance.data.glob("*"):
            file.unlink()
    ballast.unlink()


def test_a_start_on_a_full_disk_goes_on_when_there_is_room(appliance: Appliance, small_disk: Path) -> None:
    assert appliance.stop() == 0
    for name in ("recnice.sqlite3", "recnice-requests.sqlite3"):
        sqlite3.connect(appliance.data / name).execute("PRAGMA journal_mode = DELETE").connection.close()
    moved = Appliance(appliance.program, small_disk / "data", port=appliance.port, key=appliance.key)
    subprocess.run(["cp", "-a", str(appliance.data), str(moved.data)], check=True)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    refused = moved.command("serve", "--listen", "127.0.0.1:0")
    assert refused.returncode == 75, refused.stderr
    ballast.unlink()
    moved.start()
    assert moved.request("GET", "/scim/Users").status == 200
    assert moved.stop() == 0
