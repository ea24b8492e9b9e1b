"""This module lets the command `restore` ask the running server to put the copy in place that the command has staged.

Both are files of the data folder: the request, which the server looks for every second, and its answer. A lock says who
may stage a copy: a server for its console, or one command (docs/decisions/0067-a-restore-in-the-running-server.md).
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app import bounds, data_folder, exit_codes, process
from app.data_folder import RESTORE_ANSWER_NAME, RESTORE_LOCK_NAME, RESTORE_REQUEST_NAME

TAKEN_WITHIN_S = 15.0
ASK_AGAIN_S = 0.05
_NOT_TAKEN = (
    "data folder {}: the server did not take the request: run the command as the account of the server, or stop the "
    "server first"
)
_ENDED = "data folder {}: the server ended meanwhile: start it, and look in the audit whether the backup was restored"
_BUSY = "data folder {}: another restore is being prepared: wait for it, or discard it on the page Backups"


class RestoreBusyError(exit_codes.CommandError):
    """Another restore of this data folder is being prepared."""

    code = exit_codes.TRY_AGAIN


class ServerRestoreError(exit_codes.CommandError):
    """The running server did not restore the copy."""

    code = exit_codes.TRY_AGAIN


class RequestNotTakenError(ServerRestoreError):
    """No server took the request, which is withdrawn; what is staged still belongs to the command."""


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What a command asks for: the staged copy with this file, SHA-256 and time, compared as the preview said.

    `because`: why the copy was not compared with the present data; "" if it was.
    """

    path: str
    sha256: str
    made: str
    because: str
    is_reactivating: bool
    id: str = field(default_factory=lambda: secrets.token_hex(16))


@contextmanager
def sole(folder: Path) -> Iterator[None]:
    """Hold the right to stage a copy, and remove the request of a killed command.

    Raises RestoreBusyError, FolderError.
    """
    try:
        file = os.open(folder / RESTORE_LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise data_folder.unusable(folder, error) from None
    try:
        if not process.lock(file):
            raise RestoreBusyError(_BUSY.format(folder))
        _clear(folder)
        try:
            yield
        finally:
            _clear(folder)
    finally:
        os.close(file)


def ask(folder: Path, request: RestoreRequest, is_served: Callable[[], bool]) -> None:
    """Let the server restore the staged copy, and return when that is done.

    From the moment when the server takes the request, what is staged belongs to the server. `is_served`: whether a
    server still holds the folder. Raises RequestNotTakenError, ServerRestoreError.
    """
    path = folder / RESTORE_REQUEST_NAME
    _write(path, asdict(request))
    give_up = time.monotonic() + TAKEN_WITHIN_S
    while True:
        has_ended = not is_served()  # before the look for an answer, which the server writes before it ends
        content = _read(folder / RESTORE_ANSWER_NAME)
        if content.get("id") == request.id:
            if failure := content.get("failure"):
                raise ServerRestoreError(str(failure))
            return
        if (has_ended or time.monotonic() > give_up) and _withdraw(path):
            raise RequestNotTakenError(_NOT_TAKEN.format(folder))
        if has_ended:
            raise ServerRestoreError(_ENDED.format(folder))
        time.sleep(ASK_AGAIN_S)


def take(folder: Path) -> RestoreRequest | None:
    """Return the request that a command wrote, once; None if there is none. Raises OSError."""
    path = folder / RESTORE_REQUEST_NAME
    if not path.exists():
        return None
    content = _read(path)
    if not _withdraw(path):
        return None
    try:
        return RestoreRequest(**content)
    except TypeError:
        return None


def answer(folder: Path, request: RestoreRequest, failure: str = "") -> None:
    """Tell the command how the restore ended; `failure` "": it is done. Raises OSError."""
    _write(folder / RESTORE_ANSWER_NAME, {"id": request.id, "failure": failure})


def _clear(folder: Path) -> None:
    for name in (RESTORE_REQUEST_NAME, RESTORE_ANSWER_NAME):
        (folder / name).unlink(missing_ok=True)


def _withdraw(path: Path) -> bool:
    """Remove the request, and return whether this process did it: of the command and the server only one can."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write a whole file, under its name only when it is complete, for the account of the data folder."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(new, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(content, file)
    os.replace(new, path)


def _read(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if there is none."""
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read(bounds.RESTORE_REQUEST_BYTES))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
