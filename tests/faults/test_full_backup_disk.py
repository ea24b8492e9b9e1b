"""A disk that becomes full while a backup is written costs the backup, and nothing else."""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app import exit_codes
from app.backup import copies, partial_files, writing
from app.settings import Settings
from app.store.database import sqlite_driver
from tests.backup.conftest import make_people
from tests.backup.conftest import settings as settings
from tests.backup.conftest import template as template
from tests.conftest import Appliance
from tests.faults.conftest import fill, small_disk


@pytest.mark.parametrize("is_reserve_kept", [True, False])
def test_a_disk_that_becomes_full_meanwhile(
    is_reserve_kept: bool, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite_driver.module.connect(settings.database)) as connection, connection:
        connection.execute("DELETE FROM resource")
    make_people(settings.database, 30_000)
    monkeypatch.setattr(writing, "LOOK_EVERY_S", 0)
    if not is_reserve_kept:
        monkeypatch.setattr(partial_files, "_reserve", lambda _: 0)
    with small_disk(tmp_path / "disk", "40m") as disk:
        folder = Path(shutil.move(settings.data, disk / "data"))
        settings = replace(settings, data=folder)
        fillers = []

        def leave() -> None:
            if not fillers:
                fillers.append(fill(disk))

        with pytest.raises(writing.BackupError) as caught:
            writing.back_up(settings, "nightly", leave=leave)
        assert fillers and caught.value.code == exit_codes.TRY_AGAIN
        sentence = "are reserved for the service" if is_reserve_kept else "the disk is full"
        assert sentence in str(caught.value)
        assert list(settings.own_backups.iterdir()) == []
        with closing(sqlite_driver.connect(sqlite_driver.address(settings.database))) as connection:
            connection.execute("UPDATE population SET total = total")  # in the room that the backup has given back
        fillers[0].unlink()
        assert writing.back_up(settings, "nightly").path == copies.list_copies(settings)[0].path


def test_a_backup_without_room_is_refused_and_the_server_writes_on(
    on_small_disk: Callable[..., Appliance], tmp_path: Path
) -> None:
    appliance = on_small_disk()
    room = fill(appliance.data)
    with room.open("r+b") as file:
        file.truncate(room.stat().st_size - 2 * 2**20)
    refused = appliance.command("backup")
    assert refused.returncode == 75 and refused.stderr.count("\n") == 1
    assert "MiB of free space, there are " in refused.stderr
    assert list((appliance.data / "backups").iterdir()) == []
    assert appliance.request("POST", "/scim/Users", {"userName": "ada", "active": True}).status == 201
    assert appliance.command("backup", "--to", str(tmp_path / "elsewhere.zip")).returncode == 0
    assert appliance.stop() == 0
