"""Each command line of docs/operate is run, in the order of its page, on a data folder and a server of its own.

Folders of the machine become folders below a scratch folder, `sudo` is left out, and `systemctl` and `service` start
and stop a real server without systemd. A block that cannot run here says why: `<!-- not run: WHY -->` is the line
before it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from app import bundled_files
from app.service import unit_file
from app.settings import Settings
from tests.conftest import COMMAND_LIMIT_S, FORKED, SCRIPT, Appliance, free_port, run
from tests.needed import program_of

PAGES = sorted(bundled_files.OPERATE.glob("*.md"))
COMMANDS = ("sh", "powershell")
FILES = ("apache", "caddyfile", "ini", "json", "nginx", "toml", "xml", "yaml", "")
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
REASON = re.compile(r"<!-- not run: (\w.*\w) -->\n$")
FOLDER = re.compile(r"(?<![\w./:-])/(?=(?:backup|etc|mnt|opt|srv|usr|var)\b)")
SUDO = re.compile(r"\bsudo (?:-u \w+ )?")
RELEASE = "./recnice-scim-*-linux-*"
SERVICE = re.compile(r"(?<= service )(install|upgrade|uninstall)\b")
SHELL = re.compile(r"[|<>;&$*]")
METRICS_PORT = "9644"
PASSWORD = "seven green bicycles by the lake"
ASKS = ("admin create", "admin reset-password")
"""The commands that ask for a password on a terminal, which is standard input here."""


class Block(NamedTuple):
    """A fenced block: its language, its lines, and why it is not run ("": it is)."""

    language: str
    lines: list[str]
    reason: str


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for fence in FENCE.finditer(text):
        reason = REASON.search(text[: fence.start()])
        lines = [line.strip() for line in fence[2].splitlines() if line.strip()]
        yield Block(fence[1], lines, reason[1] if reason else "")


def lines_to_run(page: Path) -> list[str]:
    return [line for block in blocks(page) if block.language == "sh" and not block.reason for line in block.lines]


@dataclass
class Machine:
    """The scratch folder that stands for a machine, with the release in it and a server that is started on demand."""

    root: Path
    release: Path
    appliance: Appliance
    metrics_port: int = field(default_factory=free_port)

    def run(self, line: str) -> None:
        line = FOLDER.sub(f"{self.root}/", SUDO.sub("", line)).replace("127.0.0.1:7644", self.appliance.url[7:])
        line = line.replace(METRICS_PORT, str(self.metrics_port)).replace(RELEASE, str(self.release))
        if line.startswith("systemctl "):
            self._control(line.split()[1:])
            return
        line = line.replace("KEY-ID", self._key_id()) if "KEY-ID" in line else line
        service = SERVICE.search(line)
        line = SERVICE.sub(rf"\1 --root {self.root}", line)
        if service and service[0] == "install":
            line += f" --executable {self.release}"
        elif service and service[0] == "uninstall":
            self.stop()
        words = shlex.split(line)
        if words[0] in ("recnice-scim", str(self.release)) and not SHELL.search(line):
            asks = " ".join(words[1:3]) in ASKS
            typed = ["--password-stdin"] if asks else []
            ran = run(self.appliance.program, *words[1:], *typed, typed=PASSWORD + "\n" if asks else "")
        else:
            if words[0] == "curl":
                program_of("curl")
            path = f"{self.root}/usr/local/bin:{os.environ['PATH']}"
            ran = subprocess.run(
                ["bash", "-c", line],
                cwd=self.root,
                env={**os.environ, "PATH": path, "KEY": self.appliance.key},
                capture_output=True,
                text=True,
                timeout=COMMAND_LIMIT_S,
                check=False,
            )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
        if service and service[0] == "install":
            self.start()

    def _control(self, words: list[str]) -> None:
        if words == ["daemon-reload"]:
            return
        *verb, unit = words
        assert unit == "recnice-scim"
        match verb:
            case ["start"] | ["enable", "--now"]:
                self.start()
            case ["stop"] | ["disable", "--now"]:
                self.stop()
            case ["restart"]:
                self.stop()
                self.start()
            case _:
                raise AssertionError(f"systemctl {verb}: only start, stop and restart run here")

    def start(self) -> None:
        if self.appliance.process is None:
            self.appliance.start()

    def stop(self) -> None:
        if self.appliance.process is not None:
            assert self.appliance.stop() == 0, self.appliance.output
            self.appliance.process = None

    def _key_id(self) -> str:
        """The id of the oldest key, in the first column of the list."""
        return self.appliance.command("key", "list").stdout.splitlines()[1].split()[0]


@pytest.fixture(scope="module")
def with_administrator(with_key: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Appliance:
    template = Appliance(with_key.program, tmp_path_factory.mktemp("operate") / "recnice", key=with_key.key)
    shutil.copytree(with_key.data, template.data)
    made = template.command("admin", "create", "--user-name", "Grace", "--password-stdin", typed=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    return template


@pytest.fixture
def machine(request: pytest.FixtureRequest, with_administrator: Appliance, tmp_path: Path) -> Iterator[Machine]:
    for folder in ("usr/local/bin", "etc/systemd/system", "backup", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    program = with_administrator.program
    words = [sys.executable, SCRIPT] if program[0] == FORKED else program
    release = tmp_path / "recnice-scim-1.0.0-linux-x86_64"
    release.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    release.chmod(0o755)
    (tmp_path / "SHA256SUMS").write_text(f"{sha256(release.read_bytes()).hexdigest()}  {release.name}\n")
    installed = Path(shutil.copy(release, tmp_path / "usr/local/bin/recnice-scim"))
    if request.node.callspec.params["page"].stem == "upgrade":
        installed.write_text(release.read_text() + "# the version before\n")
    data = tmp_path / "var/lib/recnice"
    shutil.copytree(with_administrator.data, data)
    (tmp_path / "etc/systemd/system/recnice-scim.service").write_text(unit_file.unit(Settings(unit_file.DATA)))
    made = Machine(tmp_path, release, Appliance(program, data, key=with_administrator.key))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("page", [page for page in PAGES if lines_to_run(page)], ids=lambda page: page.stem)
def test_each_command_line_works(page: Path, machine: Machine):
    for line in lines_to_run(page):
        machine.run(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_block_is_commands_or_a_file(page: Path):
    for block in blocks(page):
        assert block.language in (*COMMANDS, *FILES), block
        assert block.language or not any(line.startswith(("sudo ", "recnice-scim ")) for line in block.lines), block
        assert block.language != "powershell" or block.reason, "PowerShell does not run here: say why"
    prose = FENCE.sub("", page.read_text("utf-8"))
    assert not re.findall(r"`(?:sudo |recnice-scim [^`]*--data)[^`]*`", prose), "put it into a block, which is run"


def test_each_task_has_its_page():
    tasks = {"install", "reverse-proxy", "backup", "upgrade", "lost-password", "lost-key", "leave"}
    assert tasks <= {page.stem for page in PAGES}
    index = (bundled_files.OPERATE / "index.md").read_text("utf-8")
    for page in PAGES:
        assert page.stem == "index" or f"({page.name})" in index, page.name
