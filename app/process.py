"""This module asks the operating system about this process: its parent, left-over folders, open files, processors.

What one system only has is guarded.
"""

import ctypes
import os
import re
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from app import bounds, bundled_files

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
M_MMAP_THRESHOLD = -3

if sys.platform != "win32":
    import fcntl
    import resource


def launcher_of(unpacked: Path) -> int | None:
    """The process id of the one-file executable that unpacked this folder: `_MEI` + 8 hex digits + more."""
    found = re.match(r"_MEI([0-9a-f]{8})", unpacked.name)
    return int(found[1], 16) if found else None


def tie_to_launcher() -> None:
    """End with the launcher of the one-file executable, even when that is killed with -9 (Linux).

    The launcher unpacks, starts this process and passes signals on; killed, it would leave this process with the port
    and the database. Called first of all. Exits at once where the launcher is gone already.
    """
    launcher = launcher_of(bundled_files.ROOT) if bundled_files.FROZEN else None
    if launcher is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != launcher:
        sys.exit(75)


def keep_private() -> None:
    """What this process makes from now on is for its owner alone, and its memory, which has secrets, for nobody.

    A process that ends by a fault leaves no core file; on Linux no other of the same user can look into it either.
    """
    os.umask(0o077)
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)


def mark_unpacked(unpacked: Path) -> int | None:
    """Lock the folder that this process runs from, so that no start takes it for left over; gives the open file."""
    if sys.platform == "win32" or not bundled_files.FROZEN:
        return None
    mark = os.open(unpacked, os.O_RDONLY)
    with suppress(OSError):
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return mark


def sweep(unpacked: Path, marker: str) -> list[Path]:
    """Remove folders beside `unpacked` that a killed launcher of this same program left behind; gives the removed ones.

    Ours are those that belong to this user and have `marker` (a path that only this program has) in them. Left over are
    those whose launcher is gone and that no process has locked.
    """
    if sys.platform == "win32":
        return []
    removed = []
    for folder in unpacked.parent.glob("_MEI*"):
        with suppress(OSError):
            launcher = launcher_of(folder)
            if folder == unpacked or launcher is None or folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            if (folder / marker).exists() and not _is_alive(launcher) and not _is_locked(folder):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_locked(folder: Path) -> bool:
    if sys.platform == "win32":
        return True
    mark = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(mark)
    return False


def raise_open_files() -> int:
    """Ask for enough open files, and give how many there may be."""
    if sys.platform == "win32":
        return bounds.OPEN_FILES_WANTED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = bounds.OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, bounds.OPEN_FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return bounds.OPEN_FILES_WANTED if soft == resource.RLIM_INFINITY else soft


def give_back_memory() -> None:
    """Blocks of `bounds.MEMORY_GIVEN_BACK` bytes or more go back to the system when they are freed (glibc).

    Left to itself it learns from the first password that is checked to keep 19 MiB, for each thread that checks one:
    measured, forty sign-ins at once left 300 MiB behind.
    """
    if sys.platform.startswith("linux"):
        with suppress(AttributeError):  # not every C library has it
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, bounds.MEMORY_GIVEN_BACK)


def stay_on_one_cpu() -> int | None:
    """Keep to one processor, chosen by process id among those allowed; gives it, or None where that is not possible.

    Python's threads take turns anyway, and handing the turn from one processor to another costs more than the second
    processor gives: measured 1.3 times the requests at 8 connections, and up to 4 times the writes.
    """
    if sys.platform == "win32" or not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    chosen = allowed[os.getpid() % len(allowed)]
    try:
        os.sched_setaffinity(0, {chosen})
    except OSError:
        return None
    return chosen
