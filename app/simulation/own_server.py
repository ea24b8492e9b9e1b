"""This module runs this program as a child process on a temporary data folder.

It never uses live data: the folder is new, and the child gets no setting from the environment.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from app import bounds

SETTINGS_PREFIX = "RECNICE_"
# Otherwise the one-file executable would run its child from the folder that it unpacked for itself.
OWN_UNPACKING = {"PYINSTALLER_RESET_ENVIRONMENT": "1"}
_TENANT_URL = re.compile(r"^Tenant URL:\s+(http\S+)$", re.MULTILINE)


class NotStartedError(Exception):
    """The child did not become a server that answers; the message is the last line that it printed."""


def environment() -> Mapping[str, str]:
    """Return the environment of the child: this process's, without settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS_PREFIX)}
    return kept | OWN_UNPACKING


@contextmanager
def temporary_appliance(program: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Run a temporary server; yield its Tenant URL and key. It is always ended and removed afterwards.

    `program` is the command that starts this program again. Raises NotStartedError.
    """
    folder = Path(tempfile.mkdtemp(prefix="recnice-rehearsal-"))
    try:
        data = folder / "data"
        words = [*program, "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
        with _serving(words, folder / "output") as tenant_url:
            yield tenant_url, _run([*program, "key", "create", "--data", str(data), "--name", "rehearsal"])
    finally:
        shutil.rmtree(folder, ignore_errors=sys.platform == "win32")


def _run(words: Sequence[str]) -> str:
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=bounds.SIMULATED_START_S,
        env=environment(),
        check=False,
    )
    if done.returncode:
        raise NotStartedError(_last_line(done.stderr))
    return done.stdout.strip()


@contextmanager
def _serving(words: Sequence[str], output: Path) -> Iterator[str]:
    with output.open("wb") as written:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,  # Ctrl-C goes to this process only, which ends the child after its last request.
        )
    try:
        yield _tenant_url(child, output)
    finally:
        _end(child)


def _tenant_url(child: subprocess.Popen[bytes], output: Path) -> str:
    end = time.monotonic() + bounds.SIMULATED_START_S
    while not (match := _TENANT_URL.search(text := output.read_text("utf-8", errors="replace"))):
        if child.poll() is not None or time.monotonic() > end:
            raise NotStartedError(_last_line(text))
        time.sleep(0.02)
    return match[1]


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(bounds.SIMULATED_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f"the appliance did not start: {lines[-1] if lines else 'it said nothing'}"
