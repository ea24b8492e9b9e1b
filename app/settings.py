"""This module declares the options and reads their values, each with its origin.

The order of precedence is: flag, environment variable, `recnice.toml` in the data folder, console, default. Settings
contain no secrets. See also: app/administration/console_settings.py (what the console sets).
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from app import bounds
from app import option_values as values
from app.exit_codes import CONFIGURATION, USAGE, CommandError
from app.ip_addresses import Network

FILE_NAME = "recnice.toml"
DATABASE_NAME = "recnice.sqlite3"
REQUESTS_NAME = "recnice-requests.sqlite3"
FLAG, ENVIRONMENT, FILE, CONSOLE, DEFAULT = "flag", "environment", "file", "console", "default"
EVERY_ADDRESS = ("0.0.0.0", "::")

_KEY = re.compile(r"""^[ \t]*\[*((?:"[^"\n]*"|'[^'\n]*'|[^=#,"'\n])*)""", re.MULTILINE)


class SettingsError(CommandError):
    """An invalid value. The text is one line: where the value was set, what was expected and what was received."""

    code = CONFIGURATION


class InConsole(NamedTuple):
    """How the Settings page has an option: its section and title.

    `at_once`: a new value takes effect without a restart. `may_lock_out`: a wrong one can keep Entra and browsers out.
    """

    section: str
    title: str
    at_once: bool = False
    may_lock_out: bool = False


class InvalidValuesError(ValueError):
    """Values of the console are not valid. `errors` has a sentence for each, by the name of its option."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Option:
    """The declaration of one option. `parse` takes text or a TOML value, or raises ValueError(what it expects).

    `default` is also parsed, except None: then the value follows from other settings, and `shown_default` describes
    it. An option without a metavar is a switch; an option with `many` may be repeated. `console` None: the console may
    not set it, since it names a file, an address to listen on, or protects from owners.
    """

    default: Any
    parse: Callable[[object], Any]
    metavar: str
    help: str
    shown_default: str = ""
    many: bool = False
    in_file: bool = True
    name: str = ""
    console: InConsole | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The values, if they are few words; () for any other option."""
        if not self.metavar:
            return "true", "false"
        is_choice = isinstance(self.parse, partial) and self.parse.func is values.read_choice
        return tuple(self.parse.args[0]) if is_choice else ()  # type: ignore[attr-defined]

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def environment(self) -> str:
        return "RECNICE_" + self.name.upper()

    @property
    def default_text(self) -> str:
        """The default as the help displays it; "" if there is none."""
        return self.shown_default or as_text(self.default)


def option(*terms: Any, **more: Any) -> Any:
    """Declare a field of Settings as an option, with the arguments of Option. Its name is the name of the field."""
    declared = Option(*terms, **more)
    return field(
        default_factory=lambda: declared.default and declared.parse(declared.default), metadata={"option": declared}
    )


class Threads(NamedTuple):
    """The numbers of requests that run at the same time: those that only read, and those that may write."""

    reading: int
    writing: int

    @classmethod
    def of(cls, threads: int) -> "Threads":
        """Divide the threads, so that waiting writers never block readers. At least two threads read."""
        return cls(reading=max(2, threads - threads // 2), writing=max(1, threads // 2))


@dataclass(frozen=True)
class Settings:
    """All options with their values; the only declaration of options. `origins` has the origin of each value.

    `data` is absolute; `public_url` has no trailing slash.
    """

    data: Path = option(
        "./recnice-data", values.read_folder, "DIR", "The data folder: database, settings file, lock.", in_file=False
    )
    listen: tuple[str, int] = option(
        "127.0.0.1:7644", values.read_listen, "HOST:PORT", "Where to listen; port 0 takes a free one."
    )
    public_url: str = option(
        None,
        values.read_public_url,
        "URL",
        "The address that people and Entra use, with its path.",
        "http://HOST:PORT",
        console=InConsole("Address", "Public URL", may_lock_out=True),
    )
    trusted_proxy: tuple[Network, ...] = option(
        (),
        values.read_networks,
        "CIDR",
        "A reverse proxy whose forwarded headers are believed.",
        many=True,
        console=InConsole("Address", "Trusted proxies", may_lock_out=True),
    )
    ca_file: Path | None = option(
        None, values.read_file, "FILE", "Certificate authorities (PEM) that are trusted in addition to the usual ones."
    )
    threads: int = option(
        16,
        partial(values.read_number, bounds.THREADS_MAXIMUM),
        "N",
        "Requests worked on at the same time; half of them may write.",
    )
    cursor_paging: bool = option(True, values.read_switch, "", "Offer cursor paging (RFC 9865) and paging by index.")
    request_days: int = option(
        30,
        partial(values.read_number, bounds.RETENTION_DAYS_MAXIMUM, least=0),
        "DAYS",
        "How long requests are kept in the log; 0: until there are too many.",
        console=InConsole("Retention", "Days of the request log"),
    )
    history_days: int = option(
        0,
        partial(values.read_number, bounds.RETENTION_DAYS_MAXIMUM, least=0),
        "DAYS",
        "How long the history of users and groups is kept; 0: for ever.",
        "0",
        console=InConsole("Retention", "Days of the history", at_once=True),
    )
    audit_days: int = option(
        0,
        partial(values.read_number, bounds.RETENTION_DAYS_MAXIMUM, least=0),
        "DAYS",
        "How long entries of the audit are kept, before a summary replaces them; 0: for ever.",
        "0",
    )
    backup_at: time = option(
        "02:30",
        values.read_wall_time,
        "HH:MM",
        "When the nightly backup is made, in the time zone below.",
        console=InConsole("Backups", "Time of the nightly backup", at_once=True),
    )
    time_zone: str = option(
        "",
        values.read_time_zone,
        "ZONE",
        "The time zone of scheduled jobs, such as Europe/Berlin.",
        "that of the system",
        console=InConsole("Backups", "Time zone", at_once=True),
    )
    keep_deleted_days: int = option(
        30,
        partial(values.read_number, bounds.DELETED_DAYS_MAXIMUM, least=0),
        "DAYS",
        "How long deleted users and groups can be put back; 0 keeps them without a limit.",
        console=InConsole("Retention", "Days of deleted users and groups", at_once=True),
    )
    log_file: Path | None = option(
        None,
        values.read_file,
        "FILE",
        "Write log events into this file, of which ten parts of 10 MiB are kept.",
        "standard error",
    )
    log_format: str = option(
        "json", partial(values.read_choice, ("json", "text")), "FORMAT", "The form of log events: json or text."
    )
    log_level: str = option(
        "info",
        partial(values.read_choice, ("info", "warning", "error")),
        "LEVEL",
        "The least level of log events: info, warning or error.",
        console=InConsole("Log", "Level of log events", at_once=True),
    )
    metrics_listen: tuple[str, int] | None = option(
        None,
        values.read_metrics_listen,
        "PORT",
        "Serve /metrics for Prometheus here: PORT, of 127.0.0.1, or HOST:PORT.",
        "off",
    )
    backup_folder: Path | None = option(
        None, values.read_file, "DIR", "Where backups are written, such as a folder on another disk.", "DIR/backups"
    )
    backup_daily: int = option(
        7,
        partial(values.read_number, bounds.BACKUPS_MAXIMUM, least=0),
        "DAYS",
        "Of how many days the nightly backup is kept; 0 for no such rule.",
        console=InConsole("Backups", "Days with a nightly backup", at_once=True),
    )
    backup_weekly: int = option(
        4,
        partial(values.read_number, bounds.BACKUPS_MAXIMUM, least=0),
        "WEEKS",
        "Of how many weeks the last nightly backup is kept; 0 for no such rule.",
        console=InConsole("Backups", "Weeks with a nightly backup", at_once=True),
    )
    backup_recent_mb: int = option(
        2_048,
        partial(values.read_number, bounds.RECENT_BACKUPS_MIB_MAXIMUM, least=0),
        "MIB",
        "How much room the backups of the last day may take together; 0 makes none.",
        console=InConsole("Backups", "Room for backups after changes (MiB)", at_once=True),
    )
    backup_public_key: str = option(
        "",
        values.read_age_key,
        "KEY",
        "Encrypt backups outside of the data folder to this public key of age.",
        "no encryption",
    )
    one_cpu: bool = option(
        hasattr(os, "sched_setaffinity"),
        values.read_switch,
        "",
        "Stay on one processor: faster (Linux only).",
        "true on Linux",
    )
    network_folder: bool = option(
        False, values.read_switch, "", "Accept a data folder on a network file system, where SQLite can lose data."
    )
    guard_people: int = option(
        20,
        partial(values.read_number, bounds.GUARD_LIMIT_MAXIMUM, least=0),
        "N",
        "Users disabled or deleted in a day, or in one sync, above which the guard raises an alarm; 0 is never.",
        console=InConsole("Guard", "Users removed"),
    )
    guard_people_percent: int = option(
        5,
        partial(values.read_number, 100, least=0),
        "N",
        "The same in percent of the active users: the greater of both counts; 0 is the number alone.",
        console=InConsole("Guard", "Users removed (percent)"),
    )
    guard_members: int = option(
        20,
        partial(values.read_number, bounds.GUARD_LIMIT_MAXIMUM, least=0),
        "N",
        "Members that one group loses in that time, above which the guard raises an alarm; 0 is never.",
        console=InConsole("Guard", "Members removed"),
    )
    guard_members_percent: int = option(
        50,
        partial(values.read_number, 100, least=0),
        "N",
        "The same in percent of the group's members: the greater of both counts; 0 is the number alone.",
        console=InConsole("Guard", "Members removed (percent)"),
    )
    guard_learning_days: int = option(
        7,
        partial(values.read_number, bounds.GUARD_LEARNING_DAYS_MAXIMUM, least=0),
        "DAYS",
        "How long after Entra's first change the guard only counts; 0 is not at all.",
        console=InConsole("Guard", "Days of learning"),
    )
    alert_no_contact_hours: int = option(
        24,
        partial(values.read_number, bounds.NO_CONTACT_HOURS_MAXIMUM, least=0),
        "HOURS",
        "Alert when Entra has sent nothing for so long and usually does; 0 turns this alert off.",
        console=InConsole("Alerts", "Hours without Entra", at_once=True),
    )
    alert_loopback: bool = option(
        False, values.read_switch, "", "Let the webhook of alerts and the heartbeat URL be on this host."
    )
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not self.public_url:
            object.__setattr__(self, "public_url", url_of(self.listen))

    @property
    def makes_nightly_backups(self) -> bool:
        """Whether any rule keeps a nightly backup; without one, none is made."""
        return bool(self.backup_daily or self.backup_weekly)

    @property
    def base_path(self) -> str:
        """The path of the public URL: "" or "/x/y"."""
        return urlsplit(self.public_url).path

    @property
    def scim_base(self) -> str:
        """The base URL of SCIM, which precedes `/Users/…` in every location."""
        return self.public_url + "/scim"

    @property
    def tenant_url(self) -> str:
        """The value for Entra's field *Tenant URL*."""
        return self.scim_base + "/"

    @property
    def database(self) -> Path:
        return self.data / DATABASE_NAME

    @property
    def requests_database(self) -> Path:
        """The path of the request log. It is a separate file, whose loss does not affect identity data."""
        return self.data / REQUESTS_NAME

    @property
    def schemas(self) -> Path:
        """The folder of custom schemas; it need not exist."""
        return self.data / "schemas"

    @property
    def own_backups(self) -> Path:
        """The folder of backups within the data folder, which has those before an upgrade; it need not exist."""
        return self.data / "backups"

    @property
    def backups(self) -> Path:
        """The folder of all other backups; it need not exist."""
        return self.backup_folder or self.own_backups

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    def on_port(self, port: int) -> "Settings":
        """Return these settings with the port that the system chose for port 0."""
        follows = self.origins.get("public_url", DEFAULT) == DEFAULT
        return replace(self, listen=(self.listen[0], port), public_url="" if follows else self.public_url)

    def with_console(self, stored: Mapping[str, str]) -> tuple["Settings", list[str]]:
        """Return these settings with the values that the console has set, and a sentence for each that is not valid.

        `stored` maps names of options to text. A value of flag, environment or file remains.
        """
        read: dict[str, Any] = {}
        invalid = []
        for one in CONSOLE_OPTIONS:
            if one.name in stored and self.origins.get(one.name, DEFAULT) in (CONSOLE, DEFAULT):
                try:
                    read[one.name] = one.parse(stored[one.name])
                except ValueError as error:
                    invalid.append(f"{one.name}: the value of the console is ignored: expected {error}")
        return replace(self, **read, origins={**self.origins, **dict.fromkeys(read, CONSOLE)}), invalid

    def following(self, stored: Mapping[str, str]) -> "Settings":
        """Return the settings of the next start, if flags and environment stay as they are.

        They have the values that the settings file has now, and `stored` as for `with_console`. Raises SettingsError.
        """
        kept = [name for name, origin in self.origins.items() if origin in (FLAG, ENVIRONMENT)]
        read = load({name: as_text(getattr(self, name)) for name in {*kept, "data"}}, {})
        origins = {**read.origins, **{name: self.origins[name] for name in kept}}
        read, _ = replace(read, origins=origins).with_console(stored)
        return read if read.listen[1] else read.on_port(self.listen[1])

    def changed_by(self, following: "Settings") -> list[str]:
        """Return the names of the options that have another value after the next start."""
        return [one.name for one in OPTIONS if getattr(self, one.name) != getattr(following, one.name)]

    def with_values_at_once(self, following: "Settings") -> "Settings":
        """Return these settings with what takes effect without a restart."""
        names = [one.name for one in CONSOLE_OPTIONS if one.console and one.console.at_once]
        origins = {**self.origins, **{name: following.origins[name] for name in names}}
        return replace(self, **{name: getattr(following, name) for name in names}, origins=origins)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, value as text, and origin of every option."""
        for one in OPTIONS:
            yield one.name, as_text(getattr(self, one.name)) or "none", self.origins.get(one.name, DEFAULT)


def options_of(settings: type[Settings]) -> tuple[Option, ...]:
    """Return the options that a class declares, in order of declaration."""
    return tuple(replace(one.metadata["option"], name=one.name) for one in fields(settings) if one.metadata)


OPTIONS = options_of(Settings)
CONSOLE_OPTIONS = tuple(one for one in OPTIONS if one.console)
"""The options that the console may set."""


def console_changes(entered: Mapping[str, str], following: Settings) -> Mapping[str, str]:
    """Return the new values of options as text; "" for the default.

    `entered` maps names to what was typed; options that flag, environment or file set are left out, and so are those
    that the console may not set. `following`: what the next start has without the change. Raises InvalidValuesError.
    """
    changes, errors = {}, {}
    for one in CONSOLE_OPTIONS:
        origin = following.origins[one.name]
        if one.name not in entered or origin not in (CONSOLE, DEFAULT):
            continue
        typed = entered[one.name].strip()
        if not typed:
            if origin == CONSOLE:
                changes[one.name] = ""
            continue
        try:
            if len(typed) > bounds.SETTING_LENGTH:
                raise ValueError(f"at most {bounds.SETTING_LENGTH} characters")
            value = as_text(one.parse(typed))
        except ValueError as error:
            errors[one.name] = f"Expected {error}."
        else:
            if value != as_text(getattr(following, one.name)):
                changes[one.name] = value
    if errors:
        raise InvalidValuesError(errors)
    return changes


def url_of(listen: tuple[str, int]) -> str:
    """Return the URL by which this host reaches a listening socket: the loopback address for "0.0.0.0" and "::"."""
    return f"http://{as_text(({'0.0.0.0': '127.0.0.1', '::': '::1'}.get(listen[0], listen[0]), listen[1]))}"


def as_text(value: object) -> str:
    """Return a parsed value as text that can be parsed again."""
    match value:
        case None:
            return ""
        case True | False:
            return str(value).lower()
        case (str(host), int(port)):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case time():
            return value.isoformat("minutes")
        case tuple():
            return ", ".join(str(part) for part in value)
    return str(value)


def load(flags: Mapping[str, object], environ: Mapping[str, str], has_file: bool = True) -> Settings:
    """Return the settings from flags, environment variables and the settings file of the folder. Raises SettingsError.

    `flags` maps option names to text; None and () mean not set. An empty environment variable counts as not set.
    Without `has_file`, the settings file is not read.
    """
    read: dict[str, Any] = {}
    origins: dict[str, str] = {}
    file: Mapping[str, object] = {}
    for one in OPTIONS:
        value = flags.get(one.name)
        if value is not None and value != ():
            origin, where = FLAG, one.flag
        elif value := environ.get(one.environment):
            origin, where = ENVIRONMENT, one.environment
        elif one.name in file:
            value, origin, where = file[one.name], FILE, f"{read['data'] / FILE_NAME}: {one.name}"
        else:
            value, origin, where = one.default, DEFAULT, one.name
        origins[one.name] = origin
        try:
            if value is not None:
                read[one.name] = one.parse(value)
        except ValueError as error:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            code = USAGE if origin == FLAG else CONFIGURATION
            raise SettingsError(f"{where}: expected {error}, got {shown[:80]!r}", code) from None
        if one.name == "data" and has_file:
            file = _read_file(read["data"] / FILE_NAME)
    return Settings(**read, origins=origins)


def _read_file(path: Path) -> Mapping[str, object]:
    """Return the values of the settings file; {} if there is no file. Raises SettingsError, also for unknown keys."""
    known = [one.name for one in OPTIONS if one.in_file]
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would block forever
            raise ValueError("expected a regular file")
        with path.open("rb") as file:
            content = file.read(bounds.SETTINGS_BYTES + 1)
        if len(content) > bounds.SETTINGS_BYTES:
            raise ValueError(f"expected at most {bounds.SETTINGS_BYTES:,} bytes")
        text = content.decode("utf-8")
        if any(key.count(".") > bounds.SETTINGS_DEPTH for key in _KEY.findall(text)):
            raise ValueError(f"expected at most {bounds.SETTINGS_DEPTH} dots in a key")
        read = tomllib.loads(text)
        if unknown := [name for name in read if name not in known]:
            raise ValueError(f"expected one of {', '.join(known)}, got {unknown[0][:80]!r}")
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise SettingsError(f"{path}: expected fewer brackets in each other") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {' '.join(str(error).split())}") from None
    return read
