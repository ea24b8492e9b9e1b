"""The service of systemd: its unit by systemd-analyze, its files below a folder that stands for a machine.

See also: tests/faults/test_service.py (systemd itself).
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app import bounds, data_folder
from app.cli import main
from app.commands.service import NotReadyError, _wait_until_ready
from app.exit_codes import CommandError
from app.service import systemd, unit_file
from app.settings import Settings
from tests.needed import need

EXPOSURE = 20  # by systemd-analyze, in tenths: it calls a service without confinement 96
UNIT = "etc/systemd/system/recnice-scim.service"
EXECUTABLE = "usr/local/bin/recnice-scim"
TARGETS = ("basic", "multi-user", "network-online", "shutdown", "sysinit")  # which every machine has
ODD = '/srv/a b%c$d"e\\f'
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    return tmp_path / "machine"


@pytest.fixture
def service(machine: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `service` on the machine; returns the status, the output and the error."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        status = main(["service", *map(str, words), "--root", str(machine)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    path = tmp_path / "first"
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o700)
    return path


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    need(program, "systemd")
    return subprocess.run([str(program), *words], capture_output=True, text=True, check=False)


def test_the_unit_is_valid_and_confines_the_server(machine: Path, service: Run, executable: Path) -> None:
    flags = ("--data", ODD, "--backup-folder", "/srv/copies", "--trusted-proxy", "192.0.2.0/24", "--no-one-cpu")
    units = (machine / UNIT).parent
    units.mkdir(parents=True)
    for name in TARGETS:
        (units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    for more in (flags, ()):
        assert service("install", "--executable", executable, *more)[0] == 0
        checked = analyze("verify", "--man=no", "--root", machine, "recnice-scim.service")
        assert (checked.returncode, checked.stderr) == (0, "")
    rated = analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", machine / UNIT)
    assert rated.returncode == 0, rated.stdout


def test_the_unit_has_the_options_that_are_given(machine: Path, service: Run) -> None:
    words = ("--data", ODD, "--user", "scim", "--backup-folder", "/srv/copies", "--no-one-cpu")
    proxies = ("--trusted-proxy", "192.0.2.0/24", "--trusted-proxy", "2001:db8::/32")
    status, text, _ = service("install", "--print", *words, *proxies, "--listen", "[::1]:7644")
    assert status == 0 and not machine.exists(), "only printed"
    assert unit_file.read(text) == unit_file.Service("scim", Path(ODD))
    lines = text.splitlines()
    assert (
        'ExecStart=/usr/local/bin/recnice-scim serve --data "/srv/a b%%c$$d\\"e\\\\f" --listen "[::1]:7644" '
        "--trusted-proxy 192.0.2.0/24 --trusted-proxy 2001:db8::/32 --backup-folder /srv/copies --no-one-cpu"
    ) in lines
    assert [line for line in lines if line.startswith(("ReadWritePaths=", "StateDirectory"))] == [
        'ReadWritePaths="/srv/a b%%c$d\\"e\\\\f"',
        "ReadWritePaths=/srv/copies",
    ]
    plain = service("install", "--print", "--data", "/var/lib/scim/data")[1].splitlines()
    assert "StateDirectory=scim/data" in plain and not any(line.startswith("ReadWritePaths") for line in plain)
    assert unit_file.read("[Service]\nUser=own\nExecStart=/opt/x serve") == unit_file.Service("own", unit_file.DATA)
    written = unit_file.read("[Service]\nUser=\nExecStart=/opt/x serve --data=/srv/x\n")
    assert written == unit_file.Service(unit_file.ACCOUNT, Path("/srv/x")), "never root"
    assert service("install", "--print", "--threads", "many")[0] == 2
    for name in ("root", "a b", "-x", ""):
        assert service("install", "--print", "--user", name)[0] == 2


def test_files_are_installed_kept_and_removed(machine: Path, service: Run, executable: Path) -> None:
    assert service("status") == (78, "not installed\n", "")
    status, _, error = service("uninstall")
    assert status == 78 and error == f"recnice-scim: {machine / UNIT}: the service is not installed\n"
    assert service("install", "--executable", executable) == (0, "", "")
    assert service("status") == (75, "stopped\n", "")
    installed = machine / EXECUTABLE
    assert installed.read_bytes() == executable.read_bytes() and installed.stat().st_mode & 0o777 == 0o755
    assert (machine / UNIT).read_text() == unit_file.unit(Settings(unit_file.DATA))
    link = machine / "etc/systemd/system/multi-user.target.wants/recnice-scim.service"
    assert link.resolve() == machine / UNIT
    account = machine / "etc/sysusers.d/recnice-scim.conf"
    assert account.read_text() == 'u recnice - "Recnice SCIM" /var/lib/recnice\n'
    assert service("install", "--executable", executable, "--listen", "127.0.0.1:8000")[0] == 0
    assert "--listen 127.0.0.1:8000" in (machine / UNIT).read_text()
    assert "--listen" not in (machine / f"{UNIT}.previous").read_text()
    executable.write_text("#!/bin/sh\nexit 2\n")
    status, _, error = service("install", "--executable", executable)
    assert status == 1 and "recnice-scim service upgrade FILE replaces it" in error
    assert not list(machine.rglob("*.new")) and not list(machine.rglob("*.link"))
    (machine / "var/lib/recnice").mkdir(parents=True)
    assert service("uninstall") == (0, "kept: data folder /var/lib/recnice, account recnice\n", "")
    assert [path for path in machine.rglob("*") if not path.is_dir()] == []
    assert (machine / "var/lib/recnice").exists()


def test_an_executable_is_replaced_after_a_check_on_a_copy(
    machine: Path, service: Run, executable: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    newer.write_text('#!/bin/sh\necho "$*"\n')
    newer.chmod(0o755)
    assert service("upgrade", newer)[0] == 78, "not installed"
    assert service("install", "--executable", executable)[0] == 0
    installed, former = machine / EXECUTABLE, machine / f"{EXECUTABLE}.previous"
    assert service("upgrade", newer) == (0, f"former executable: {former}\n", ""), "there is nothing to check"
    assert service("upgrade", executable) == (0, f"former executable: {former}\n", "")
    replaced, data = installed.read_bytes(), machine / "var/lib/recnice"
    data.mkdir(parents=True)
    (data / "recnice.sqlite3").touch(0o600)
    executable.write_text("#!/bin/sh\necho 'recnice-scim: the disk is full' >&2\nexit 75\n")
    line = "recnice-scim: the executable was not replaced: the disk is full\n"
    assert service("upgrade", executable) == (75, "", line)
    assert (installed.read_bytes(), former.read_bytes()) == (replaced, newer.read_bytes())
    check = f"upgrade-check {installed}.new --data {data}"
    assert service("upgrade", newer) == (0, f"{check}\nformer executable: {former}\n", "")
    assert (installed.read_bytes(), former.read_bytes()) == (newer.read_bytes(), replaced)
    assert not list(machine.rglob("*.new")) and not list(machine.rglob("*.partial"))
    assert service("upgrade", data / "recnice.sqlite3")[0] == 2, "no executable file"
    status, _, error = service("upgrade", newer)
    assert status == 1 and "this executable is installed already" in error
    assert former.read_bytes() == replaced, "it would have been replaced by the one that replaced it"
    (data / "recnice.sqlite3").unlink()
    staged = machine / f"{EXECUTABLE}.new"  # as a killed upgrade leaves it
    shutil.copy(executable, staged)
    assert service("upgrade", staged)[0] == 0 and installed.read_bytes() == executable.read_bytes()


@pytest.mark.parametrize(
    "unit", [b"\xff", b'[Service]\nExecStart=/x serve --data "/srv\n', b"[Service]\nExecStart=/x serve --data srv\n"]
)
def test_a_unit_that_cannot_be_read_is_named(machine: Path, service: Run, executable: Path, unit: bytes) -> None:
    (machine / UNIT).parent.mkdir(parents=True)
    (machine / UNIT).write_bytes(unit)
    status, _, error = service("upgrade", executable)
    assert status == 78 and error.startswith(f"recnice-scim: {machine / UNIT}: ") and not list(machine.rglob("*.new"))


def test_a_server_that_never_opens_its_folder_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "state", lambda: systemd.State.RUNNING)
    monkeypatch.setattr(bounds, "SERVICE_OPEN_S", -1)
    installed = unit_file.Service(pwd.getpwuid(os.geteuid()).pw_name, tmp_path)
    with pytest.raises(NotReadyError, match="the server does not open its data folder"):
        _wait_until_ready(installed)
    monkeypatch.setattr(bounds, "SERVICE_START_S", -1)
    with data_folder.hold(tmp_path, "serve"), pytest.raises(NotReadyError, match="the server is starting"):
        _wait_until_ready(installed)


def test_what_cannot_be_installed_is_refused_in_one_line(
    machine: Path, executable: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(*words: str) -> tuple[int, str]:
        return main(["service", *words]), capsys.readouterr().err

    install = ("install", "--executable", str(executable))
    assert refusal("install", "--root", str(machine)) == (
        2,
        "recnice-scim: expected --executable FILE, since this program runs from source\n",
    )
    monkeypatch.setattr(systemd, "is_present", lambda: False)
    line = "recnice-scim: expected a machine that runs systemd (--root DIR changes files only)\n"
    for words in (install, ("uninstall",), ("status",), ("upgrade", "/bin/sh")):
        assert refusal(*words) == (78, line)
    monkeypatch.setattr(systemd, "is_present", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for words in (install, ("uninstall",), ("upgrade", "/bin/sh")):
        assert refusal(*words) == (1, "recnice-scim: expected root: run it with sudo\n")
    machine.write_text("in the way")
    status, text = refusal(*install, "--root", str(machine))
    assert status == 78 and text.startswith(f"recnice-scim: {machine}/usr") and text.endswith(": Not a directory\n")


def test_programs_and_files_under_the_account(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="account none-of-that-name: no such account"):
        systemd.run("id", account="none-of-that-name")
    with pytest.raises(CommandError, match="no-such-program: no such program"):
        systemd.run("no-such-program")
    own = pwd.getpwuid(os.geteuid()).pw_name
    with systemd.acting_as(own):
        assert systemd.run("id", "-un") == f"{own}\n"
    (tmp_path / "program").touch(0o644)
    with pytest.raises(CommandError, match="program: this account cannot run it: Permission denied"):
        systemd.run(str(tmp_path / "program"))
    # Only root can act as another account, and only where others may open the root folder.
    if os.geteuid() == 0 and Path("/").stat().st_mode & 0o001:
        nobody = pwd.getpwnam("nobody")
        assert systemd.run("id", "-u", account="nobody") == f"{nobody.pw_uid}\n"
        assert systemd.run("id", "-G", account="nobody") == f"{nobody.pw_gid}\n"
        (tmp_path / "secret").touch(0o600)
        with systemd.acting_as("nobody"), pytest.raises(PermissionError):
            (tmp_path / "secret").read_bytes()
        assert (os.geteuid(), os.getegid()) == (0, 0)
        systemd.make_folder(tmp_path / "made", "nobody")
        status = (tmp_path / "made").stat()
        assert (status.st_uid, status.st_mode & 0o777) == (nobody.pw_uid, 0o700)
