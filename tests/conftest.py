"""A running appliance for any test that wants one: driven over HTTP, ended by its pid.

It knows nothing of what is inside. `RECNICE_PROGRAM=/path/to/recnice-scim` makes the same tests drive the executable.
Scratch folders are in memory where the system has /dev/shm, since most of the time goes into waiting for a disk.
See also: tests/fork.py (how a start is made cheap).
"""

import gc
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from xdist.scheduler import LoadFileScheduling

from app import clock
from tests import cheap, needed
from tests.fork import Fork

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = str(ROOT / "recnice_scim.py")
START_LIMIT_S = 30.0
STOP_LIMIT_S = 30.0
COMMAND_LIMIT_S = 60.0
FORKED = "forked"
"""Stands where a program has its interpreter: the script runs in a fork of one that has imported everything."""
MEMORY = Path("/dev/shm")
MEMORY_WANTED_BYTES = 2 * 1024**3

if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_WANTED_BYTES:
    # Also for the executable, which unpacks itself there; this process may have looked for a folder already.
    tempfile.tempdir = os.environ.setdefault("TMPDIR", str(MEMORY))
Flask.jinja_options = cheap.TEMPLATE_OPTIONS

SLOWEST_FIRST = ("browser", "program", "single_sign_on", "web", "openid", "differential", "custom", "administration")
"""Folders in the order in which their tests run, so that no worker ends with a long file; all others follow."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Give each worker whole files, and one worker all browser tests, which share a browser and a survey of pages."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/browser" if nodeid.startswith("tests/browser/") else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {folder: place for place, folder in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.relative_to(ROOT).parts[1], len(places)))


def pytest_collection_finish() -> None:
    """Keep what imports and the collection made, a million objects, out of all later garbage collections."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line whether the system let the tests of faults mount disks and trace processes."""
    reports = [one for of in terminalreporter.stats.values() for one in of if isinstance(one, pytest.TestReport)]
    if not any(report.nodeid.startswith("tests/faults/") for report in reports):
        return
    reasons = [str(report.longrepr) for report in reports if report.skipped]
    counts = ((sum(refusal in reason for reason in reasons), refusal) for refusal in needed.REFUSALS)
    lines = [f"{count} tests skipped, since {refusal}" for count, refusal in counts if count]
    terminalreporter.write_line(f"faults of the system: {'; '.join(lines) or 'none was refused'}")


def wait_until(condition: Callable[[], Any], what: str, limit_s: float = START_LIMIT_S) -> Any:
    """Ask `condition` until it is true and return what it said; fail with `what` when it is not within the limit."""
    end = time.monotonic() + limit_s
    while not (answer := condition()):
        assert time.monotonic() < end, f"not within {limit_s:.0f} s: {what}"
        time.sleep(0.02)
    return answer


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(
    words: Sequence[str], typed: Path, output: Path, errors: Path, environment: Mapping[str, str]
) -> "Fork | subprocess.Popen[bytes]":
    """Start a program in a process group of its own, and do not wait; it appends to both output files."""
    environment = {**os.environ, **environment}
    if words[0] == FORKED:
        output.touch()
        errors.touch()
        return Fork(words[1:], typed, output, errors, environment)
    with typed.open("rb") as stdin, output.open("ab") as stdout, errors.open("ab") as stderr:
        return subprocess.Popen(
            words, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, start_new_session=True
        )


def run(
    program: list[str], *words: str, typed: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command of the program to its end; `typed` goes to its standard input."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("typed", "output", "errors")]
        for file, text in zip(files, (typed, "", ""), strict=True):
            file.write_text(text)
        process = start([*program, *words], *files, environment or {})
        try:
            status = process.wait(COMMAND_LIMIT_S)
        finally:
            process.kill()
        return subprocess.CompletedProcess(list(words), status, files[1].read_text(), files[2].read_text())


@dataclass(frozen=True)
class Answer:
    """What the appliance answered. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Appliance:
    """One appliance on one data folder. `start` and `stop` may be called again and again; the port stays."""

    program: list[str]
    data: Path
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    key: str = ""
    process: Fork | subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Everything that the started appliance printed, of all its starts."""
        return self.data.with_name(self.data.name + ".log")

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def launch(self) -> Fork | subprocess.Popen[bytes]:
        """Start `serve` in a process group of its own, and do not wait."""
        words = [*self.program, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", *self.flags]
        self.process = start(words, Path(os.devnull), self.log, self.log, self.environment)
        return self.process

    def start(self) -> "Appliance":
        """Start `serve` and wait until it answers."""
        process = self.launch()

        def answers() -> bool:
            assert process.poll() is None, f"ended with status {process.returncode}: {self.output}"
            try:
                return bool(self.request("GET", "/scim/ServiceProviderConfig").status)
            except OSError:
                return False

        wait_until(answers, "the appliance answers")
        return self

    def stop(self) -> int:
        """Ask the started process to end, by its pid, and return its exit status (0 when it ended as it should)."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)

    def kill(self) -> None:
        """End the appliance at once, launcher and all, as a power cut ends a process."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_LIMIT_S)

    def command(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run another command of the program on the same data folder; `typed` goes to its standard input."""
        return run(self.program, *words, "--data", str(self.data), typed=typed, environment=self.environment)

    def make_key(self, name: str = "test") -> str:
        """A new SCIM Key, which `request` uses from now on."""
        made = self.command("key", "create", "--name", name)
        assert made.returncode == 0, made.stderr
        self.key = made.stdout.strip()
        return self.key

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """One HTTP request, on a connection of its own.

        `body`: bytes and text go as they are, anything else as SCIM JSON. The key is sent to /scim, unless `headers`
        says otherwise (None leaves a header out).
        """
        sent: dict[str, str | None] = {}
        if path.startswith("/scim") and self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        if body is not None and not isinstance(body, bytes | str):
            sent["Content-Type"] = "application/scim+json"
            body = json.dumps(body)
        sent.update(headers or {})
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        try:
            content = body.encode() if isinstance(body, str) else body
            present = {name: value for name, value in sent.items() if value is not None}
            connection.request(method, path, content, present)
            response = connection.getresponse()
            text = response.read().decode("utf-8")
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
        finally:
            connection.close()


def with_values(**values: float | str) -> list[str]:
    """Return the program with other values of constants: `with_values(bounds__PROVIDER_ANSWER_S=0.2)`."""
    return [FORKED, str(ROOT / "tests" / "with_values.py"), json.dumps(values)]


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """A command that runs in this process keeps its files private, and must not do so for the tests after it."""
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords at the least cost in this process too."""
    monkeypatch.setattr("app.administration.accounts.passwords._hasher", cheap.hasher)


@pytest.fixture(autouse=True)
def few_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust one usual authority instead of 150 in this process too."""
    path = cheap.authorities()
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", path)
    monkeypatch.setattr("certifi.where", lambda: path)


@pytest.fixture(autouse=True)
def distinct_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock of this process never show one millisecond twice, so that an order by time is the order of work."""
    real, shown = clock.utc_now, datetime.min.replace(tzinfo=UTC)

    def utc_now() -> datetime:
        nonlocal shown
        shown = max(real(), shown + timedelta(milliseconds=1))
        return shown

    monkeypatch.setattr(clock, "utc_now", utc_now)


@pytest.fixture(scope="session")
def program() -> list[str]:
    """The command that starts the program: the executable that RECNICE_PROGRAM names, else the source in a fork."""
    executable = os.environ.get("RECNICE_PROGRAM")
    return [str(Path(executable).resolve())] if executable else [FORKED, SCRIPT]


@pytest.fixture(scope="session")
def real_program(program: list[str]) -> list[str]:
    """The same, but the source in an interpreter of its own, as a user starts it.

    A module whose tests need that imports this one under the name `program`.
    """
    return [sys.executable, SCRIPT] if program[0] == FORKED else program


@pytest.fixture
def new_appliance(program: list[str], tmp_path: Path) -> Iterator[Callable[..., Appliance]]:
    """Makes appliances that are not started yet: `new_appliance("name", flags=(…))`; ends those that still run."""
    made: list[Appliance] = []

    def make(name: str = "recnice", **of: Any) -> Appliance:
        made.append(Appliance(**{"program": program, "data": tmp_path / name} | of))
        return made[-1]

    yield make
    for appliance in made:
        if appliance.process is not None and appliance.process.poll() is None:
            appliance.kill()


@pytest.fixture(scope="session")
def with_key(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Appliance:
    """A stopped appliance with a key, to be copied: that takes one start where a new one takes two and a command."""
    template = Appliance(program, tmp_path_factory.mktemp("with-key") / "recnice").start()
    template.make_key()
    assert template.stop() == 0, template.output
    return template


@pytest.fixture
def appliance(new_appliance: Callable[..., Appliance], with_key: Appliance) -> Iterator[Appliance]:
    """An appliance of the test's own: running, with a key, and nothing more."""
    fresh = new_appliance(key=with_key.key)
    shutil.copytree(with_key.data, fresh.data)
    fresh.start()
    yield fresh
    if fresh.process is not None and fresh.process.poll() is None:
        assert fresh.stop() == 0, fresh.output


@pytest.fixture(scope="session")
def shared_appliance(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One appliance for all tests that keep to resources of their own; running, with a key."""
    shared = Appliance(program, tmp_path_factory.mktemp("shared") / "recnice").start()
    shared.make_key()
    yield shared
    assert shared.stop() == 0, shared.output
