"""What lists print: as a table on a terminal and in a pipe, and as JSON."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app import cli
from app.commands.shared import command_group, table
from tests.conftest import Appliance

KEYS = ("id", "name", "last_used", "size_bytes")
ID = "0190a3c1-7d5e-7000-8000-5f2b9d1c3e4a"


def commands(group: click.Group = cli.commands, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield each command with the words that call it."""
    for name, command in group.commands.items():
        yield before + name, command
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")


def keys_of(command: click.Command) -> list[str]:
    """Return the keys that the help of `--json` names."""
    (option,) = (one for one in command.params if isinstance(one, table.JsonOption))
    assert (option.help or "").endswith(f" with {', '.join(option.keys)}.")
    return list(option.keys)


def test_each_list_can_be_json_and_names_its_keys() -> None:
    whole = {"config", "check", "simulate", "status", "doctor", "schema"}
    listing = {words: command for words, command in commands() if words in whole or words.endswith(" list")}
    assert len(listing) >= len(whole) + 6
    for words, command in listing.items():
        keys = keys_of(command)
        assert len(set(keys)) == len(keys) > 1, words
        assert all(key.isidentifier() and key == key.lower() for key in keys), words


def test_json_of_a_running_server_has_the_keys_of_the_help(shared_appliance: Appliance) -> None:
    shared_appliance.command("oauth", "create", "--name", "Entra")
    shared_appliance.command("allowlist", "allow", "192.0.2.0/24", "--note", "the office")
    shared_appliance.command("backup", "create")
    for words, command in commands():
        if words in {"alerts test", "doctor", "simulate"} or not any(
            isinstance(one, table.JsonOption) for one in command.params
        ):
            continue
        done = shared_appliance.command(*words.split(), "--json")
        assert (done.returncode, done.stderr) == (0, ""), words
        content = json.loads(done.stdout)
        assert words in {"admin list", "alerts list"} or content, words
        for one in content if isinstance(content, list) else [content]:
            assert list(one) == keys_of(command), words
        if words == "allowlist list":
            (network,) = content["networks"]
            assert (content["mode"], network["network"], network["note"]) == ("off", "192.0.2.0/24", "the office")


def test_each_command_has_both_helps_and_each_summary_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    for words, command in [("", cli.commands), *commands()]:
        assert cli.main([*words.split(), "-h"]) == 0, words
        printed = capsys.readouterr().out
        if isinstance(command, click.Group):
            assert cli.main([*words.split(), "--help"]) == 0
            assert capsys.readouterr().out == printed
            said = " ".join(printed.split())
            for name, part in command.commands.items():
                assert f"{name} {command_group.summary(part)}" in said, (words, name)


def test_a_value_is_text_in_a_table_and_a_value_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    row = (ID, 'a "b"\n', table.or_never(""), table.Shown(1_048_576, "1.0 MiB"))
    table.show(KEYS, [row, (ID, None, table.or_never("2026"), 1_000)])
    assert capsys.readouterr().out.splitlines() == [
        f"{'ID':36}  NAME     LAST USED  SIZE",
        f'{ID}  a "b"\\n  never      1.0 MiB',
        f"{ID}  -        2026       1,000",
    ]
    table.show(KEYS, [row, row], is_json=True)
    assert json.loads(capsys.readouterr().out) == 2 * [dict(zip(KEYS, (ID, 'a "b"\n', None, 1_048_576), strict=True))]
    table.show(KEYS, [], is_json=True)
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("is_json", [False, True])
def test_a_long_list_is_printed_while_it_is_read(capsys: pytest.CaptureFixture[str], is_json: bool) -> None:
    printed = []

    def rows() -> Iterator[table.Row]:
        for number in range(3 * table.ROWS_TOGETHER):
            yield number, "x"
            printed.append(capsys.readouterr().out.count("\n") if number % table.ROWS_TOGETHER == 0 else 0)

    table.show(("number", "text"), rows(), is_json)
    assert all(printed[number * table.ROWS_TOGETHER] >= table.ROWS_TOGETHER - 1 for number in (1, 2))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminal")
@pytest.mark.parametrize(
    ("variables", "is_colored"), [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_good_and_bad_have_colors_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], is_colored: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    reader, terminal = os.openpty()
    (tmp_path / "recnice.toml").write_text("threads = 0", "utf-8")
    with open(reader, "rb") as screen, open(terminal, "w", encoding="utf-8") as typed:
        monkeypatch.setattr(sys, "stdout", typed)
        assert cli.main(["doctor", "--only", "settings", "--data", str(tmp_path)]) == 1
        typed.flush()
        printed = os.read(screen.fileno(), 1_000).decode()
    assert printed.startswith("\x1b[31mfailure \x1b[0m Settings" if is_colored else "failure  Settings"), printed
    assert is_colored or "\x1b" not in printed


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_terminal_breaks_an_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(table.shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
    table.show(("id", "name", "by", "state"), 2 * [(ID, "Entra of the head office", "alexandra", "revoked 2026-12-01")])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert "\n".join(lines).count(ID) == 2
    if columns == 60:
        assert lines[:2] == [f"ID     {ID}", "NAME   Entra of the head office"]
        assert lines[3:6] == ["STATE  revoked 2026-12-01", "", f"ID     {ID}"]
    else:
        assert lines[0].split() == ["ID", "NAME", "BY", "STATE"]
        assert len(lines) == {80: 5, 200: 3}[columns], lines
