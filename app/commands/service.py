"""This module implements `service`, which installs, upgrades and removes the server as a service of systemd.

See also: app/service (the files and systemd).
"""

import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from app import bounds, data_folder, process
from app.bundled_files import FROZEN
from app.commands.shared.command_group import CommandGroup
from app.commands.shared.options import taking
from app.commands.upgrade_check import executable_at
from app.doctor.running_server import ask
from app.exit_codes import CONFIGURATION, DONE, TRY_AGAIN, USAGE, CommandError, of_system_error
from app.service import installed_files, systemd, unit_file
from app.service.installed_files import InstalledFiles
from app.service.systemd import State
from app.service.unit_file import NAME, Service
from app.settings import DATABASE_NAME, Settings
from app.simulation.own_server import OWN_UNPACKING

THIS_MACHINE = Path("/")
EXIT_CODES = {State.RUNNING: DONE, State.NOT_INSTALLED: CONFIGURATION}


class NotReadyError(CommandError):
    """The service was started, and cannot store changes; the text says why."""


def _account(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not re.fullmatch("[a-z_][a-z0-9_-]{0,30}", name) or name == "root":
        raise click.BadParameter(f"expected the name of an account other than root, got {name[:40]!r}")
    return name


def _folder(_context: click.Context, _parameter: click.Parameter, folder: str) -> Path:
    return Path(os.path.abspath(folder))


def _below_root(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--root`, for the image of another machine."""
    text = "Use the files below this folder, without systemd: for the image of another machine."
    return click.option("--root", metavar="DIR", default="/", callback=_folder, help=text)(command)


def _from_another_file(command: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command that replaces or removes the installed executable from another name of its file.

    A one-file executable reads each module that it imports later from the path at which it was started.
    """

    @functools.wraps(command)
    def run(root: Path, **arguments: Any) -> Any:
        _require_systemd(root)
        if root != THIS_MACHINE or not FROZEN or os.path.realpath(sys.executable) != str(unit_file.EXECUTABLE):
            return command(root=root, **arguments)
        link = unit_file.EXECUTABLE.with_name(f"{NAME}.running")
        with _in_one_line():
            link.unlink(missing_ok=True)
            os.link(unit_file.EXECUTABLE, link)
        try:
            return subprocess.run([link, *sys.argv[1:]], env={**os.environ, **OWN_UNPACKING}, check=False).returncode
        finally:
            link.unlink()

    return run


@click.group(cls=CommandGroup, no_args_is_help=False)
def service() -> None:
    """Run the server as a service of systemd."""


@service.command()
@click.option(
    "--user",
    metavar="NAME",
    default=unit_file.ACCOUNT,
    callback=_account,
    show_default=True,
    help="The account of the server, which is created.",
)
@click.option("--executable", metavar="FILE", default="", help="Install this executable instead of the running one.")
@click.option("--print", "is_printed", is_flag=True, help="Print the unit, and change nothing.")
@_below_root
@taking(default_folder=unit_file.DATA)
def install(settings: Settings, user: str, executable: str, is_printed: bool, root: Path) -> None:
    """Install this executable as a service, and start it. The unit has the options that are given here."""
    text = unit_file.unit(settings, user)
    if is_printed:
        click.echo(text, nl=False)
        return
    if not executable and not FROZEN:
        raise CommandError("expected --executable FILE, since this program runs from source", USAGE)
    source = Path(executable_at(executable) if executable else process.own_program()[0])
    _require_systemd(root)
    files = InstalledFiles(root)
    with _in_one_line():
        is_other = files.has_other_executable(source)
        if is_other and files.unit.exists():
            raise CommandError(f"another executable is installed: {NAME} service upgrade FILE replaces it")
        if is_other or not files.executable.exists():
            new = files.stage(source)
            installed_files.replace(new, files.executable)
            new.unlink()
        files.write(text, unit_file.account_file(user))
        if root != THIS_MACHINE:
            return
        systemd.run("systemd-sysusers", str(files.account))
        if not unit_file.is_made_by_systemd(settings.data):
            systemd.make_folder(settings.data, user)
        systemd.control("daemon-reload")
        installed = Service(user, settings.data)
        try:
            running = _start_again(installed)
        except NotReadyError as error:
            raise NotReadyError(f"installed, but not ready: {error}") from None
        click.echo(f"running: {' '.join(running.urls)}")
        if links := _setup_links(installed):
            click.echo(f"Create the first administrator here (valid once, for one hour):\n{links}")


@service.command()
@_below_root
def status(root: Path) -> int:
    """Print whether the service runs. Exit status 0 if so, 78 if it is not installed, else 75."""
    _require_systemd(root, is_root_needed=False)
    if root == THIS_MACHINE:
        state = systemd.state()
    else:
        state = State.STOPPED if InstalledFiles(root).unit.exists() else State.NOT_INSTALLED
    click.echo(state)
    return EXIT_CODES.get(state, TRY_AGAIN)


@service.command()
@click.argument("file", metavar="FILE")
@_below_root
@_from_another_file
def upgrade(file: str, root: Path) -> None:
    """Replace the executable of the service by FILE, after an upgrade check with it. The former one is kept."""
    source = Path(executable_at(file))
    files = InstalledFiles(root)
    with _in_one_line():
        installed = _installed(files)
        if files.executable.exists() and not files.has_other_executable(source):
            # To replace it by itself would lose the former executable.
            raise CommandError(f"{file}: this executable is installed already: systemctl start {NAME} starts it")
        new = files.stage(source)
        try:
            _check(new, installed, root)
            if root == THIS_MACHINE:
                running = _upgrade(files, new, installed)
                click.echo(f"running: {' '.join(running.urls)}")
            else:
                installed_files.replace(new, files.executable)
        finally:
            new.unlink(missing_ok=True)
    click.echo(f"former executable: {installed_files.previous(files.executable)}")


@service.command()
@_below_root
@_from_another_file
def uninstall(root: Path) -> None:
    """Stop and remove the service and its executable. The data folder and the account are kept."""
    files = InstalledFiles(root)
    with _in_one_line():
        installed = _installed(files)
        if root == THIS_MACHINE:
            systemd.control("stop", NAME)
        files.remove()
        if root == THIS_MACHINE:
            systemd.control("daemon-reload")
    click.echo(f"kept: data folder {installed.data}, account {installed.account}")


def _require_systemd(root: Path, is_root_needed: bool = True) -> None:
    """Raise CommandError unless systemd runs this machine and, if needed, this process is root."""
    if root != THIS_MACHINE:
        return
    if not systemd.is_present():
        raise CommandError("expected a machine that runs systemd (--root DIR changes files only)", CONFIGURATION)
    if is_root_needed and os.geteuid() != 0:
        raise CommandError("expected root: run it with sudo")
    os.umask(0o022)  # the files are for every account to read


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Raise CommandError for a file that cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror or error}", of_system_error(error)) from None


def _installed(files: InstalledFiles) -> Service:
    """Return the installed service. Raises CommandError, OSError."""
    if not files.unit.exists():
        raise CommandError(f"{files.unit}: the service is not installed", CONFIGURATION)
    try:
        return unit_file.read(files.unit.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CommandError(f"{files.unit}: {' '.join(str(error).split())}", CONFIGURATION) from None


def _check(new: Path, installed: Service, root: Path) -> None:
    """Upgrade a copy of the database with the new executable, and print what it says. Raises CommandError."""
    data = root / installed.data.relative_to("/")
    if not (data / DATABASE_NAME).exists():
        return
    account = installed.account if root == THIS_MACHINE else ""
    try:
        text = systemd.run(
            str(new), "upgrade-check", str(new), "--data", str(data), account=account, more=OWN_UNPACKING
        )
    except CommandError as error:
        raise CommandError(f"the executable was not replaced: {error}", error.code) from None
    click.echo(text, nl=False)


def _upgrade(files: InstalledFiles, new: Path, installed: Service) -> data_folder.Holder:
    """Start the service with the new executable. If it does not become ready, return to the former one.

    The former one refuses a database that the new one has upgraded; then the new one stays. No data is restored: that
    would make disabled users active. Raises NotReadyError, CommandError, OSError.
    """
    former = installed_files.previous(files.executable)
    back = functools.partial(installed_files.replace, path=files.executable, is_kept=False)
    try:
        return _start_again(installed, functools.partial(installed_files.replace, new, files.executable))
    except NotReadyError as error:
        failure = str(error)
    try:
        _start_again(installed, functools.partial(back, former))
    except NotReadyError:
        with suppress(CommandError):
            _change(functools.partial(back, new))
        raise NotReadyError(
            f"{failure}; the new executable stays, since the former one, {former}, does not become ready either"
        ) from None
    raise NotReadyError(f"{failure}; the former executable runs again")


def _start_again(installed: Service, change: Callable[[], None] = lambda: None) -> data_folder.Holder:
    """Start the service after a change, and return its server when it can store changes. Raises NotReadyError."""
    try:
        _change(change)
    except CommandError:
        raise NotReadyError(systemd.failure()) from None
    return _wait_until_ready(installed)


def _change(change: Callable[[], None]) -> None:
    """Change something while the service is stopped: a running executable reads its own file. Raises CommandError."""
    systemd.control("stop", NAME)
    try:
        change()
    finally:
        with suppress(CommandError):
            systemd.control("reset-failed", NAME)
        systemd.control("start", NAME)


def _wait_until_ready(installed: Service) -> data_folder.Holder:
    """Return the running server when it can store changes; a migration may take a while. Raises NotReadyError."""
    began = time.monotonic()
    give_up = began + bounds.SERVICE_START_S
    while True:
        if systemd.state() is not State.RUNNING:
            raise NotReadyError(systemd.failure())
        reason, running, most_s = "the server is starting", None, bounds.SERVICE_START_S
        with systemd.acting_as(installed.account), suppress(data_folder.FolderInUseError):
            running = data_folder.server(installed.data, wait_s=0)
            if running is None:
                reason, most_s = "the server does not open its data folder", bounds.SERVICE_OPEN_S
        if running:
            # An older version does not note its address.
            reason = ask(running.address)[0] if running.address else ""
            if not reason:
                return running
            give_up = min(give_up, time.monotonic() + bounds.SERVICE_READY_S)
        if time.monotonic() > min(give_up, began + most_s):
            raise NotReadyError(reason)
        time.sleep(bounds.SERVICE_LOOK_S)


def _setup_links(installed: Service) -> str:
    """Return the setup links, "" where there is an administrator."""
    path = installed.data / data_folder.SETUP_LINK_NAME
    with systemd.acting_as(installed.account), suppress(FileNotFoundError), path.open(encoding="utf-8") as file:
        return file.read(bounds.STATUS_BYTES).strip()
    return ""
