"""This module controls the service by systemd, and acts under the account of the service."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from app import bounds
from app.exit_codes import CONFIGURATION, FAILED, TRY_AGAIN, CommandError
from app.service.unit_file import NAME

if TYPE_CHECKING:
    from pwd import struct_passwd

# Not that of this process: PyInstaller sets the library path of its children, and sudo keeps settings of a user.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class State(StrEnum):
    """The state of the service, in the words of `service status`."""

    NOT_INSTALLED = "not installed"
    STOPPED = "stopped"
    RUNNING = "running"
    RESTARTING = "restarting after a failed start"


def is_present() -> bool:
    """Return whether systemd runs this machine (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def control(*words: str) -> None:
    """Run systemctl. Raises CommandError with its last line."""
    run("systemctl", *words)


def state() -> State:
    """Return the state of the service. Raises CommandError."""
    shown = _show("LoadState", "ActiveState", "SubState")
    if shown["LoadState"] == "not-found":
        return State.NOT_INSTALLED
    if shown["SubState"] == "auto-restart":
        return State.RESTARTING
    return State.RUNNING if shown["ActiveState"] in ("active", "activating", "reloading") else State.STOPPED


def failure() -> str:
    """Return why the server ended: its last line in the journal, else its exit status. Raises CommandError.

    The journal has a line only some time after its process has ended (systemd before version 258).
    """
    shown = _show("InvocationID", "ExecMainStatus")
    matches = (f"_SYSTEMD_INVOCATION_ID={shown['InvocationID']}", f"SYSLOG_IDENTIFIER={NAME}")
    give_up = time.monotonic() + bounds.SERVICE_JOURNAL_S
    while time.monotonic() < give_up:
        with suppress(CommandError):
            lines = run("journalctl", *matches, "--lines", "1", "--output", "cat").splitlines()
            if lines and lines[-1].startswith(f"{NAME}: "):
                return lines[-1].removeprefix(f"{NAME}: ")
        time.sleep(bounds.SERVICE_LOOK_S)
    return f"it ended with status {shown['ExecMainStatus']} (see journalctl --unit {NAME})"


def _show(*properties: str) -> Mapping[str, str]:
    """Return properties of the unit. Raises CommandError."""
    lines = run("systemctl", "show", f"--property={','.join(properties)}", NAME).splitlines()
    return dict.fromkeys(properties, "") | dict(line.split("=", 1) for line in lines if "=" in line)


def make_folder(path: Path, account: str) -> None:
    """Create a folder for an account only; an existing one is not changed. Raises CommandError, OSError."""
    if not path.exists():
        user = _user(account)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        os.chown(path, user.pw_uid, user.pw_gid)


@contextmanager
def acting_as(account: str) -> Iterator[None]:
    """Open files as an account in the block: root must not follow what is in a folder of another account.

    For the whole process, so no other thread may run. No module may be imported for the first time: an executable that
    root runs is unpacked for root. Raises CommandError.
    """
    user = _user(account)
    own = os.geteuid(), os.getegid()
    if user.pw_uid == own[0]:
        yield
        return
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(own[0])
        os.setegid(own[1])


def run(*words: str, account: str = "", more: Mapping[str, str] = MappingProxyType({})) -> str:
    """Run a program, under an account if one is given, and return what it prints.

    `more`: additions to its environment. Raises CommandError with the last line of standard error.
    """
    user = _user(account) if account else None
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env={**ENVIRONMENT, **more},
            check=False,
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=user and [],
        )
    except FileNotFoundError:
        raise CommandError(f"{words[0]}: no such program", CONFIGURATION) from None
    except PermissionError as error:
        who = account or "this account"
        raise CommandError(f"{words[0]}: {who} cannot run it: {error.strerror}", CONFIGURATION) from None
    if done.returncode:
        line = (done.stderr.strip().splitlines() or [f"{words[0]} ended with status {done.returncode}"])[-1]
        code = done.returncode if done.returncode in (TRY_AGAIN, CONFIGURATION) else FAILED
        raise CommandError(line.removeprefix(f"{NAME}: "), code)
    return done.stdout


def _user(account: str) -> struct_passwd:
    import pwd  # not on Windows

    try:
        return pwd.getpwnam(account)
    except KeyError:
        raise CommandError(f"account {account}: no such account", CONFIGURATION) from None
