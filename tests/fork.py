"""This module runs Python scripts in forks of a process that has imported the whole program already.

A fork starts in a tenth of the time of a new interpreter, and has the substitutes of tests/cheap.py.
See also: tests/preload.py (what that process does first), tests/program (which starts the program as a user does).
"""

import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import TimeoutExpired

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preload"])


class Fork:
    """A running script, with the part of `subprocess.Popen` that the tests use."""

    def __init__(
        self, words: Sequence[str], typed: Path, output: Path, errors: Path, environment: Mapping[str, str]
    ) -> None:
        """Start the script `words[0]` with its arguments in a session of its own; append to both output files."""
        arguments = (list(words), typed, output, errors, dict(environment))
        self._process = CONTEXT.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        self.pid = int(self._process.pid or 0)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises: TimeoutExpired."""
        self._process.join(timeout)
        if (status := self._process.exitcode) is None:
            raise TimeoutExpired(self._process.name, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(words: list[str], typed: Path, output: Path, errors: Path, environment: Mapping[str, str]) -> None:
    os.setsid()
    _replace(0, typed, os.O_RDONLY)
    _replace(1, output, os.O_WRONLY | os.O_APPEND)
    _replace(2, errors, os.O_WRONLY | os.O_APPEND)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # asks the environment again
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


def _replace(number: int, path: Path, flags: int) -> None:
    file = os.open(path, flags)
    os.dup2(file, number)
    os.close(file)
