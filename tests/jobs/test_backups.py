"""Scheduled backups on real files: when one is made, what a failure does, and a drill that restores the newest one."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock, process
from app.administration.accounts import administrators
from app.administration.audit import HOST
from app.backup import copies, job_titles
from app.exit_codes import CommandError
from app.jobs import backup_health, backups, job_list, scheduler
from app.jobs.scheduler import JobRun, Stopped
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.resource_types import USER
from app.settings import Settings
from app.store.database import directory_database
from app.store.database.sqlite_driver import module as sqlite
from app.store.request_log import log_database, log_database_file
from tests.cheap import make_database

Move = Callable[[float], None]
QUARTER_S = 15 * 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a data folder of a server that was started once."""
    folder = tmp_path / "recnice"
    folder.mkdir(mode=0o700)
    (folder / "recnice.secret").write_bytes(bytes(32))
    made = Settings(data=folder, time_zone="Europe/Berlin")
    make_database(made.database)
    log_database_file.prepare(made.requests_database)
    return made


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """An application on the folder, inside its context, with the jobs that are declared."""
    app = Flask(__name__)
    directory_database.file.init_app(app, directory_database.address(settings.database))
    log_database.file.init_app(app, directory_database.address(settings.requests_database))
    scheduler.init_app(app, settings, job_list.JOBS)
    with app.app_context():
        yield app
        directory_database.file.close()
        log_database.file.close()


@pytest.fixture
def run(app: Flask, settings: Settings) -> JobRun:
    return JobRun(settings, lambda: None)


def kinds(settings: Settings) -> list[str]:
    return [one.kind for one in copies.list_copies(settings)]


def add_user(name: str) -> None:
    resource_operations.create(USER, {"userName": name}, Author("", "x"))


def test_a_recent_backup_is_made_when_something_changed(
    run: JobRun, settings: Settings, pass_time: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups.back_up_changes(run)
    assert kinds(settings) == ["recent"], "the first one, of whatever is there"
    for change in (lambda: add_user("ana"), lambda: administrators.create_operator("eva", "a blue kettle sings", HOST)):
        pass_time(QUARTER_S)
        backups.back_up_changes(run)
        count = len(kinds(settings))
        pass_time(QUARTER_S)
        change()
        pass_time(120)
        backups.back_up_changes(run)
        assert len(kinds(settings)) == count + 1
        pass_time(QUARTER_S)
        backups.back_up_changes(run)
        assert len(kinds(settings)) == count + 1, "nothing changed since"
    monkeypatch.setattr(bounds, "BACKUP_SMALL_BYTES", 0)
    for _ in range(4):
        add_user(f"user {clock.utc_now()}")
        count = len(kinds(settings))
        backups.back_up_changes(run)
        pass_time(QUARTER_S)
    assert len(kinds(settings)) == count + 1, "once an hour of a large database"


def test_a_backup_of_a_clock_that_was_ahead_does_not_stop_further_ones(
    run: JobRun, settings: Settings, pass_time: Move
) -> None:
    pass_time(30 * 24 * 3600)
    backups.back_up_changes(run)
    pass_time(-30 * 24 * 3600)
    add_user("ana")
    pass_time(120)
    for _ in range(2):
        backups.back_up_changes(run)
        assert len(kinds(settings)) == 2, "one more, and no further one without a change"
        pass_time(QUARTER_S)


def test_a_failed_backup_is_a_failure_on_status_until_the_next_one(
    app: Flask, settings: Settings, pass_time: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = scheduler.current()._schedulers
    long.run_due()
    settings.backups.write_text("a file where the folder should be")
    pass_time(24 * 3600)
    while long.run_due() == 0:
        pass
    health = backup_health.read(settings)
    assert [one.name for one in health.failures] == ["nightly-backup", "recent-backup"]
    assert str(settings.backups) in (health.failures[0].failure or "")
    settings.backups.unlink()
    for name in ("nightly-backup", "recent-backup"):
        long.request(name)
    long.run_due()
    health = backup_health.read(settings)
    assert (health.failures, health.is_late) == ([], False)
    assert health.newest == copies.list_copies(settings)[0].made
    assert health.next_at == "2026-03-03T01:30:00.000Z"
    pass_time(bounds.BACKUP_AGE_S + 1)
    assert backup_health.read(settings).is_late


def test_nothing_is_scheduled_where_0_means_off(app: Flask, settings: Settings) -> None:
    off = replace(settings, backup_daily=0, backup_weekly=0, backup_recent_mb=0)
    named = {job.name for job in job_list.JOBS if job.schedule(off) is not None}
    assert named & set(job_titles.TITLES) == {"manual-backup"}


# --- the drill --------------------------------------------------------------------------------------------------------


def test_a_drill_restores_the_newest_backup_and_leaves_nothing(run: JobRun, settings: Settings) -> None:
    with pytest.raises(CommandError, match="there is no backup to restore"):
        backups.drill(run)
    add_user("ana")
    backups.back_up(run, "nightly")
    (settings.backups / copies.DRILL).mkdir()
    (settings.backups / copies.DRILL / "recnice.sqlite3").write_text("left by a killed drill")
    before = sorted(path.name for path in settings.backups.iterdir() if path.name != copies.DRILL)
    backups.drill(run)
    assert sorted(path.name for path in settings.backups.iterdir()) == before


def test_a_drill_fails_for_a_backup_whose_rows_contradict_each_other(run: JobRun, settings: Settings) -> None:
    """The file is sound for SQLite, so only `check` on the restored folder finds it."""
    add_user("ana")
    with closing(sqlite.connect(settings.database)) as connection, connection:
        connection.execute("DELETE FROM job WHERE name = 'words'")
    backups.back_up(run, "nightly")
    with pytest.raises(CommandError, match=r"recnice-nightly-.*problems found"):
        backups.drill(run)
    assert not (settings.backups / copies.DRILL).exists()


def test_a_drill_fails_without_room_for_it(run: JobRun, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    backups.back_up(run, "nightly")
    usage = shutil.disk_usage(settings.backups)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
    with pytest.raises(CommandError, match="to unpack it takes [0-9,]+ free bytes in .*, there are 1,000"):
        backups.drill(run)


def test_a_stop_ends_a_drill_and_its_process(run: JobRun, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    backups.back_up(run, "nightly")
    monkeypatch.setattr(bounds, "DRILL_LOOK_S", 0.01)
    monkeypatch.setattr(process, "own_program", lambda: [sys.executable, "-c", "import time; time.sleep(300)"])
    started: list[subprocess.Popen[bytes]] = []

    class Child(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Child)

    def leave() -> None:
        if started:
            raise Stopped

    with pytest.raises(Stopped):
        backups.drill(JobRun(settings, leave))
    assert [child.returncode for child in started] == [-signal.SIGTERM]
    assert not (settings.backups / copies.DRILL).exists()
