"""This module declares the options and reads their values, each with its origin.

A flag comes before the environment, that before `recnice.toml` in the data folder, that before the default. Nothing
here is changed while the program runs, and no secret is a setting.
"""

import os
import re
import shlex
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from app import bounds
from app.ip_addresses import Network, read_network, split_host

FILE_NAME = "recnice.toml"
DATABASE_NAME = "recnice.sqlite3"
REQUESTS_NAME = "recnice-requests.sqlite3"
SCHEMAS_NAME = "schemas"
FLAG, ENVIRONMENT, FILE, DEFAULT = "flag", "environment", "file", "default"
PUBLIC_URL_FORM = "https://HOST or https://HOST/PATH"
EVERY_ADDRESS = ("0.0.0.0", "::")


class SettingsError(Exception):
    """A value that cannot be used: one line that says where it was set, what was expected and what came.

    `origin` tells a mistake on the command line (FLAG) from one in the environment or the file.
    """

    def __init__(self, message: str, origin: str) -> None:
        super().__init__(message)
        self.origin = origin


def _text(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError("a text")
    return given.strip()


def _folder(given: object) -> Path:
    return Path(os.path.abspath(Path(_text(given)).expanduser()))


def _file(given: object) -> Path | None:
    """A file by its path, which need not be there yet; "" where there is none."""
    return _folder(given) if given else None


def _address(given: object) -> tuple[str, int]:
    """`HOST:PORT`, IPv6 in brackets; port 0 lets the system choose a free one."""
    host, port = split_host(_text(given)) or ("", None)
    if port is None or port > 65535:
        raise ValueError("HOST:PORT")
    return host, port


def _public_url(given: object) -> str:
    """An address without a slash at its end. Its path may not begin with /scim, which the Tenant URL adds itself."""
    try:
        url = urlsplit(_text(given))
    except ValueError:
        raise ValueError(PUBLIC_URL_FORM) from None
    path = url.path.rstrip("/")
    host = split_host(url.netloc)
    if url.scheme not in ("http", "https") or not host or url.query or url.fragment:
        raise ValueError(PUBLIC_URL_FORM)
    if host[1] is not None and not 1 <= host[1] <= 65535:
        raise ValueError("a port from 1 to 65535")
    if path and not re.fullmatch(r"(/(?!\.)[A-Za-z0-9._~-]+)+", path):
        raise ValueError("a path of letters, digits, '-', '.', '_' and '~'")
    if path.split("/")[1:2] == ["scim"]:
        raise ValueError("an address without /scim, which the Tenant URL adds")
    usual_port = {"http": ":80", "https": ":443"}[url.scheme]
    return f"{url.scheme}://{url.netloc.lower().removesuffix(usual_port)}{path}"


def _networks(given: object) -> tuple[Network, ...]:
    """Addresses or networks, as a list or in one text with commas or spaces between."""
    words = re.split(r"[,\s]+", given.strip()) if isinstance(given, str) else given
    try:
        if not isinstance(words, list | tuple):
            raise TypeError
        networks = tuple(read_network(word) for word in words if word)
    except (TypeError, ValueError):  # TOML may have a number in the place of a text
        raise ValueError("addresses or networks such as 10.0.0.5 or 10.0.0.0/24") from None
    if any(one.prefixlen < bounds.TRUSTED_PREFIX[one.version] for one in networks):
        widest = " or ".join(f"/{prefix} for IPv{version}" for version, prefix in bounds.TRUSTED_PREFIX.items())
        raise ValueError(f"networks no wider than {widest}, since every address in them may forge the client's")
    return networks


def _number(most: int) -> Callable[[object], int]:
    """A whole number from 1 to `most`; TOML has it as a number, the environment as text."""

    def parse(given: object) -> int:
        number = int(given) if isinstance(given, str) and re.fullmatch(r"[0-9]{1,4}", given) else given
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= most:
            raise ValueError(f"a number from 1 to {most}")
        return number

    return parse


def _switch(given: object) -> bool:
    if isinstance(given, bool):
        return given
    chosen = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(str(given).lower())
    if chosen is None:
        raise ValueError("true or false")
    return chosen


@dataclass(frozen=True, slots=True)
class Option:
    """One line of the table. `parse` takes what was given (text or TOML value) or raises ValueError(what it expects).

    `default` is given to `parse` too; None means that it follows from other settings. `many` options may be repeated.
    """

    name: str
    default: Any
    parse: Callable[[object], Any]
    metavar: str
    help: str
    many: bool = False
    in_file: bool = True

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def environment(self) -> str:
        return "RECNICE_" + self.name.upper()

    @property
    def is_switch(self) -> bool:
        return self.parse is _switch


OPTIONS = (
    Option("data", "./recnice-data", _folder, "DIR", "The data folder: database, settings file, lock.", in_file=False),
    Option("listen", "127.0.0.1:7644", _address, "HOST:PORT", "Where to listen; port 0 takes a free one."),
    Option("public_url", None, _public_url, "URL", "The address that people and Entra use, with its path."),
    Option("trusted_proxy", (), _networks, "CIDR", "A reverse proxy whose forwarded headers are believed.", many=True),
    Option("ca_file", "", _file, "FILE", "Certificate authorities (PEM) that are trusted beside the usual ones."),
    Option(
        *("threads", 16, _number(bounds.THREADS_MAXIMUM), "N"),
        "Requests worked on at the same time; half of them may write.",
    ),
    Option("cursor_paging", True, _switch, "", "Offer cursor paging (RFC 9865) beside paging by index."),
    Option("request_days", 30, _number(bounds.REQUEST_DAYS_MAXIMUM), "DAYS", "How long requests are kept in the log."),
    Option("one_cpu", hasattr(os, "sched_setaffinity"), _switch, "", "Stay on one processor: faster (Linux only)."),
)


class Threads(NamedTuple):
    """How many requests are worked on at the same time: of those that only read, and of those that may write."""

    reading: int
    writing: int

    @classmethod
    def of(cls, threads: int) -> "Threads":
        """Share them out, so that no number of writers that wait keeps readers waiting. Two may always read."""
        return cls(reading=max(2, threads - threads // 2), writing=max(1, threads // 2))


@dataclass(frozen=True)
class Settings:
    """The values that hold. `data` is absolute, `public_url` has no slash at its end; `origins`: where each is from."""

    data: Path
    listen: tuple[str, int]
    public_url: str
    trusted_proxy: tuple[Network, ...] = ()
    ca_file: Path | None = None
    threads: int = 16
    one_cpu: bool = True
    cursor_paging: bool = True
    request_days: int = 30
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def base_path(self) -> str:
        """The path of the public URL: "" or "/x/y"."""
        return urlsplit(self.public_url).path

    @property
    def scim_base(self) -> str:
        """What stands before `/Users/…` in every location."""
        return self.public_url + "/scim"

    @property
    def tenant_url(self) -> str:
        """What an administrator pastes into Entra's field *Tenant URL*."""
        return self.scim_base + "/"

    @property
    def database(self) -> Path:
        return self.data / DATABASE_NAME

    @property
    def requests_database(self) -> Path:
        """The request log, a file of its own: it may be lost without loss of identity data."""
        return self.data / REQUESTS_NAME

    @property
    def schemas(self) -> Path:
        """The folder of schemas of one's own; it need not exist."""
        return self.data / SCHEMAS_NAME

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    def command(self, words: str) -> str:
        """A command line for an administrator to copy, which finds this data folder from any other.

        For the terminal only: strangers see the console's open pages, and need not know the folder.
        """
        folder = shlex.quote(str(self.data)) if os.name == "posix" else f'"{self.data}"'
        return f"recnice-scim {words} --data {folder}"

    def on_port(self, port: int) -> "Settings":
        """These settings once the port is known that was taken for port 0."""
        listen = (self.listen[0], port)
        follows = self.origins.get("public_url", DEFAULT) == DEFAULT
        return replace(self, listen=listen, public_url=url_of(listen) if follows else self.public_url)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Every option as name, value as text, origin."""
        for option in OPTIONS:
            yield option.name, as_text(getattr(self, option.name)) or "none", self.origins.get(option.name, DEFAULT)


def url_of(listen: tuple[str, int]) -> str:
    """The address by which this machine itself reaches a listening socket; never the one that means "every address"."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen[0], listen[0])
    return f"http://{f'[{host}]' if ':' in host else host}:{listen[1]}"


def as_text(value: object) -> str:
    """A parsed value as it could be given again."""
    match value:
        case None:
            return ""
        case True | False:
            return str(value).lower()
        case (str(host), int(port)):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case tuple():
            return ", ".join(str(part) for part in value)
    return str(value)


def option_rows() -> list[tuple[str, str, str, str]]:
    """The table as the documentation shows it: flag, environment name, default, help."""
    defaults = {"public_url": "http://HOST:PORT", "one_cpu": "true on Linux"}
    return [
        (
            option.flag + (f" {option.metavar}" if option.metavar else ""),
            option.environment,
            defaults.get(option.name) or as_text(option.default) or "none",
            option.help,
        )
        for option in OPTIONS
    ]


def load(flags: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """The settings from flags (option name to text; None and () where not given), environment, and the folder's file.

    An empty environment variable counts as not set. Raises SettingsError.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    file: Mapping[str, object] = {}
    for option in OPTIONS:
        given = flags.get(option.name)
        if given is not None and given != ():
            origin, where = FLAG, option.flag
        elif given := environ.get(option.environment):
            origin, where = ENVIRONMENT, option.environment
        elif option.name in file:
            given, origin, where = file[option.name], FILE, f"{values['data'] / FILE_NAME}: {option.name}"
        else:
            given, origin, where = option.default, DEFAULT, option.name
        origins[option.name] = origin
        try:
            values[option.name] = None if given is None else option.parse(given)
        except ValueError as error:
            came = ", ".join(map(str, given)) if isinstance(given, list | tuple) else str(given)
            raise SettingsError(f"{where}: expected {error}, got {came[:80]!r}", origin) from None
        if option.name == "data":
            file = _read_file(values["data"] / FILE_NAME)
    values["public_url"] = values["public_url"] or url_of(values["listen"])
    return Settings(**values, origins=origins)


def _read_file(path: Path) -> Mapping[str, object]:
    """The settings file's keys, all of them known; nothing where there is no file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, and for ever
            raise SettingsError(f"{path}: expected a regular file", FILE)
        with path.open("rb") as file:
            text = file.read(bounds.SETTINGS_BYTES + 1).decode("utf-8")
        _check_text(path, text)
        found = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise SettingsError(f"{path}: expected fewer brackets in each other", FILE) from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {' '.join(str(error).split())}", FILE) from None
    known = [option.name for option in OPTIONS if option.in_file]
    for name in found:
        if name not in known:
            raise SettingsError(f"{path}: expected one of {', '.join(known)}, got {name[:80]!r}", FILE)
    return found


_KEY = re.compile(r"""^[ \t]*\[*((?:"[^"\n]*"|'[^'\n]*'|[^=#,"'\n])*)""", re.MULTILINE)


def _check_text(path: Path, text: str) -> None:
    """Raise SettingsError for a text that would take long to read."""
    if len(text.encode()) > bounds.SETTINGS_BYTES:
        raise SettingsError(f"{path}: expected at most {bounds.SETTINGS_BYTES:,} bytes", FILE)
    if any(key.count(".") > bounds.SETTINGS_DEPTH for key in _KEY.findall(text)):
        raise SettingsError(f"{path}: expected at most {bounds.SETTINGS_DEPTH} dots in a key", FILE)
