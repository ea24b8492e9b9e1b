"""A restore that is killed at any step leaves the former files or the new ones, never neither and never both."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import file_swap
from tests.conftest import ROOT
from tests.needed import program_of

OLD = {"recnice.sqlite3": "old", "recnice.sqlite3-wal": "old wal", "recnice.sqlite3-shm": "old shm"}
NEW = {"recnice.sqlite3": "new", "recnice.secret": "new secret"}
OTHER = {"recnice.toml": "settings", "recnice-requests.sqlite3": "log"}
STEPS = ("rename", "replace", "fsync", "unlink", "mkdir", "rmdir")
SCRIPT = "import sys, pathlib; from app import file_swap; file_swap.swap(pathlib.Path(sys.argv[1]))"


class Killed(BaseException):
    """Takes the place of SIGKILL: nothing in the program catches it."""


def folder_before(path: Path) -> Path:
    path.mkdir()
    for name, text in {**OLD, **OTHER, "recnice.secret": "old secret"}.items():
        (path / name).write_text(text)
    staged = file_swap.staging_folder(path)
    for name, text in NEW.items():
        (staged / name).write_text(text)
    return path


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def assert_old_or_new(folder: Path) -> str:
    """What the next start finds, and that the former files are still there."""
    now, replaced = texts(folder), file_swap.replaced_folders(folder)
    assert not (folder / file_swap.STAGED_NAME).exists()
    if now == {**OLD, **OTHER, "recnice.secret": "old secret"}:
        assert not replaced
        return "old"
    assert now == {**NEW, **OTHER}
    assert [texts(path) for path in replaced] == [{**OLD, "recnice.secret": "old secret"}]
    return "new"


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the process end before the step of this number, from 1."""
    left = number

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*words: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left <= 0:
                raise Killed
            return real(*words, **named)

        return step

    for name in STEPS:
        monkeypatch.setattr(os, name, counted(getattr(os, name)))


def is_killed(monkeypatch: pytest.MonkeyPatch, number: int, work: Callable[[Path], object], folder: Path) -> bool:
    with monkeypatch.context() as patched:
        kill_at(patched, number)
        try:
            work(folder)
        except Killed:
            return True
    return False


def test_it_may_be_killed_at_each_step_and_again_while_the_start_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes, steps = [], 0
    for first in range(1, 100):
        is_interrupted = True
        for second in range(1, 100):
            folder = folder_before(tmp_path / f"{first}-{second}")
            is_interrupted = is_killed(monkeypatch, first, file_swap.swap, folder)
            is_again = is_killed(monkeypatch, second, file_swap.finish, folder)
            file_swap.finish(folder)
            outcomes.append(assert_old_or_new(folder))
            if not is_again:
                break
        if not is_interrupted:
            break
        steps = first
    assert steps > 15, "each step was killed"
    assert set(outcomes) == {"old", "new"}
    assert outcomes == sorted(outcomes, reverse=True), "from the moment of the decision on, it is the new one"


def test_a_process_that_is_killed_by_the_system_when_it_moves_a_file(tmp_path: Path) -> None:
    strace = program_of("strace")
    outcomes = []
    for number in range(1, 100, 3):  # each step is killed above
        folder = folder_before(tmp_path / str(number))
        ended = subprocess.run(
            [
                *(strace, "-f", "-qq", "-o", os.devnull, "-e", "trace=rename"),
                *("-e", f"inject=rename:signal=KILL:when={number}", sys.executable, "-c", SCRIPT, str(folder)),
            ],
            cwd=ROOT,
            check=False,
        )
        file_swap.finish(folder)
        outcomes.append(assert_old_or_new(folder))
        if ended.returncode == 0:
            break
    assert ended.returncode == 0
    assert len(outcomes) > 1
    assert outcomes == sorted(outcomes, reverse=True)


def test_a_step_that_fails_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_before(tmp_path / "data")
    real = os.rename

    def refuse(source: Path, target: Path) -> None:
        if Path(source) == folder / "recnice.sqlite3-wal":
            raise OSError(16, "Device or resource busy")
        real(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(file_swap.FolderError, match="resource busy"):
        file_swap.swap(folder)
    monkeypatch.undo()
    assert not file_swap.finish(folder)
    assert assert_old_or_new(folder) == "old"


def test_what_is_staged_may_be_gone_and_a_note_may_be_no_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 100):
        folder = folder_before(tmp_path / str(number))
        assert is_killed(monkeypatch, number, file_swap.swap, folder)
        if not (folder / "recnice.sqlite3").exists():
            break
    file_swap.remove_staged(folder)
    with pytest.raises(file_swap.FolderError, match="nothing was restored"):
        file_swap.finish(folder)
    assert not file_swap.finish(folder)
    assert assert_old_or_new(folder) == "old"
    folders = (b"../other", b"..", b"replaced-\xff")
    for text in (b"", b"[]", *(b'{"step": "away", "replaced": "%b", "names": []}' % name for name in folders)):
        (folder / file_swap.NOTE_NAME).write_bytes(text)
        with pytest.raises(file_swap.FolderError, match="expected the step of a restore"):
            file_swap.finish(folder)
