"""This module parses the values of options, each from text or from a TOML value.

Each function raises ValueError with a text that completes "expected …".
"""

import os
import re
from collections.abc import Sequence
from datetime import time
from pathlib import Path
from urllib.parse import urlsplit

from app import bounds, schedules
from app.ip_addresses import Network, read_network, split_host

_URL_FORM = "https://HOST or https://HOST/PATH"
_SWITCH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value.strip()


def read_folder(value: object) -> Path:
    """Parse a folder as an absolute path; `~` is the home folder."""
    return Path(os.path.abspath(Path(_text(value)).expanduser()))


def read_file(value: object) -> Path | None:
    """Parse the path of a file, which need not exist; None for ""."""
    return read_folder(value) if value else None


def read_listen(value: object) -> tuple[str, int]:
    """Parse `HOST:PORT`, with IPv6 in brackets; port 0 means a free port chosen by the system."""
    host, port = split_host(_text(value)) or ("", None)
    if port is None or port > 65535:
        raise ValueError("HOST:PORT")
    return host, port


def read_metrics_listen(value: object) -> tuple[str, int] | None:
    """Parse `PORT` (of 127.0.0.1) or `HOST:PORT`; None for ""."""
    if value == "":
        return None
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    try:
        return read_listen(f"127.0.0.1:{text}" if isinstance(text, str) and re.fullmatch("[0-9]+", text) else text)
    except ValueError:
        raise ValueError("PORT or HOST:PORT") from None


def read_public_url(value: object) -> str:
    """Parse a URL, and return it without a trailing slash. Its path cannot begin with /scim: the Tenant URL adds it."""
    try:
        url = urlsplit(_text(value))
    except ValueError:
        raise ValueError(_URL_FORM) from None
    path, host = url.path.rstrip("/"), split_host(url.netloc)
    if url.scheme not in ("http", "https") or not host or url.query or url.fragment:
        raise ValueError(_URL_FORM)
    if host[1] is not None and not 1 <= host[1] <= 65535:
        raise ValueError("a port from 1 to 65535")
    if path and not re.fullmatch(r"(/(?!\.)[A-Za-z0-9._~-]+)+", path):
        raise ValueError("a path of letters, digits, '-', '.', '_' and '~'")
    if path.split("/")[1:2] == ["scim"]:
        raise ValueError("an address without /scim, which the Tenant URL adds")
    usual_port = {"http": ":80", "https": ":443"}[url.scheme]
    return f"{url.scheme}://{url.netloc.lower().removesuffix(usual_port)}{path}"


def read_networks(value: object) -> tuple[Network, ...]:
    """Parse IP addresses or networks, as a list or as one text with commas or spaces between them."""
    words = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    try:
        if not isinstance(words, list | tuple):
            raise TypeError
        networks = tuple(read_network(word) for word in words if word)
    except (TypeError, ValueError):  # TOML may have a number instead of a text
        raise ValueError("addresses or networks such as 10.0.0.5 or 10.0.0.0/24") from None
    if any(one.prefixlen < bounds.TRUSTED_PREFIX[one.version] for one in networks):
        widest = " or ".join(f"/{prefix} for IPv{version}" for version, prefix in bounds.TRUSTED_PREFIX.items())
        raise ValueError(f"networks no wider than {widest}, since every address in them may forge the client's")
    return networks


def read_number(most: int, value: object, least: int = 1) -> int:
    """Parse an integer from `least` to `most`: a number in TOML, text in the environment."""
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
        raise ValueError(f"a number from {least} to {most}")
    return number


def read_choice(choices: Sequence[str], value: object) -> str:
    """Parse one of some words, in any case."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in choices:
        raise ValueError(f"{', '.join(choices[:-1])} or {choices[-1]}")
    return word


def read_switch(value: object) -> bool:
    """Parse a boolean from TOML, or one of `true`, `1`, `yes`, `false`, `0`, `no` in any case."""
    switch = value if isinstance(value, bool) else _SWITCH.get(str(value).lower())
    if switch is None:
        raise ValueError("true or false")
    return switch


def read_wall_time(value: object) -> time:
    """Parse a wall time as `HH:MM`, or as a time of TOML."""
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        value = time.fromisoformat(value)
    if not isinstance(value, time) or value.second or value.microsecond:
        raise ValueError("a time from 00:00 to 23:59")
    return value


def read_time_zone(value: object) -> str:
    """Parse the name of a time zone; "" is the zone of the system."""
    name = value.strip() if isinstance(value, str) else "?"
    schedules.zone_of(name[: bounds.TIME_ZONE_LENGTH])
    return name


def read_age_key(value: object) -> str:
    """Parse a public key of age (https://age-encryption.org/v1); "" for none."""
    if value and not re.fullmatch("age1[ac-hj-np-z02-9]{58}", str(value)):
        raise ValueError("a public key of age (age1…), as age-keygen writes it")
    return str(value)
