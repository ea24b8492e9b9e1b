"""Before an upgrade changes the tables, there is a verified backup of the database as it was."""

from contextlib import closing
from pathlib import Path

import pytest

from app import exit_codes
from app.backup import archive, copies, writing
from app.commands.shared import data_folder
from app.settings import Settings
from app.store.database import sqlite_driver
from tests.store.test_migration import NEWEST, NEXT, NEXT_FILE, SECOND, steps

__all__ = ["steps"]


def step_of(database: Path) -> str:
    with closing(sqlite_driver.module.connect(database)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_a_verified_backup_is_written_before_the_tables_change(settings: Settings, steps: Path, tmp_path: Path) -> None:
    former = [settings.data / f"pre-upgrade-0009-2020010{day}T000000Z.sqlite3" for day in range(1, 5)]
    left = [*former, settings.own_backups / "recnice-recent-20200101T000000Z.zip.partial"]
    settings.own_backups.mkdir(mode=0o700)
    for path in left:
        path.touch()
    data_folder.migrate(settings, may_be_new=False)
    assert copies.list_copies(settings) == [] and not left[-1].exists(), "nothing to upgrade; the leftover is gone"

    (steps / NEXT_FILE).write_text(SECOND.format(rest=""))
    data_folder.migrate(settings, may_be_new=False)
    assert step_of(settings.database) == NEXT
    (copy,) = copies.list_copies(settings)
    assert (copy.kind, copy.manifest and copy.manifest.step) == ("before-upgrade", NEWEST)
    assert [path.exists() for path in former] == [False, False, True, True], "the last three are kept"
    folder = tmp_path / "unpacked"
    folder.mkdir()
    with archive.opened(copy.path) as opened:
        opened.verify()
        opened.unpack(folder)
    assert step_of(folder / "recnice.sqlite3") == NEWEST


def test_without_a_backup_nothing_is_upgraded(settings: Settings, steps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (steps / NEXT_FILE).write_text(SECOND.format(rest=""))

    class Full:
        total, free = 10**9, 0

    monkeypatch.setattr(writing.shutil, "disk_usage", lambda _: Full)
    with pytest.raises(writing.BackupError, match="of free space, there are 0") as caught:
        data_folder.migrate(settings, may_be_new=False)
    assert caught.value.code == exit_codes.TRY_AGAIN, "a service manager tries again"
    assert step_of(settings.database) == NEWEST
    assert list(settings.own_backups.iterdir()) == []
