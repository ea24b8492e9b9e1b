"""How the command line chooses a command and tells a failure, without starting anything."""

import errno
from dataclasses import replace
from pathlib import Path

import click
import pytest

from app import cli, exit_codes, settings
from app.administration.errors import Refused
from app.commands import licenses, schema_config_version
from app.commands.serve import cautions
from app.commands.shared import table
from app.data_folder import FolderError, FolderInUseError, Holder
from app.scim import errors
from app.scim.resource_types import RESOURCE_TYPES
from app.settings import Settings, SettingsError
from app.store.database.directory_database import DatabaseUnusable


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which `serve` would have run."""
    calls: list[Settings] = []
    monkeypatch.setattr(
        cli.commands.commands["serve"], "callback", lambda **flags: calls.append(settings.load(flags, {}))
    )
    return calls


@pytest.mark.parametrize(
    "words", [[], ["serve"], ["--listen", "127.0.0.1:1"], ["serve", "--trusted-proxy", "10.0.0.1", "--no-one-cpu"]]
)
def test_serve_is_the_default_command(served: list[Settings], words: list[str]) -> None:
    assert cli.main(words) == 0
    assert len(served) == 1


def test_options_may_be_repeated_where_they_are_many(served: list[Settings]) -> None:
    cli.main(["--trusted-proxy", "10.0.0.1", "--trusted-proxy", "fd00::/64", "--no-one-cpu"])
    assert [str(network) for network in served[0].trusted_proxy] == ["10.0.0.1/32", "fd00::/64"]
    assert served[0].one_cpu is False


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.UsageError("x"), exit_codes.USAGE),
        (SettingsError("x", exit_codes.USAGE), exit_codes.USAGE),
        (SettingsError("x"), exit_codes.CONFIGURATION),
        (FolderInUseError(Path("/x"), Holder(7)), exit_codes.TRY_AGAIN),
        (FolderError("x"), exit_codes.CONFIGURATION),
        (Refused("x"), exit_codes.FAILED),
        (DatabaseUnusable("x"), exit_codes.CONFIGURATION),
        (errors.unavailable("x"), exit_codes.TRY_AGAIN),
        (OSError(errno.ENOSPC, "x"), exit_codes.TRY_AGAIN),
        (exit_codes.CommandError("x", exit_codes.CONFIGURATION), exit_codes.CONFIGURATION),
        (ZeroDivisionError("secret"), exit_codes.FAILED),
    ],
)
def test_every_failure_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.delenv(cli.DEBUG, raising=False)
    monkeypatch.setattr(cli.commands.commands["version"], "callback", fails)
    assert cli.main(["version"]) == code
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("recnice-scim: ") and "secret" not in captured.err


def test_a_traceback_only_when_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli.commands.commands["version"], "callback", fails)
    monkeypatch.setenv(cli.DEBUG, "1")
    assert cli.main(["version"]) == exit_codes.FAILED
    assert "Traceback" in capsys.readouterr().err


def test_help_names_the_data_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RECNICE_DATA", "/srv/recnice")
    assert cli.main(["--help"]) == 0
    assert "/srv/recnice" in capsys.readouterr().out


def test_the_schema_table_has_every_attribute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "--data", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    declared = [f"{one.name} {attribute.path}" for one in RESOURCE_TYPES for attribute in one.tree.walk()]
    assert [line.partition("  ")[0] for line in printed[1:]] == declared
    assert all(
        len(row) == len(schema_config_version.SCHEMA_COLUMNS) for row in schema_config_version.schema_rows(tmp_path)
    )


def test_a_table_shows_control_characters_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    table.show(("a", "b"), [("x\x1b[31m\n", "y")])
    assert capsys.readouterr().out == "A            B\nx\\x1b[31m\\n  y\n"


def test_the_licences_of_all_that_is_bundled() -> None:
    names = {distribution.name.lower() for distribution in licenses.distributions()}
    assert {"flask", "werkzeug", "jinja2", "sqlalchemy", "mako", "argon2-cffi-bindings", "cffi", "wtforms"} <= names
    assert not names & {"pytest", "mypy", "pyinstaller", "asgiref", "babel"}, "tools and extras are not bundled"
    for heading, text in licenses.notices({}):
        assert len(text) > 100, heading


def test_the_program_imports_what_requirements_in_names() -> None:
    lines = (Path(__file__).parents[2] / "requirements.in").read_text("utf-8").splitlines()
    required = {line.partition("==")[0].strip() for line in lines if "==" in line and not line.startswith("#")}
    assert required == set(licenses.ROOTS)


def test_cautions() -> None:
    def of(listen: str, public_url: str) -> Settings:
        return Settings(Path("/x"), (listen, 7644), public_url)

    assert cautions(of("127.0.0.1", "http://127.0.0.1:7644")) == []
    assert cautions(of("127.0.0.1", "https://scim.example.com")) == []
    assert cautions(of("localhost", "http://[::1]:7644")) == []
    assert len(cautions(of("0.0.0.0", "https://scim.example.com"))) == 1
    assert len(cautions(of("127.0.0.1", "http://scim.example.com"))) == 1
    metrics = replace(of("127.0.0.1", "https://scim.example.com"), metrics_listen=("192.0.2.1", 9644))
    assert cautions(metrics) == ["metrics at 192.0.2.1: other hosts read them without a password"]
