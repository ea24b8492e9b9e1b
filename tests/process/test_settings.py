"""Where a setting comes from, what it may be, and how a wrong one is told."""

import os
import re
from dataclasses import dataclass
from datetime import time
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from app import bounds, exit_codes, option_values, settings
from app.commands import schema_config_version
from app.commands.shared.options import command_line, taking
from app.commands.shared.table import printing_json
from app.settings import OPTIONS, Settings, SettingsError, load, option, options_of
from scripts import document_tables


def in_folder(folder: Path, file: str = "", **environ: str) -> Settings:
    (folder / "recnice.toml").write_text(file, "utf-8")
    return load({"data": str(folder)}, environ)


def test_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    found = load({}, {})
    assert found.data == tmp_path / "recnice-data"
    assert found.listen == ("127.0.0.1", 7644)
    assert found.public_url == "http://127.0.0.1:7644"
    assert found.tenant_url == "http://127.0.0.1:7644/scim/"
    assert found.database == tmp_path / "recnice-data" / "recnice.sqlite3"
    assert found.requests_database == tmp_path / "recnice-data" / "recnice-requests.sqlite3"
    assert found.request_days == 30
    assert found.trusted_proxy == ()
    assert found.base_path == ""
    assert not found.is_https
    assert set(found.origins.values()) == {"default"}


def test_a_flag_before_the_environment_before_the_file_before_the_default(tmp_path: Path) -> None:
    file, environ = "threads = 3", {"RECNICE_THREADS": "4"}
    (tmp_path / "recnice.toml").write_text(file, "utf-8")
    flags = {"data": str(tmp_path), "threads": "5"}
    steps = [(flags, environ, 5, "flag"), ({"data": str(tmp_path)}, environ, 4, "environment")]
    steps.append(({"data": str(tmp_path), "threads": None}, {}, 3, "file"))
    for given, around, value, origin in steps:
        found = load(given, around)
        assert (found.threads, found.origins["threads"]) == (value, origin)
    (tmp_path / "recnice.toml").unlink()
    found = load({"data": str(tmp_path)}, {"RECNICE_THREADS": ""})
    assert (found.threads, found.origins["threads"]) == (16, "default"), "an empty variable counts as not set"


def test_every_option_can_come_from_the_file(tmp_path: Path) -> None:
    found = in_folder(
        tmp_path,
        """
        listen = "[::1]:0"
        public_url = "https://Scim.Example.com:443/recnice/"
        trusted_proxy = ["10.0.0.5", "fd00::/64"]
        ca_file = "/etc/ssl/own.pem"
        threads = 2
        one_cpu = false
        cursor_paging = false
        request_days = 7
        network_folder = true
        history_days = 0
        audit_days = 365
        backup_at = 23:05:00
        time_zone = "Europe/Berlin"
        guard_people = 0
        guard_people_percent = 100
        guard_members = 1_000_000
        guard_members_percent = 0
        guard_learning_days = 365
        alert_no_contact_hours = 0
        alert_loopback = true
        keep_deleted_days = 0
        log_file = "/var/log/recnice.log"
        log_format = "Text"
        log_level = "warning"
        metrics_listen = 9644
        backup_folder = "/mnt/backups"
        backup_daily = 0
        backup_weekly = 52
        backup_recent_mb = 500
        backup_public_key = "age1t7peg2zyffppexmu07t45t96gdgl4ve3xq7tlcrk0hrklfcyhyxsg8u243"
        """,
    )
    assert (found.backup_daily, found.backup_weekly, found.backup_recent_mb) == (0, 52, 500)
    assert (found.backups, found.own_backups) == (Path("/mnt/backups"), tmp_path / "backups")
    assert found.listen == ("::1", 0)
    assert found.public_url == "https://scim.example.com/recnice"
    assert (found.base_path, found.scim_base, found.is_https) == ("/recnice", found.public_url + "/scim", True)
    assert found.trusted_proxy == (ip_network("10.0.0.5"), ip_network("fd00::/64"))
    assert (found.threads, found.one_cpu, found.cursor_paging, found.request_days) == (2, False, False, 7)
    assert found.network_folder
    assert (found.time_zone, found.log_format, found.log_level) == ("Europe/Berlin", "text", "warning")
    assert found.time_zone == "Europe/Berlin"
    assert (found.guard_people, found.guard_people_percent, found.guard_learning_days) == (0, 100, 365)
    assert (found.guard_members, found.guard_members_percent) == (1_000_000, 0)
    assert (found.alert_no_contact_hours, found.alert_loopback) == (0, True)
    assert found.metrics_listen == ("127.0.0.1", 9644)
    assert found.keep_deleted_days == 0
    assert found.backup_at == time(23, 5)
    assert (found.ca_file, found.log_file) == (Path("/etc/ssl/own.pem"), Path("/var/log/recnice.log"))
    assert {name for name, origin in found.origins.items() if origin == "file"} == {
        option.name for option in OPTIONS if option.in_file
    }


def test_every_option_can_come_from_the_environment(tmp_path: Path) -> None:
    given = {
        "data": str(tmp_path),
        "listen": "localhost:8080",
        "public_url": "https://scim.example.com",
        "trusted_proxy": "10.0.0.5, 10.1.0.0/16",
        "ca_file": str(tmp_path / "ca.pem"),
        "threads": "2",
        "one_cpu": "no",
        "cursor_paging": "0",
        "request_days": "3650",
        "history_days": "0",
        "audit_days": "365",
        "network_folder": "yes",
        "backup_at": "00:00",
        "time_zone": "Europe/Berlin",
        "guard_people": "1000000",
        "guard_people_percent": "0",
        "guard_members": "0",
        "guard_members_percent": "100",
        "guard_learning_days": "0",
        "alert_no_contact_hours": "720",
        "alert_loopback": "1",
        "keep_deleted_days": "0",
        "log_file": str(tmp_path / "log"),
        "log_format": "text",
        "log_level": "error",
        "metrics_listen": "[::1]:9644",
        "backup_folder": str(tmp_path / "elsewhere"),
        "backup_daily": "1",
        "backup_weekly": "0",
        "backup_recent_mb": "100000",
        "backup_public_key": "age1t7peg2zyffppexmu07t45t96gdgl4ve3xq7tlcrk0hrklfcyhyxsg8u243",
    }
    found = load({}, {option.environment: given[option.name] for option in OPTIONS})
    assert set(found.origins.values()) == {"environment"}
    assert found.trusted_proxy == (ip_network("10.0.0.5"), ip_network("10.1.0.0/16"))
    rows = dict((name, value) for name, value, _ in found.rows())
    switches = {"one_cpu": "false", "cursor_paging": "false", "network_folder": "true", "alert_loopback": "true"}
    assert rows == {**given, **switches, "trusted_proxy": "10.0.0.5/32, 10.1.0.0/16"}


WRONG = [
    ("log_format", "xml"),
    ("listen", "a..b:5"),
    ("listen", "a" * 64 + ".example.org:5"),
    ("metrics_listen", "localhost"),
    ("metrics_listen", "99999"),
    ("metrics_listen", "-1"),
    ("log_level", "trace"),
    ("listen", "7644"),
    ("listen", "127.0.0.1:70000"),
    ("listen", "::1:7644"),
    ("public_url", "scim.example.com"),
    ("public_url", "ftp://scim.example.com"),
    ("public_url", "https://"),
    ("public_url", "https://[::1"),
    ("public_url", "https://scim.example.com:99999"),
    ("public_url", "https://user@scim.example.com"),
    ("public_url", "https://scim.example.com/?x"),
    ("public_url", "https://scim.example.com/#x"),
    ("public_url", "https://scim.example.com/a//b"),
    ("public_url", "https://scim.example.com/../b"),
    ("public_url", "https://scim.example.com/a%2fb"),
    ("public_url", "https://scim.example.com/scim"),
    ("public_url", "https://scim.example.com/scim/"),
    ("trusted_proxy", "proxy.example.com"),
    ("trusted_proxy", "10.0.0.5/24"),
    ("trusted_proxy", "0.0.0.0/0"),
    ("trusted_proxy", "::/0"),
    ("trusted_proxy", "10.0.0.5, 128.0.0.0/1"),
    ("trusted_proxy", "2000::/3"),
    ("threads", "0"),
    ("threads", "1000"),
    ("threads", "four"),
    ("one_cpu", "perhaps"),
    ("backup_at", "24:00"),
    ("backup_at", "2:30"),
    ("backup_at", "02:30:01"),
    ("time_zone", "Berlin"),
    ("time_zone", "../Europe/Berlin"),
    ("request_days", "-1"),
    ("history_days", "3651"),
    ("audit_days", "for ever"),
    ("request_days", "3651"),
    ("guard_people", "-1"),
    ("guard_people", "1000001"),
    ("guard_people_percent", "101"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_told_in_one_line_with_its_place(tmp_path: Path, name: str, value: str) -> None:
    option = next(option for option in OPTIONS if option.name == name)
    for flags, environ, place, code in (
        ({"data": str(tmp_path), name: value}, {}, option.flag, exit_codes.USAGE),
        ({"data": str(tmp_path)}, {option.environment: value}, option.environment, exit_codes.CONFIGURATION),
    ):
        with pytest.raises(SettingsError) as told:
            load(flags, environ)
        assert str(told.value).startswith(place + ": expected ") and "\n" not in str(told.value)
        assert told.value.code == code


@pytest.mark.parametrize(
    "file",
    [
        *("color = 1", 'data = "/elsewhere"', "listen = 7644", "one_cpu = 1.5", "threads = true", "threads =", "\0"),
        *("trusted_proxy = 5", "trusted_proxy = [5]", '[trusted_proxy]\n"10.0.0.5" = 1'),
        *(".".join("a" * 17) + ".a = 1", "[" + ".".join("a" * 18) + "]", "#" * (bounds.SETTINGS_BYTES + 1)),
        *("threads = " + "[" * 8_000, '"=".' + "a." * 8_000 + "a = 1"),
    ],
    ids=range(15),
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, file: str) -> None:
    with pytest.raises(SettingsError, match=r"recnice\.toml") as told:
        in_folder(tmp_path, file)
    assert "\n" not in str(told.value) and told.value.code == exit_codes.CONFIGURATION


def test_a_file_with_many_dots_in_its_values_is_read(tmp_path: Path) -> None:
    proxies = [f"10.0.0.{number}" for number in range(40)]
    written = ", ".join(f'"{one}"' for one in proxies)
    name = ".".join("abcdefghijklmnopqrstuvwxyz")
    found = in_folder(tmp_path, f"# {'.' * 40}\ntrusted_proxy = [{written}]\npublic_url = 'https://{name}'\n")
    assert len(found.trusted_proxy) == 40


def test_the_widest_private_networks_may_be_trusted(tmp_path: Path) -> None:
    found = load({"data": str(tmp_path), "trusted_proxy": ("10.0.0.0/8", "fc00::/7")}, {})
    assert len(found.trusted_proxy) == 2


def test_a_trusted_proxy_is_known_in_each_form_of_its_address(tmp_path: Path) -> None:
    found = load({"data": str(tmp_path), "trusted_proxy": ("::ffff:10.0.0.5", "fe80::1%eth0")}, {})
    assert found.trusted_proxy == (ip_network("10.0.0.5"), ip_network("fe80::1"))


def test_what_came_is_told_as_it_was_given(tmp_path: Path) -> None:
    for name, given, told in (
        ("public_url", "https://[::1", "expected https://HOST or https://HOST/PATH, got 'https://[::1'"),
        ("trusted_proxy", ("10.0.0.5", "the proxy"), "got '10.0.0.5, the proxy'"),
    ):
        with pytest.raises(SettingsError, match=re.escape(told) + "$"):
            load({"data": str(tmp_path), name: given}, {})


def test_a_file_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recnice.toml")
    with pytest.raises(SettingsError, match=r"recnice\.toml: expected a regular file"):
        load({"data": str(tmp_path)}, {})


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "recnice.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"recnice\.toml"):
        load({"data": str(tmp_path)}, {})


def test_the_port_that_the_system_chose(tmp_path: Path) -> None:
    free = load({"data": str(tmp_path), "listen": "0.0.0.0:0"}, {}).on_port(5555)
    assert free.public_url == "http://127.0.0.1:5555", "never the address that means every address"
    assert free.listen == ("0.0.0.0", 5555)
    fixed = load({"data": str(tmp_path), "listen": "127.0.0.1:0", "public_url": "https://a.example"}, {})
    assert fixed.on_port(5555).public_url == "https://a.example"
    assert load({"data": str(tmp_path), "listen": "[::]:0"}, {}).on_port(7).public_url == "http://[::1]:7"


def test_a_command_to_copy_names_the_folder(tmp_path: Path) -> None:
    found = load({"data": str(tmp_path / "two words")}, {})
    assert command_line(found, "setup-link") == f"recnice-scim setup-link --data '{tmp_path}/two words'"


@dataclass(frozen=True)
class MoreSettings(Settings):
    """The settings with one more option, declared as CONTRIBUTING.md says."""

    cup_size: int = option(3, partial(option_values.read_number, 9), "N", "How much a cup holds.")


@pytest.fixture
def more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "Settings", MoreSettings)
    monkeypatch.setattr(settings, "OPTIONS", options_of(MoreSettings))


@pytest.mark.usefixtures("more")
def test_an_option_is_declared_in_one_place(tmp_path: Path) -> None:
    config = schema_config_version.config.callback.__wrapped__  # type: ignore[union-attr]

    def shown(*flags: str, **environ: str) -> str:
        command = click.command()(printing_json("setting", "value", "origin")(taking()(config)))
        ran = CliRunner().invoke(command, ["--data", str(tmp_path), *flags], env=environ)
        return next((line for line in ran.output.splitlines() if "cup" in line), ran.output + str(ran.exception))

    assert shown().split() == ["cup_size", "3", "default"]
    (tmp_path / "recnice.toml").write_text("cup_size = 4", "utf-8")
    assert shown().split() == ["cup_size", "4", "file"]
    assert shown(RECNICE_CUP_SIZE="5").split() == ["cup_size", "5", "environment"]
    assert shown("--cup-size", "6", RECNICE_CUP_SIZE="5").split() == ["cup_size", "6", "flag"]
    assert "--cup-size: expected a number from 1 to 9, got '10'" in shown("--cup-size", "10")
    assert shown("--help").split(maxsplit=2) == ["--cup-size", "N", "How much a cup holds. [RECNICE_CUP_SIZE;"]
    assert "| `--cup-size N` | `RECNICE_CUP_SIZE` | `3` | How much a cup holds. |" in document_tables.options()


@pytest.mark.usefixtures("more")
def test_settings_made_without_an_option_have_its_default() -> None:
    made: Any = MoreSettings(Path("/x"), ("127.0.0.1", 7644))
    assert (made.cup_size, made.threads, made.ca_file, made.trusted_proxy) == (3, 16, None, ())
    assert made.public_url == "http://127.0.0.1:7644"
