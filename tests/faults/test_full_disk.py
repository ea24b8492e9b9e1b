"""A start on a full disk ends with 75, so that a service manager tries again."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Appliance
from tests.faults.conftest import fill, small_disk

FREE_KIB = (0, 16, 64)
"""Free space at which a first start fails at its first file, at the memory of the WAL, and at the tables."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    with small_disk(tmp_path / "disk", "1m") as folder:
        yield folder


def test_a_first_start_on_a_full_disk_can_be_tried_again(new_appliance: Callable[..., Appliance], disk: Path) -> None:
    ballast = disk / "ballast"
    for free in FREE_KIB:
        appliance = new_appliance(data=disk / str(free), flags=())
        ballast.write_bytes(b"")
        ballast.write_bytes(bytes((1024 - free) * 1024))
        refused = appliance.command("serve", "--listen", "127.0.0.1:0")
        last = refused.stderr.splitlines()[-1]
        assert (refused.returncode, "full" in last or "No space left" in last) == (75, True), (free, refused.stderr)
        for file in appliance.data.glob("*"):
            file.unlink()
    ballast.unlink()


def test_a_start_on_a_full_disk_goes_on_when_there_is_room(appliance: Appliance, disk: Path) -> None:
    assert appliance.stop() == 0
    for name in ("recnice.sqlite3", "recnice-requests.sqlite3"):
        sqlite3.connect(appliance.data / name).execute("PRAGMA journal_mode = DELETE").connection.close()
    moved = Appliance(appliance.program, disk / "data", port=appliance.port, key=appliance.key)
    subprocess.run(["cp", "-a", str(appliance.data), str(moved.data)], check=True)
    filler = fill(disk)
    refused = moved.command("serve", "--listen", "127.0.0.1:0")
    assert refused.returncode == 75, refused.stderr
    filler.unlink()
    moved.start()
    assert moved.request("GET", "/scim/Users").status == 200
    assert moved.stop() == 0
