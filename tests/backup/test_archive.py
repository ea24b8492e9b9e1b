"""A backup has everything, is verified before it has its name, and is refused with a reason of its own if damaged."""

import json
import os
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app import exit_codes, process
from app.backup import archive, copies, partial_files, writing
from app.backup.manifest import ArchiveError
from app.settings import Settings
from app.store import database_copy
from app.store.database import sqlite_driver
from tests.backup.conftest import make_people


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite_driver.module.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_a_backup_has_all_files_and_reads_back_byte_for_byte(settings: Settings, tmp_path: Path) -> None:
    copy = writing.back_up(settings, "manual")
    assert copy.path.parent == settings.own_backups and copy.kind == "manual"
    with archive.opened(copy.path) as opened:
        opened.verify()
        manifest = opened.manifest
        folder = tmp_path / "unpacked"
        folder.mkdir()
        opened.unpack(folder)
    assert names_in(folder) == [
        "recnice-requests.sqlite3",
        "recnice.secret",
        "recnice.sqlite3",
        "recnice.toml",
        "schemas",
    ]
    for name in ("recnice.secret", "recnice.toml", "schemas/badge.json"):
        assert (folder / name).read_bytes() == (settings.data / name).read_bytes()
    everybody = "SELECT * FROM resource ORDER BY position"
    assert rows(folder / "recnice.sqlite3", everybody) == rows(settings.database, everybody)
    assert (manifest.counts["users"], manifest.counts["active_users"], manifest.left_out) == (100, 50, ())
    assert manifest.instance == rows(settings.database, "SELECT instance FROM installation")[0][0] != ""
    assert zipfile.ZipFile(copy.path).namelist()[0] == "manifest.json"
    assert [made.path for made in copies.list_copies(settings)] == [copy.path]
    assert copies.newest(settings) == copy


def test_the_request_log_can_be_left_out_and_is_when_damaged(settings: Settings) -> None:
    without = writing.back_up(settings, "recent", with_log=False)
    settings.requests_database.write_bytes(b"no database" * 1000)
    damaged = writing.back_up(settings, "manual")
    for copy in (without, damaged):
        assert copy.manifest and copy.manifest.left_out == ("recnice-requests.sqlite3",)
        assert "recnice.sqlite3" in copy.manifest.members


def test_a_deleted_value_is_in_no_backup(settings: Settings) -> None:
    with closing(sqlite_driver.module.connect(settings.database)) as connection, connection:
        connection.execute("UPDATE resource SET document = 'peculiar-text' WHERE position = 50")
        connection.execute("DELETE FROM resource WHERE position = 50")
        connection.execute("UPDATE population SET total = 99")
    assert b"peculiar-text" in settings.database.read_bytes(), "in a page that is free"
    with archive.opened(writing.back_up(settings, "manual").path) as opened:
        assert b"peculiar-text" not in opened._zip.read("recnice.sqlite3")


def test_files_are_private_at_every_moment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    os.umask(0o022)
    monkeypatch.setattr(writing, "LOOK_EVERY_S", 0)
    modes: dict[str, set[int]] = {}

    def look() -> None:
        for path in settings.own_backups.iterdir():
            modes.setdefault(path.name.partition(".zip")[2], set()).add(stat.S_IMODE(path.stat().st_mode))

    copy = writing.back_up(settings, "manual", leave=look)
    assert modes.keys() >= {".partial", ".partial-recnice.sqlite3"}
    assert set().union(*modes.values()) == {0o600}
    assert stat.S_IMODE(copy.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.own_backups.stat().st_mode) == 0o700


def test_a_backup_that_is_ended_leaves_nothing(settings: Settings) -> None:
    def leave() -> None:
        raise InterruptedError("stopping")

    with pytest.raises(writing.BackupError, match="stopping"):
        writing.back_up(settings, "manual", leave=leave)
    assert names_in(settings.own_backups) == []


def test_the_check_of_a_copy_can_be_ended(settings: Settings) -> None:
    """Otherwise, a server with a large database would stop only after it."""
    with closing(sqlite_driver.module.connect(settings.database)) as connection, connection:
        connection.execute("DELETE FROM resource")
    make_people(settings.database, 10_000)

    def leave() -> None:
        raise InterruptedError("stopping")

    with pytest.raises(InterruptedError, match="stopping"):
        database_copy.faults(settings.database, leave)


def test_every_acknowledged_write_is_in_a_backup_that_began_later(settings: Settings, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    is_over = threading.Event()
    begun = threading.Barrier(9)

    def write(writer: int) -> None:
        with closing(sqlite_driver.module.connect(settings.database, isolation_level=None, timeout=30)) as connection:
            begun.wait()
            for number in range(100_000):
                if is_over.is_set():
                    return
                name = f"{writer}-{number}"
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(
                    "INSERT INTO resource (id, type, document, version, created, last_modified, active, filled)"
                    " VALUES (?, 'User', '{}', 1, '', '', 1, 0)",
                    (name,),
                )
                connection.execute("UPDATE population SET total = total + 1, active = active + 1 WHERE type = 'User'")
                connection.execute("COMMIT")
                acknowledged.append(name)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    begun.wait()
    try:
        made = []
        for number in range(3):
            before = list(acknowledged)
            made.append((before, writing.back_up(settings, "manual", tmp_path / f"{number}.zip")))
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    assert made[-1][0], "the writers wrote meanwhile"
    for number, (before, copy) in enumerate(made):
        folder = tmp_path / f"unpacked-{number}"
        folder.mkdir()
        with archive.opened(copy.path) as opened:
            opened.unpack(folder, ["recnice.sqlite3"])
        there = {name for (name,) in rows(folder / "recnice.sqlite3", "SELECT id FROM resource")}
        assert set(before) <= there
        assert copy.manifest and copy.manifest.counts["users"] == len(there)


@pytest.mark.parametrize("fault", ["empty", "short", "no rows"])
def test_a_copy_that_is_not_as_the_original_gets_no_name(
    fault: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = database_copy.copy

    def copy(source: Path, target: Path, look: Callable[[], None]) -> None:
        if fault == "empty":
            return
        real(source, target, look)
        if fault == "short":
            os.truncate(target, target.stat().st_size // 2)
        else:
            with closing(sqlite_driver.module.connect(target)) as connection, connection:
                connection.execute("DELETE FROM resource WHERE position = 1")

    monkeypatch.setattr(database_copy, "copy", copy)
    with pytest.raises(writing.BackupError) as caught:
        writing.back_up(settings, "manual", with_log=False)
    assert caught.value.code == exit_codes.CONFIGURATION
    assert names_in(settings.own_backups) == []


def test_a_database_whose_totals_are_wrong_can_still_be_backed_up(settings: Settings) -> None:
    with closing(sqlite_driver.module.connect(settings.database)) as connection, connection:
        connection.execute("UPDATE population SET total = total + 7")
    assert writing.back_up(settings, "manual").manifest


def test_a_damaged_database_gets_no_backup(settings: Settings) -> None:
    with settings.database.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(os.urandom(12 * 4096))
    with pytest.raises(writing.BackupError) as caught:
        writing.back_up(settings, "manual")
    assert caught.value.code == exit_codes.CONFIGURATION
    assert names_in(settings.own_backups) == []


def test_too_little_room_is_refused_with_both_figures(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Room:
        total, free = 10_000 * process.MIB, 256 * process.MIB

    monkeypatch.setattr(writing.shutil, "disk_usage", lambda _: Room)
    with pytest.raises(writing.BackupError, match=r"needs 25\d\.\d MiB of free space, there are 256\.0 MiB") as caught:
        writing.back_up(settings, "manual")
    assert caught.value.code == exit_codes.TRY_AGAIN
    Room.free = 300 * process.MIB
    made = writing.back_up(settings, "manual")
    monkeypatch.setattr(writing, "LOOK_EVERY_S", 0)

    def leave() -> None:
        Room.free = 200 * process.MIB  # others write, too

    with pytest.raises(writing.BackupError, match="are reserved for the service"):
        writing.back_up(settings, "manual", leave=leave)
    assert names_in(settings.own_backups) == [made.path.name]


def test_one_backup_of_a_data_folder_is_written_at_a_time(settings: Settings, tmp_path: Path) -> None:
    with partial_files.lock(settings.data, 0), pytest.raises(writing.BackupError, match="another backup") as caught:
        writing.back_up(settings, "manual")
    assert caught.value.code == exit_codes.TRY_AGAIN
    target = tmp_path / "x.zip"
    with (
        partial_files.partial_file(target),
        pytest.raises(writing.BackupError, match="another process writes this file"),
    ):
        writing.back_up(settings, "manual", target)
    assert writing.back_up(settings, "manual", target).path == target


def test_a_folder_that_others_may_write_to_is_refused(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(writing.BackupError, match="mode 0777"):
        writing.back_up(settings, "manual", folder)
    folder.chmod(0o755)
    assert writing.back_up(replace(settings, backup_folder=folder), "nightly").path.parent == folder


def flip(content: bytes) -> bytes:
    # Further inside, where zeros are repeated, a bit may change how far back they are copied from, and no byte.
    place = content.index(b"recnice.sqlite3") + 60
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def rewritten(
    change: Callable[[dict[str, Any]], object] = lambda _: None, more: tuple[str, bytes] | None = None, mode: int = 0
) -> Callable[[bytes], bytes]:
    """Return a function that packs a backup again after a change of its manifest, with one more member."""

    def rewrite(content: bytes) -> bytes:
        packed, target = zipfile.ZipFile(BytesIO(content)), BytesIO()
        manifest = json.loads(packed.read("manifest.json"))
        change(manifest)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as again:
            again.writestr("manifest.json", json.dumps(manifest))
            for name in packed.namelist()[1:]:
                entry = zipfile.ZipInfo(name)
                entry.external_attr = mode << 16
                again.writestr(entry, packed.read(name))
            if more:
                again.writestr(*more)
        return target.getvalue()

    return rewrite


def foreign_zip(_: bytes) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("readme.txt", "hello")
    return target.getvalue()


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "0 bytes": (lambda _: b"", r"the file is empty \(0 bytes\)"),
    "truncated": (lambda content: content[: len(content) // 2], "the backup is incomplete: its end is missing"),
    "bit flipped": (flip, "the backup is damaged: recnice.sqlite3 (cannot be read|is not as it was written)"),
    "foreign ZIP": (foreign_zip, "expected a backup of Recnice SCIM, got another archive"),
    "other kind": (lambda _: b"hello" * 100, "expected a backup of Recnice SCIM, got a file of another kind"),
    "SQLite": (lambda _: b"SQLite format 3\0" + bytes(4_080), "expected a backup of Recnice SCIM, got a bare SQLite"),
    "newer": (rewritten(lambda m: m.update(format=2, version="9.1")), r"format 2 of a newer Recnice SCIM \(9.1\)"),
    "manifest": (rewritten(lambda m: m.pop("step")), "its manifest cannot be read"),
    "traversal": (
        rewritten(lambda m: m["members"].update({"../x": {"bytes": 1, "sha256": "0" * 64}}), ("../x", b"x")),
        "its manifest cannot be read",
    ),
    "one more": (rewritten(more=("recnice.set-up", b"")), "its files are not those of its manifest"),
    "twice": (rewritten(more=("recnice.toml", b"threads = 4\n")), "its files are not those of its manifest"),
    "longer": (
        rewritten(lambda m: m["members"]["recnice.secret"].update(bytes=31)),
        "its files are not those of its manifest",
    ),
    "links": (rewritten(mode=stat.S_IFLNK | 0o777), "the backup has links"),
    "other counts": (rewritten(lambda m: m["counts"].update(users=99)), "its counts are not those of the manifest"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("fault", DAMAGED)
def test_a_damaged_or_foreign_file_is_refused_with_its_reason(fault: str, settings: Settings, tmp_path: Path) -> None:
    damage, sentence = DAMAGED[fault]
    path = writing.back_up(settings, "manual").path
    path.write_bytes(damage(path.read_bytes()))
    folder = tmp_path / "unpacked"
    folder.mkdir()

    def read_all() -> None:
        with archive.opened(path) as opened:
            if fault == "other counts":
                opened.verify()
            opened.unpack(folder)

    with pytest.raises(ArchiveError, match=sentence) as caught:
        read_all()
    assert caught.value.code == exit_codes.CONFIGURATION and str(path) in str(caught.value)
    assert [name for name in folder.rglob("*") if name.is_file()] == []


def test_a_verification_unpacks_where_a_start_finds_what_is_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = writing.back_up(settings, "manual")
    found: list[Path] = []
    monkeypatch.setattr(archive.Archive, "unpack", lambda _, folder: found.append(folder))
    monkeypatch.setattr(archive.Archive, "_check_database", lambda *_: found.extend(copies.sweep(settings)))
    with archive.opened(copy.path) as opened:
        opened.verify(settings.own_backups)
    assert found[0].parent == settings.own_backups and found[1:] == [found[0]]
    with archive.opened(copy.path) as opened, monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
        with pytest.raises(ArchiveError, match="to unpack it takes [0-9,]+ free bytes in .*, there are 1,000"):
            opened.verify()


def test_no_more_is_unpacked_than_is_declared(settings: Settings, tmp_path: Path) -> None:
    path = writing.back_up(settings, "manual").path
    folder = tmp_path / "unpacked"
    folder.mkdir()
    with archive.opened(path) as opened:
        short = replace(opened.manifest.members["recnice.sqlite3"], bytes=100)
        bomb = replace(opened, manifest=replace(opened.manifest, members={"recnice.sqlite3": short}))
        with pytest.raises(ArchiveError, match="is not as it was written"):
            bomb.unpack(folder)
    assert names_in(folder) == []
