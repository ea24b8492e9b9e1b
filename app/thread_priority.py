"""This module sets the priority of threads in the operating system. Functions do nothing where it has none for each."""

import ctypes
import os
import sys
import threading
from contextlib import suppress

IOPRIO_WHO_PROCESS = 1
IOPRIO_LOWEST = (2 << 13) | 7  # the best-effort class, at its last level: the idle class might never get the disk
IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # the numbers of the system call by machine


def lower_priority() -> None:
    """Let all others go before the calling thread, in use of processor and disk, until it ends (Linux)."""
    if sys.platform.startswith("linux"):
        _be_nice(19)
        if number := IOPRIO_SET.get(os.uname().machine):
            ctypes.CDLL(None).syscall(number, IOPRIO_WHO_PROCESS, threading.get_native_id(), IOPRIO_LOWEST)


def let_requests_go_first() -> None:
    """Take a third of a request's share of a busy processor, in the calling thread until it ends (Linux).

    On one processor, requests would wait for the rest of a time slice whenever the request log is written.
    """
    if sys.platform.startswith("linux"):
        _be_nice(5)


def _be_nice(by: int) -> None:
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + by)  # at most 19
