"""`doctor` on a real folder: nothing is found in a good one, and each thing that is broken has its finding."""

import dataclasses
import errno
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app import bounds, data_folder
from app.backup import writing
from app.cli import main
from app.data_folder import Holder
from app.doctor import checks
from app.doctor.checks import Subject
from app.settings import FILE_NAME, Settings, load
from app.store.database import sqlite_driver
from tests.cheap import make_database
from tests.conftest import Appliance, free_port

NO_PERMISSIONS = os.name != "posix" or os.geteuid() != 0


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """A folder that is as it should be, with a database, a server that is not asked, and no public URL."""
    data = tmp_path / "recnice"
    data_folder.prepare(data)
    make_database(data / "recnice.sqlite3")
    data_folder.secret(data)
    return Subject(Settings(data=data), Holder(os.getpid(), "serve"), "http://127.0.0.1:1", {})


def found(subject: Subject, check: str) -> list[str]:
    return [one.name for one in checks.BY_NAME[check].find(subject)]


def test_a_good_folder_has_no_finding(subject: Subject):
    writing.back_up(subject.settings, "manual")
    local = [check.name for check in checks.CHECKS if check.name not in {"server", "public-url"}]
    assert {name: found(subject, name) for name in local} == {name: [] for name in local}


def corrupt(subject: Subject) -> None:
    with subject.settings.database.open("r+b") as file:
        file.seek(4_096 * 3)
        file.write(b"\xff" * 4_096)


def change_step(step: str) -> Callable[[Subject], None]:
    def change(subject: Subject) -> None:
        with closing(sqlite3.connect(subject.settings.database)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (step,))

    return change


def date_database(moment: datetime) -> Callable[[Subject], None]:
    return lambda subject: os.utime(subject.settings.database, (moment.timestamp(), moment.timestamp()))


BROKEN: list[tuple[str, str, Callable[[Subject], object]]] = [
    ("permissions", "mode-open", lambda subject: subject.settings.database.chmod(0o640)),
    ("permissions", "mode-open", lambda subject: subject.settings.data.chmod(0o711)),
    ("permissions", "not-writable", lambda subject: subject.settings.database.chmod(0o400)),
    ("clock", "clock-back", date_database(datetime.now(UTC) + timedelta(hours=1))),
    ("clock", "clock-back", lambda subject: os.utime(subject.settings.database, (1e12, 1e12))),
    ("database", "database-missing", lambda subject: subject.settings.database.unlink()),
    ("database", "database-damaged", corrupt),
    ("database", "database-damaged", lambda subject: subject.settings.database.write_bytes(b"no database" * 500)),
    ("database", "database-newer", change_step("9999")),
    ("database", "database-older", change_step("0001")),
    ("backups", "backup-missing", lambda subject: None),
]


@pytest.mark.parametrize(("check", "name", "do"), BROKEN)
def test_what_is_broken_is_found(subject: Subject, check: str, name: str, do: Callable[[Subject], object]):
    do(subject)
    assert found(subject, check) == [name]


@pytest.mark.skipif(NO_PERMISSIONS, reason="only root can give files away")
def test_a_file_of_another_user_is_found(subject: Subject):
    os.chown(subject.settings.database, 12_345, -1)
    (subject.settings.data / "another-programs-file").touch(0o666)
    assert found(subject, "permissions") == ["owner-other"]


def test_limits_of_the_disk_are_found(subject: Subject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "DISK_LOW_BYTES", 2**70)
    monkeypatch.setattr(bounds, "DISK_LOW_SHARE", 1)
    monkeypatch.setattr(bounds, "INODES_LOW", 2**70)
    assert found(subject, "disk") == ["disk-low", "inodes-low"]


def test_a_wal_that_a_reader_keeps_is_found(subject: Subject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "WAL_BYTES", 0)
    with closing(sqlite_driver.connect(sqlite_driver.address(subject.settings.database))) as connection:
        connection.execute("CREATE TABLE another (one)")
        assert found(subject, "database") == ["wal-large"]


def test_an_old_sqlite_is_found(subject: Subject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite_driver.module, "sqlite_version_info", (3, 40, 1))
    assert found(subject, "versions") == ["sqlite-old"]


def test_an_old_backup_and_a_closed_folder_are_found(subject: Subject, monkeypatch: pytest.MonkeyPatch):
    writing.back_up(subject.settings, "manual")
    monkeypatch.setattr(bounds, "BACKUP_AGE_S", -60)
    monkeypatch.setattr(checks.os, "access", lambda *_: False)
    assert found(subject, "backups") == ["backups-not-writable", "backup-old"]


def test_settings_that_are_none_or_differ_are_found(subject: Subject):
    differing = dataclasses.replace(
        subject,
        environment={"RECNICE_LISTN": "x", "RECNICE_LISTEN": "127.0.0.1:1", "PATH": "x"},
        settings=load({"data": str(subject.settings.data), "public_url": "https://scim.example.org"}, {}),
        server=Holder(1, "serve", "https://scim.example.com"),
    )
    assert found(differing, "settings") == ["variable-unknown", "settings-differ"]


def test_the_label_of_a_home_folder_is_found(subject: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(checks, "_SELINUX", tmp_path / "enforce")
    monkeypatch.setattr(checks.os, "getxattr", lambda *_: b"unconfined_u:object_r:user_home_t:s0\0", raising=False)
    assert found(subject, "labels") == [], "SELinux is not there"
    for enforces, names in (("0", []), ("1", ["label-of-home"])):
        (tmp_path / "enforce").write_text(enforces)
        assert found(subject, "labels") == names


@pytest.fixture
def an_hour_ahead() -> Iterator[str]:
    """The URL of a server whose clock is an hour ahead."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:  # noqa: N802  # the name is that of http.server
            self.send_response_only(404)
            self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_clocks_that_differ_are_found(subject: Subject, an_hour_ahead: str):
    assert found(dataclasses.replace(subject, url=an_hour_ahead), "clock") == ["clock-differs"]


def test_the_server_is_asked_at_its_own_address(subject: Subject):
    assert found(dataclasses.replace(subject, server=None), "server") == ["server-stopped"]
    assert found(dataclasses.replace(subject, server=None), "public-url") == ["server-stopped"], "it was not tested"
    silent = Holder(os.getpid(), "serve", address=f"http://127.0.0.1:{free_port()}")
    assert found(dataclasses.replace(subject, server=silent), "server") == ["server-not-ready"]


@pytest.mark.executable
def test_a_running_server_without_a_proxy_has_no_failure(shared_appliance: Appliance):
    done = shared_appliance.command("doctor", "--json")
    results = {one["check"]: one["findings"] for one in json.loads(done.stdout)}
    assert [*results] == [check.name for check in checks.CHECKS]
    found = [finding["name"] for findings in results.values() for finding in findings]
    # Another test may have made one; a small disk of the machine is not the server's, nor are RECNICE_… of the tests.
    assert set(found) <= {"backup-missing", "disk-low", "server-warns", "variable-unknown"}
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("--only", "nothing"), 2, "--only: expected one of settings, permissions"),
        (("--url", "ftp://x"), 2, "--url: expected"),
        (("--url", ""), 78, "there is no such folder"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    new_appliance: Callable[..., Appliance], words: tuple[str, ...], status: int, text: str
):
    done = new_appliance().command("doctor", *words)
    assert done.returncode == status and text in done.stderr and "Traceback" not in done.stderr


def test_a_setting_that_is_wrong_is_a_finding(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance(environment={"RECNICE_LISTEN": "nowhere"})
    done = appliance.command("doctor", "--json")
    (result,) = json.loads(done.stdout)
    assert [one["name"] for one in result["findings"]] == ["setting-invalid"] and done.returncode == 1


def test_settings_of_another_user_are_not_called_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    look = Path.stat

    def refuse(path: Path, **options: bool) -> os.stat_result:
        if path.name == FILE_NAME:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    assert main(["doctor", "--json", "--data", str(tmp_path)]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in result["findings"]] == ["not-readable"]


def test_no_check_waits_for_a_pipe_or_follows_a_link(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance()
    appliance.data.mkdir(mode=0o700)
    (appliance.data / data_folder.LOCK_NAME).touch()
    os.mkfifo(appliance.data / data_folder.SECRET_NAME)
    done = appliance.command("doctor")
    assert done.returncode == 78 and "expected a regular file, not a link" in done.stderr
    assert data_folder.SECRET_NAME in done.stderr and not done.stdout


def test_every_finding_has_advice_for_its_fields():
    for level, fix in checks.ADVICE.values():
        assert level in {"warning", "failure"}
        assert fix.format(variable="", url="", owner="", path="")
