"""What the program asks of the operating system: left-over folders, open files, one processor, the launcher's end."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app import bounds, process
from tests.conftest import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
MARKER = "app/store/migrations"


def unpacked(parent: Path, launcher: int, marker: str = MARKER) -> Path:
    folder = parent / f"_MEI{launcher:08x}aBcDeF"
    (folder / marker).mkdir(parents=True)
    return folder


@pytest.fixture
def dead() -> int:
    """The id of a process that is no more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(10)
    return ended.pid


def test_the_folder_names_its_launcher() -> None:
    assert process.launcher_of(Path("/tmp/_MEI0000002aXyZ")) == 42
    assert process.launcher_of(Path("/tmp/_MEIxyz")) is None
    assert process.launcher_of(Path("/work")) is None


def test_only_left_over_folders_of_this_program_are_removed(tmp_path: Path, dead: int) -> None:
    own = unpacked(tmp_path, os.getpid())
    left_over = unpacked(tmp_path, dead)
    alive = unpacked(tmp_path, os.getppid())
    earlier = tmp_path / f"_MEI{os.getpid():08x}earlier"  # a container has one process id again and again
    (earlier / MARKER).mkdir(parents=True)
    locked = unpacked(tmp_path / "", dead + 0x10000000)
    other = unpacked(tmp_path, dead + 0x20000000, marker="app/other")
    partial = unpacked(tmp_path, dead + 0x30000000, marker="app")  # a full disk ended its launcher
    link = tmp_path / f"_MEI{dead:08x}link"
    link.symlink_to(other)
    mark = os.open(locked, os.O_RDONLY)
    fcntl.flock(mark, fcntl.LOCK_EX)
    try:
        assert sorted(process.sweep(own, MARKER)) == sorted([left_over, partial, earlier])
    finally:
        os.close(mark)
    assert not left_over.exists()
    assert all(folder.exists() for folder in (own, alive, locked, other, link))


def test_a_marked_folder_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert process.mark_unpacked(tmp_path) is None, "nothing is marked when running from source"
    monkeypatch.setattr(process.bundled_files, "FROZEN", True)
    mark = process.mark_unpacked(tmp_path)
    assert mark is not None and process._is_locked(tmp_path)
    os.close(mark)
    assert not process._is_locked(tmp_path)


def test_open_files_are_raised_as_far_as_allowed() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert process.raise_open_files() == bounds.OPEN_FILES_WANTED
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == bounds.OPEN_FILES_WANTED
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_one_processor_of_those_allowed() -> None:
    before = os.sched_getaffinity(0)
    try:
        chosen = process.stay_on_one_cpu()
        assert chosen in before and os.sched_getaffinity(0) == {chosen}
    finally:
        os.sched_setaffinity(0, before)


def test_new_files_are_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        process.keep_private()
        (tmp_path / "new").touch()
        assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    finally:
        os.umask(before)


SECRETIVE = """
import ctypes, resource
from app import process
process.keep_private()
print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_the_memory_is_written_nowhere() -> None:
    """3 is PR_GET_DUMPABLE; asked by the process itself, since nobody else can."""
    told = subprocess.run(
        [sys.executable, "-c", SECRETIVE], cwd=ROOT, timeout=20, check=True, capture_output=True, text=True
    )
    assert told.stdout == "0 0\n"


# A launcher as PyInstaller's: its child believes to be frozen and unpacked by it, and prints its own id.
LAUNCHER = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""
CHILD = """
import os, signal, sys
from pathlib import Path
from app import bundled_files, process
bundled_files.FROZEN, bundled_files.ROOT = True, Path(f"/tmp/_MEI{int(sys.argv[1]) or os.getppid():08x}x")
process.tie_to_launcher()
print(os.getpid(), flush=True)
signal.pause()
"""


def test_the_program_ends_with_its_launcher() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, CHILD, "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as launcher:
        assert launcher.stdout
        child = int(launcher.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        launcher.send_signal(signal.SIGKILL)
        wait_until(lambda: not running(child), "the child has ended")


def test_the_program_does_not_start_without_its_launcher() -> None:
    ended = subprocess.run([sys.executable, "-c", CHILD, "1"], cwd=ROOT, timeout=20, check=False, capture_output=True)
    assert (ended.returncode, ended.stdout) == (75, b"")


def test_calls_at_no_depth_allocate_memory_each_time() -> None:
    """The depths are those of all the requests that a thread has begun; at each, a call is made often."""
    depths, calls = 20 * (bounds.WRITES_BEGUN + 1), 20
    faults: list[int] = []

    def call(depth: int) -> None:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for _ in range(calls):
            (lambda: None)()
        faults.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
        if depth:
            call(depth - 1)

    process.start_thread(lambda: call(depths), "test")
    wait_until(lambda: len(faults) > depths, "the thread was at each depth")
    assert max(faults) < calls


def running(number: int) -> bool:
    """Whether the process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
