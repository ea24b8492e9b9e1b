"""The man page has each command with its options, and groff reads it without a warning where it is installed."""

import shutil
import subprocess
from collections.abc import Iterator

import click

from app import cli, exit_codes
from scripts import man_page


def texts(group: click.Group) -> Iterator[str]:
    """Yield what the page must have of each command and option."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from texts(command)
            continue
        yield name
        yield " ".join((command.help or "").split("\n\n")[0].split())
        yield from (one.opts[0] for one in command.params if isinstance(one, click.Option) and not one.hidden)


def test_the_page_has_what_the_command_line_declares() -> None:
    page = man_page.page()
    plain = page.replace("\\-", "-")
    for text in (*texts(cli.commands), f"\\fB{exit_codes.TRY_AGAIN}\\fR"):
        assert text in plain, text
    assert "-" not in page.replace("\\-", ""), "a hyphen would be printed as a dash, which nobody can copy"
    if groff := shutil.which("groff"):
        ran = subprocess.run(
            [groff, "-man", "-ww", "-Tutf8", "-K", "utf8"], input=page, capture_output=True, text=True, timeout=30
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "Create a SCIM Key and print only the key." in ran.stdout


def test_a_line_is_no_request_of_roff() -> None:
    assert [man_page.roff(text) for text in (".x", "'x", "a\\b-c")] == ["\\&.x", "\\&'x", "a\\eb\\-c"]
