"""`recnice-scim backup` next to a running server: each acknowledged user is in it, whoever writes meanwhile."""

import os
import shutil
import sqlite3
import threading
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyrage
import pytest

from tests.conftest import COMMAND_LIMIT_S, Appliance, start, wait_until

SECRET = "recnice.secret"


def test_a_backup_next_to_a_server_that_writes(appliance: Appliance, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    is_over = threading.Event()
    failures = []

    def create(writer: int) -> None:
        number = 0
        while not is_over.is_set():
            name = f"user-{writer}-{number}@example.com"
            answer = appliance.request("POST", "/scim/Users", {"userName": name, "active": True})
            if answer.status == 201:
                acknowledged.append(answer.json["id"])
            else:
                failures.append(answer.text)
            number += 1

    writers = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: failures or len(acknowledged) >= 20, "20 users are created")
        before = list(acknowledged)
        made = appliance.command("backup", "--to", str(tmp_path / "first.zip"))
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    assert (made.returncode, made.stdout, made.stderr) == (0, f"{tmp_path / 'first.zip'}\n", "")
    assert not failures
    verified = appliance.command("backup", "verify", str(tmp_path / "first.zip"))
    assert verified.returncode == 0 and verified.stdout.startswith("OK: manual backup of "), verified

    assert appliance.stop() == 0
    restored = Appliance(appliance.program, tmp_path / "restored", key=appliance.key)
    with zipfile.ZipFile(tmp_path / "first.zip") as packed:
        packed.extractall(restored.data)
    restored.start()
    try:
        missing = [id for id in before if restored.request("GET", f"/scim/Users/{id}").status != 200]
        assert missing == []
    finally:
        restored.stop()
    assert appliance.command("backup").returncode == 0, "a stopped server needs none"
    audit = query(appliance, "SELECT actor, target, detail FROM audit WHERE action = 'backup-written' ORDER BY id")
    assert audit[0] == ("host command line", "first.zip", f'{{"to": "{tmp_path}"}}')
    assert audit[1][1:] == (
        next((appliance.data / "backups").glob("*.zip")).name,
        f'{{"to": "{appliance.data}/backups"}}',
    )
    listed = appliance.command("backup", "list").stdout.splitlines()
    assert len(listed) == 2 and f" {len(acknowledged):,} " in listed[1]


def query(appliance: Appliance, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as connection:
        return connection.execute(sql).fetchall()


def test_a_backup_of_another_version_or_without_an_audit_is_a_backup(with_key: Appliance, tmp_path: Path) -> None:
    there = Appliance(with_key.program, Path(shutil.copytree(with_key.data, tmp_path / "data")))
    with closing(sqlite3.connect(there.data / "recnice.sqlite3")) as connection:
        connection.execute("ALTER TABLE audit RENAME TO former_audit")
        connection.commit()
    made = there.command("backup", "--to", str(tmp_path / "first.zip"))
    assert (made.returncode, made.stdout) == (0, f"{tmp_path / 'first.zip'}\n"), made
    assert made.stderr.startswith("Warning: the audit has no entry of this backup: ") and made.stderr.count("\n") == 1
    with closing(sqlite3.connect(there.data / "recnice.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    made = there.command("backup", "--to", str(tmp_path / "second.zip"))
    assert (made.returncode, made.stderr) == (0, ""), made
    assert query(there, "SELECT version_num FROM alembic_version") == [("0001",)], "a backup upgrades nothing"


def test_a_backup_goes_to_standard_output(with_key: Appliance, tmp_path: Path) -> None:
    data = shutil.copytree(with_key.data, tmp_path / "data")
    sent, errors = tmp_path / "sent.zip", tmp_path / "errors"
    words = [*with_key.program, "backup", "--to", "-", "--without-log", "--data", str(data)]
    assert start(words, Path(os.devnull), sent, errors, {}).wait(COMMAND_LIMIT_S) == 0
    assert errors.read_text() == ""
    with zipfile.ZipFile(sent) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["manifest.json", SECRET, "recnice.sqlite3"]
    assert list((data / "backups").iterdir()) == []


@pytest.mark.executable
def test_a_backup_for_another_machine_is_encrypted(with_key: Appliance, tmp_path: Path) -> None:
    there = Appliance(with_key.program, Path(shutil.copytree(with_key.data, tmp_path / "data")))
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(str(identity))
    made = there.command("backup", "--to", str(tmp_path), "--backup-public-key", str(identity.to_public()))
    (file,) = tmp_path.glob("recnice-manual-*.zip.age")
    assert (made.returncode, made.stdout, made.stderr) == (0, f"{file}\n", "")
    verified = there.command("backup", "verify", str(file), "--identity", str(tmp_path / "key.txt"))
    assert verified.stdout.startswith("OK: manual backup of "), verified
    refused = there.command("backup", "verify", str(file))
    assert refused.returncode == 78 and "the backup is encrypted" in refused.stderr


def test_failures_are_one_line_with_a_status(with_key: Appliance, new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(key=with_key.key)
    missing = appliance.command("backup")
    assert missing.returncode == 78 and missing.stderr.count("\n") == 1 and "no database there" in missing.stderr
    shutil.copytree(with_key.data, appliance.data, dirs_exist_ok=True)
    there = appliance.data / SECRET
    for words, status, sentence in (
        (["backup", "--to", str(there)], 2, "expected the name of a new file"),
        (["backup", "--to", "/proc/recnice/x.zip"], 78, "no backup was written: No such file or directory"),
        (["backup", "verify", str(there)], 78, "got a file of another kind"),
    ):
        refused = appliance.command(*words)
        assert (refused.returncode, refused.stdout) == (status, ""), refused
        assert sentence in refused.stderr and refused.stderr.count("\n") == 1
    assert there.read_bytes() == (with_key.data / SECRET).read_bytes()
