"""The data folder: private, and one process at a time."""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app import data_folder
from app.data_folder import FolderError, FolderInUseError, Holder
from tests.conftest import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
URL = "https://scim.example.com"
HOLD = """
import os, sys, signal
from pathlib import Path
from app import data_folder
with data_folder.hold(Path(sys.argv[1]), sys.argv[2]) as note:
    print("held", flush=True)
    if sys.argv[2] == "serve":
        note(data_folder.Holder(os.getpid(), "serve", sys.argv[3]))
    print("noted", flush=True)
    signal.pause()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def holding(path: Path, command: str, public_url: str = URL) -> subprocess.Popen[str]:
    """A process that has the folder already, and has noted so."""
    process = start(path, command, public_url)
    wait_for(process)
    return process


def start(path: Path, command: str, public_url: str = URL) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", HOLD, str(path), command, public_url]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def wait_for(process: subprocess.Popen[str]) -> None:
    """Until the process has the folder."""
    assert process.stdout
    assert [process.stdout.readline(), process.stdout.readline()] == ["held\n", "noted\n"]
    process.stdout.close()


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> None:
    process.send_signal(number)
    process.wait(10)


def test_a_new_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "a" / "b"
    assert data_folder.prepare(data) == []
    assert (mode(data), mode(data / "recnice.lock")) == (0o700, 0o600)


def test_what_is_open_to_others_is_tightened_and_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "recnice.sqlite3").touch(mode=0o644)
    (data / "recnice-requests.sqlite3").touch(mode=0o640)
    (data / "recnice.toml").touch(mode=0o600)
    lines = data_folder.prepare(data)
    opened = [data, data / "recnice-requests.sqlite3", data / "recnice.sqlite3"]
    assert [line.partition(" was open")[0] for line in lines] == list(map(str, opened))
    assert list(map(mode, opened)) == [0o700, 0o600, 0o600]
    assert data_folder.prepare(data) == []


def test_a_folder_with_something_else_in_it_keeps_its_mode(tmp_path: Path) -> None:
    data = tmp_path / "home"
    data.mkdir(mode=0o755)
    (data / "letter.txt").touch(mode=0o644)
    assert data_folder.prepare(data) == []
    assert (mode(data), mode(data / "letter.txt")) == (0o755, 0o644)


def test_a_folder_that_cannot_be_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderError, match="file/data: Not a directory"):
        data_folder.prepare(tmp_path / "file" / "data")
    with pytest.raises(FolderError, match="file: "):
        data_folder.prepare(tmp_path / "file")
    with pytest.raises(FolderError):
        data_folder.hold(tmp_path / "missing", "serve").__enter__()


@pytest.mark.parametrize(
    "name",
    ["recnice.lock", "recnice.secret", "recnice.sqlite3", "recnice.sqlite3-wal", "recnice-requests.sqlite3"],
)
@pytest.mark.parametrize(
    "put", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.parent.parent / "letter.txt")]
)
def test_what_is_no_regular_file_is_neither_followed_nor_opened(
    tmp_path: Path, name: str, put: Callable[[Path], None]
) -> None:
    data, letter = tmp_path / "data", tmp_path / "letter.txt"
    letter.write_text("dear")
    letter.chmod(0o644)
    data.mkdir(mode=0o700)
    put(data / name)
    with pytest.raises(FolderError, match=f"{name}: expected a regular file"):
        data_folder.prepare(data)
    if name == data_folder.LOCK_NAME:
        with pytest.raises(FolderError, match=f"{name}: expected a regular file"):
            data_folder.hold(data, "serve").__enter__()
    assert (mode(letter), letter.read_text()) == (0o644, "dear")


def test_a_linked_settings_file_keeps_its_mode(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere.toml"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    data.mkdir(mode=0o700)
    (data / "recnice.toml").symlink_to(elsewhere)
    assert data_folder.prepare(data) == [] and mode(elsewhere) == 0o644


def test_one_server_a_folder(tmp_path: Path) -> None:
    process = holding(tmp_path, "serve")
    with pytest.raises(FolderInUseError, match=f"{tmp_path} is in use by process {process.pid}$"):
        data_folder.hold(tmp_path, "serve").__enter__()
    found = data_folder.server(tmp_path)
    assert found and (found.process, found.command) == (process.pid, "serve")
    end(process, signal.SIGKILL)
    assert data_folder.server(tmp_path) is None, "kill -9 gives the folder back"
    with data_folder.hold(tmp_path, "serve"):
        pass


def test_the_note_tells_the_public_url(tmp_path: Path) -> None:
    with data_folder.hold(tmp_path, "serve") as note:
        note(Holder(os.getpid(), "serve", "https://scim.example.com/a/long/path"))
        note(Holder(os.getpid(), "serve", "https://scim.example.com"))
        found = data_folder.server(tmp_path)
    assert found == Holder(os.getpid(), "serve", "https://scim.example.com")


def test_a_short_command_is_waited_for(tmp_path: Path) -> None:
    process = holding(tmp_path, "prepare")
    second = start(tmp_path, "serve")
    end(process)
    wait_for(second)
    end(second)


def test_a_command_that_stays_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder, "WAIT_FOR_COMMAND_S", 0.05)
    process = holding(tmp_path, "prepare")
    with pytest.raises(FolderInUseError):
        data_folder.hold(tmp_path, "serve").__enter__()
    end(process)


def test_a_server_that_is_starting_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = holding(tmp_path, "serve", public_url="")
    with monkeypatch.context() as patience:
        patience.setattr(data_folder, "WAIT_FOR_SERVER_S", 0.05)
        with pytest.raises(FolderInUseError):
            data_folder.server(tmp_path)
    asked = threading.Thread(target=lambda: answers.append(data_folder.server(tmp_path)))
    answers: list[Holder | None] = []
    asked.start()
    (tmp_path / "recnice.lock").write_text(f'{{"process": 1, "command": "serve", "public_url": "{URL}"}}')
    asked.join(10)
    assert answers == [Holder(1, "serve", URL)]
    end(process)


def test_a_note_that_is_none_is_survived(tmp_path: Path) -> None:
    process = holding(tmp_path, "serve")
    for note in ("", "{", "[]", '{"process": 1, "color": 2}', '{"public_url": 5}', "[" * 4_000):
        (tmp_path / "recnice.lock").write_text(note)
        assert data_folder._read(os.open(tmp_path / "recnice.lock", os.O_RDONLY)) == Holder()
    end(process)
    wait_until(lambda: data_folder.server(tmp_path) is None, "the folder is free")
