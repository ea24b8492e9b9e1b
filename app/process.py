"""This module configures this process in the operating system: parent, leftover folders, open files, processors.

Functions do nothing on systems that lack the feature.
"""

import ctypes
import gc
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FunctionType

from app import bounds, bundled_files
from app.exit_codes import CONFIGURATION, CommandError

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
MIB = 1024 * 1024
LOCKED_BYTE = 1 << 30  # Windows prevents others from reading a locked byte: use one far behind the content

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import resource


def lock(file: int) -> bool:
    """Lock an open file, without waiting, until it is closed; return False if another process has locked it."""
    try:
        if sys.platform == "win32":
            os.lseek(file, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second on Windows
        return False
    return True


def launcher_of(unpacked: Path) -> int | None:
    """Return the process id of the one-file executable that unpacked a folder named `_MEI` + 8 hex digits + more."""
    match = re.match(r"_MEI([0-9a-f]{8})", unpacked.name)
    return int(match[1], 16) if match else None


def tie_to_launcher() -> None:
    """End this process with the launcher of the one-file executable, also after kill -9 (Linux).

    The launcher unpacks the files, starts this process and forwards signals. Without this call, a killed launcher
    leaves this process behind, with the port and the database in use. To be called before anything else. Exits
    immediately if the launcher has already ended.
    """
    launcher = launcher_of(bundled_files.ROOT) if bundled_files.FROZEN else None
    if launcher is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != launcher:
        sys.exit(75)


def own_program() -> list[str]:
    """Return the command that starts this program again, before its words."""
    return [sys.executable, *([] if bundled_files.FROZEN else [str(bundled_files.ROOT / "recnice_scim.py")])]


def keep_private() -> None:
    """Create files for the owner only from now on, and protect the memory of this process, which contains secrets.

    A crash leaves no core file. On Linux, other processes of the same user cannot read the memory either.
    """
    os.umask(0o077)
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)


def mark_unpacked(unpacked: Path) -> int | None:
    """Lock the folder that this process runs from, so that `sweep` of another start keeps it; return the descriptor."""
    if sys.platform == "win32" or not bundled_files.FROZEN:
        return None
    mark = os.open(unpacked, os.O_RDONLY)
    with suppress(OSError):
        lock(mark)
    return mark


def sweep(unpacked: Path, marker: str) -> list[Path]:
    """Remove folders next to `unpacked` that killed launchers of this program left behind, and return the removed ones.

    A folder is removed if it is this user's and contains `marker`, a path that only this program has, or nothing but a
    part of `unpacked`, as after a full disk; and if its launcher has ended and no process has locked it. A container
    starts with the same process id again and again: what has the number of this launcher is of an earlier one.
    """
    if sys.platform == "win32":
        return []
    removed = []
    for folder in unpacked.parent.glob("_MEI*"):
        with suppress(OSError):
            launcher = launcher_of(folder)
            if folder == unpacked or launcher is None or folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            is_own = (folder / marker).exists() or _is_part(folder, unpacked)
            has_ended = launcher == launcher_of(unpacked) or not _is_alive(launcher)
            if is_own and has_ended and not _is_locked(folder):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def _is_part(folder: Path, whole: Path) -> bool:
    return all((whole / path.relative_to(folder)).exists() for path in folder.rglob("*"))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _is_locked(folder: Path) -> bool:
    mark = os.open(folder, os.O_RDONLY)
    try:
        return not lock(mark)
    finally:
        os.close(mark)


def raise_open_files() -> int:
    """Raise the limit of open files as far as needed and allowed, and return the limit."""
    if sys.platform == "win32":
        return bounds.OPEN_FILES_WANTED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = bounds.OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, bounds.OPEN_FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            soft = limit
    return bounds.OPEN_FILES_WANTED if soft == resource.RLIM_INFINITY else soft


def give_back_memory() -> None:
    """Return freed blocks of `bounds.MEMORY_GIVEN_BACK` bytes or more to the system (glibc).

    By default, glibc raises this threshold after the first password check and keeps 19 MiB for each thread that checks
    passwords: measured, 300 MiB remained allocated after forty concurrent sign-ins.

    Where the address space is limited, all threads allocate from one arena: each other one would reserve 64 MiB of it,
    so that the threads of the server did not start in a gigabyte.
    """
    if sys.platform.startswith("linux"):
        with suppress(AttributeError):  # C libraries other than glibc may lack it
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, bounds.MEMORY_GIVEN_BACK)
            if address_space_bytes() is not None:
                ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def address_space_bytes() -> int | None:
    """Return the limit of the address space (`ulimit -v`, systemd's LimitAS), None without one."""
    if sys.platform == "win32":
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def check_address_space(threads: int) -> None:
    """Raise CommandError if the address space is limited to less than so many threads need."""
    limit = address_space_bytes()
    needed = bounds.ADDRESS_SPACE_BYTES + threads * bounds.ADDRESS_SPACE_OF_THREAD_BYTES
    if limit is not None and limit < needed:
        raise CommandError(
            f"the address space is limited to {limit // MIB} MiB (ulimit -v, LimitAS), "
            f"{threads} threads need {-(-needed // MIB)} MiB",
            CONFIGURATION,
        )


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Collect no garbage in the block, and never what it leaves: the modules and declarations of a start.

    Collections at a start look at each of them several times, and free nothing.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _call(work: Callable[[], None]) -> None:
    work()


_CALL_WITH_ROOM = FunctionType(_call.__code__.replace(co_stacksize=bounds.FRAMES_BYTES // 8 + 1000), globals())


def start_thread(work: Callable[[], None], name: str) -> None:
    """Start a thread that ends with the process, with one block of memory for the frames of all its calls.

    CPython keeps frames in blocks of 16 KiB, and frees a block with its last frame. Where a function that is called
    often is the first in a block, each call allocates one: measured, a third of the time of a PATCH. The first frame of
    this thread is so large that it gets a larger block, of which `bounds.FRAMES_BYTES` remain for the others.
    """
    threading.Thread(target=_CALL_WITH_ROOM, args=(work,), name=name, daemon=True).start()


def stay_on_one_cpu() -> int | None:
    """Run on one processor only, chosen by process id among those allowed; return it, or None if not possible.

    Only one Python thread runs at a time, and passing the GIL between processors costs more than a second processor
    gains: measured 1.3 times the requests at 8 connections, and up to 4 times the writes.
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
