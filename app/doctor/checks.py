"""This module declares the checks of `doctor`, each with the findings that it can have.

See also: app/connection_test (the way from the public URL to the server).
"""

import os
import platform
import ssl
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from app import bounds, clock, data_folder
from app.administration import disk_usage
from app.backup import copies
from app.connection_test import probe_token, prober
from app.connection_test.probes import Advice, Finding
from app.data_folder import Holder
from app.delivery.connections import DeliveryError, HostConnection, connecting
from app.doctor import running_server
from app.settings import DEFAULT, OPTIONS, Settings
from app.store import database_copy
from app.store.database import migration, sqlite_driver
from app.version import VERSION

ADVICE = Advice(
    {
        "setting-invalid": ("failure", "Correct this line."),
        "variable-unknown": ("warning", "Remove {variable}, or correct its name."),
        "settings-differ": ("warning", 'Restart the server, or set public_url = "{url}" in recnice.toml.'),
        "owner-other": ("failure", "chown {owner} {path}"),
        "mode-open": ("warning", "chmod go= {path}"),
        "not-writable": ("failure", "chmod u+rwX {path}"),
        "not-readable": ("failure", "Run doctor as the user of the service."),
        "clock-back": ("warning", "Set the clock, and let chrony or systemd-timesyncd keep it."),
        "clock-differs": ("warning", "Let chrony or systemd-timesyncd set the clocks of both machines."),
        "disk-low": ("warning", "Free disk space, or move the data folder to a larger disk."),
        "inodes-low": ("warning", "Delete small files on this disk."),
        "database-missing": ("failure", "Restore a backup, or start the server for a new folder."),
        "database-damaged": ("failure", "Restore the newest backup."),
        "database-newer": ("failure", "Install the newer executable."),
        "database-older": ("warning", "Start the server: it upgrades the database after a backup."),
        "wal-large": ("warning", "End the program that keeps an old state of the database open."),
        "sqlite-old": ("warning", "Use the executable, which has a newer SQLite."),
        "backups-not-writable": ("failure", "chown {path}, or set backup_folder in recnice.toml."),
        "backup-missing": ("warning", "recnice-scim backup --data {path}"),
        "backup-old": ("warning", "Read the page Backups for the reason, and set backup_daily."),
        "server-stopped": ("failure", "sudo systemctl start recnice-scim"),
        "server-not-ready": ("failure", "Read the log of the server: journalctl -u recnice-scim."),
        "server-warns": ("warning", "Open Status in the console: it says what to do."),
        "label-of-home": ("failure", "Move the folder to /var/lib/recnice, and run restorecon -R {path}"),
        "ca-file": ("failure", "Correct ca_file in recnice.toml."),
    }
)

_SELINUX = Path("/sys/fs/selinux/enforce")
_LABEL = "security.selinux"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked. `server` is the running server, None if it is stopped; `url` the public URL to test."""

    settings: Settings
    server: Holder | None
    url: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """A check with the function that yields its findings."""

    name: str
    title: str
    find: Callable[[Subject], Iterator[Finding]]


def _settings(subject: Subject) -> Iterator[Finding]:
    """Values and unknown keys of recnice.toml are refused before; unknown environment variables are not."""
    known = {one.environment for one in OPTIONS} | {"RECNICE_DEBUG"}
    for name in sorted(subject.environment):
        if name.startswith("RECNICE_") and name not in known:
            yield ADVICE.finding("variable-unknown", f"{name} is no setting", variable=name)
    server, own = subject.server, subject.settings
    is_chosen = own.origins.get("public_url", DEFAULT) != DEFAULT  # otherwise it follows listen, which may be a flag
    if server and is_chosen and server.public_url != own.public_url:
        text = f"the running server has public_url {server.public_url}, this command {own.public_url}"
        yield ADVICE.finding("settings-differ", text, url=server.public_url)


def _permissions(subject: Subject) -> Iterator[Finding]:
    if os.name != "posix":
        return
    folder = subject.settings.data
    owner = folder.stat().st_uid
    for path in (folder, *sorted(folder.iterdir())):
        own = path == folder or path.name.startswith(data_folder.OWN_BEGINNINGS)
        try:
            facts = path.lstat()
        except FileNotFoundError:
            continue  # SQLite removes its files
        if own and facts.st_uid != owner:
            text = f"{path} belongs to user {facts.st_uid}, the data folder to {owner}"
            yield ADVICE.finding("owner-other", text, owner=owner, path=path)
        if own and not stat.S_ISLNK(facts.st_mode) and facts.st_mode & 0o077:
            text = f"{path} is open to others (mode {stat.S_IMODE(facts.st_mode):04o})"
            yield ADVICE.finding("mode-open", text, path=path)
        wanted = stat.S_IRWXU if path == folder else stat.S_IRUSR | stat.S_IWUSR
        if own and facts.st_mode & wanted != wanted:
            yield ADVICE.finding("not-writable", f"its owner cannot write {path}", path=path)


def _clock(subject: Subject) -> Iterator[Finding]:
    now = clock.utc_now()
    slack = timedelta(seconds=bounds.CLOCK_BACK_S)
    with suppress(FileNotFoundError):
        ahead_s = subject.settings.database.stat().st_mtime - now.timestamp()  # may be a year that datetime has not
        if ahead_s > bounds.CLOCK_BACK_S:
            yield ADVICE.finding("clock-back", f"the database was written {ahead_s:,.0f} seconds in the future")
    if (date := _date_of(subject.url)) and abs(date - now) > slack:
        text = f"the public URL says {clock.to_wire(date)}, this machine {clock.to_wire(now)}"
        yield ADVICE.finding("clock-differs", text)


def _date_of(url: str) -> datetime | None:
    """Return the Date of the answer at a URL, whatever the answer is; None if nothing answers."""
    public = urlsplit(url)
    host, context = public.hostname or "", None
    if public.scheme == "https":
        context = ssl._create_unverified_context()  # noqa: S323  # a certificate can be refused because of the clock
    try:
        with (
            connecting(host, None) as connections,
            closing(HostConnection(host, public.port, connections, context)) as connection,
        ):
            connection.request("HEAD", f"{public.path}/healthz")
            date = parsedate_to_datetime(connection.getresponse().getheader("Date") or "")
            # A date with -0000 has no time zone; an offset can leave the years that there are.
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (DeliveryError, OverflowError):
        return None  # the check of the public URL says why


def _disk(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    storage = disk_usage.storage(settings.database, settings.requests_database)
    if storage.is_low:
        text = f"{storage.free_bytes // 2**20:,} MiB are free on the disk of {settings.data}"
        yield ADVICE.finding("disk-low", text)
    if hasattr(os, "statvfs"):
        facts = os.statvfs(settings.data)
        if facts.f_files and facts.f_favail < bounds.INODES_LOW:
            text = f"{facts.f_favail:,} inodes are free on the disk of {settings.data}"
            yield ADVICE.finding("inodes-low", text)


def _database(subject: Subject) -> Iterator[Finding]:
    path = subject.settings.database
    if not path.is_file():
        yield ADVICE.finding("database-missing", f"{path} does not exist")
        return
    try:
        with closing(sqlite_driver.module.connect(sqlite_driver.existing_address(path), uri=True)) as connection:
            lines = [line for (line,) in connection.execute("PRAGMA quick_check(5)") if line != "ok"]
        step = database_copy.read_contents(path).step
    except sqlite_driver.ERRORS as error:
        lines, step = [str(sqlite_driver.reason(error) or error)], ""
    for line in lines:
        yield ADVICE.finding("database-damaged", f"{path}: {line}")
    steps = migration.known_steps()
    if step and step not in steps:
        yield ADVICE.finding("database-newer", f"{path} is of a newer version (step {step})")
    elif step and step != max(steps):
        yield ADVICE.finding("database-older", f"{path} is of an older version (step {step})")
    if disk_usage.wal_bytes(path) > bounds.WAL_BYTES:
        text = f"{path}-wal has {disk_usage.wal_bytes(path) // 2**20:,} MiB"
        yield ADVICE.finding("wal-large", text)


def _versions(subject: Subject) -> Iterator[Finding]:
    if warning := sqlite_driver.version_warning():
        yield ADVICE.finding("sqlite-old", warning)


def _backups(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    newest = copies.newest(settings)
    folder = settings.backups
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
        yield ADVICE.finding("backups-not-writable", f"{folder} cannot be written", path=folder)
    if newest is None:
        text = f"there is no verified backup in {folder}"
        yield ADVICE.finding("backup-missing", text, path=settings.data)
        return
    age = clock.utc_now() - datetime.fromisoformat(newest.made)
    if age > timedelta(seconds=bounds.BACKUP_AGE_S):
        text = f"the newest verified backup is {age.days} days old: {newest.path}"
        yield ADVICE.finding("backup-old", text)


def _server(subject: Subject) -> Iterator[Finding]:
    if subject.server is None:
        yield ADVICE.finding("server-stopped", "no server uses this data folder")
        return
    reason, warnings = running_server.ask(subject.server.address)
    if reason:
        yield ADVICE.finding("server-not-ready", reason)
    for name, text in warnings.items():
        yield ADVICE.finding("server-warns", f"{name}: {text}")


def _labels(subject: Subject) -> Iterator[Finding]:
    """SELinux refuses a service an executable and data with the label of home folders."""
    with suppress(OSError):
        if _SELINUX.read_text().strip() != "1":
            return
        label = os.getxattr(subject.settings.data, _LABEL).decode(errors="replace").rstrip("\0")
        if "user_home" in label or "user_tmp" in label:
            text = f"{subject.settings.data} has the SELinux label {label}, which services cannot use"
            yield ADVICE.finding("label-of-home", text, path=subject.settings.data)


def _public_url(subject: Subject) -> Iterator[Finding]:
    if subject.server is None:
        yield ADVICE.finding("server-stopped", f"{subject.url} was not tested: no server uses this data folder")
        return
    token = probe_token.make(data_folder.secret(subject.settings.data))
    try:
        yield from prober.find(subject.url, token, subject.settings.ca_file)
    except DeliveryError as error:
        yield ADVICE.finding("ca-file", str(error))


CHECKS = (
    Check("settings", "Settings and environment variables", _settings),
    Check("permissions", "Owner and permissions of the data folder", _permissions),
    Check("clock", "Clock, compared with the database and the public URL", _clock),
    Check("disk", "Free space and inodes", _disk),
    Check("database", "Database: structure, version, WAL", _database),
    Check("versions", "Versions", _versions),
    Check("backups", "Backups: age and folder", _backups),
    Check("server", "Running server, asked at its own address", _server),
    Check("labels", "SELinux label of the data folder", _labels),
    Check("public-url", "Public URL from this machine: DNS, TLS, reverse proxy", _public_url),
)
BY_NAME = {check.name: check for check in CHECKS}


def versions() -> str:
    """Return the versions in one line."""
    parts = (
        f"recnice-scim {VERSION}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite_driver.sqlite_version()}",
    )
    return ", ".join((*parts, ssl.OPENSSL_VERSION))
