"""This module implements `doctor`, which checks what the server needs, and names the line to change.

See also: app/doctor/checks.py (the checks).
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence

import click

from app import data_folder, exit_codes
from app.commands.shared.color import Color, colored
from app.commands.shared.options import with_console
from app.commands.shared.table import printing_json
from app.connection_test.probes import LEVELS, Finding
from app.doctor import checks
from app.doctor.checks import Check
from app.option_values import read_public_url
from app.settings import SettingsError, load

COLORS: Mapping[str, Color] = {"warning": "yellow", "failure": "red"}


@click.command()
@printing_json("check", "result", "findings", is_array=True)
@click.option("--only", metavar="NAME", default="", help="Run one check.")
@click.option("--url", metavar="URL", default="", help="Test this URL instead of the public URL.")
@click.option("--data", metavar="DIR", default=None, help="The data folder.")
def doctor(is_json: bool, only: str, url: str, data: str | None) -> int:
    """Check settings, folder, clock, disk, database, backups, server and public URL. Exit status 1 with failures."""
    if only and only not in checks.BY_NAME:
        raise click.UsageError(f"--only: expected one of {', '.join(checks.BY_NAME)}, got {only[:80]!r}")
    chosen = [checks.BY_NAME[only]] if only else list(checks.CHECKS)
    try:
        address = read_public_url(url) if url else ""
    except ValueError as error:
        raise click.UsageError(f"--url: expected {error}, got {url[:80]!r}") from None
    results: list[tuple[Check, list[Finding]]] = []
    try:
        settings = with_console(load({"data": data}, os.environ))
    except SettingsError as error:
        # Nothing else can be looked at without the settings.
        name = "not-readable" if isinstance(error.__context__, PermissionError) else "setting-invalid"
        results.append((checks.BY_NAME["settings"], [checks.ADVICE.finding(name, str(error))]))
    else:
        if not settings.data.is_dir():
            raise data_folder.FolderError(f"data folder {settings.data}: there is no such folder")
        data_folder.require_regular_files(settings.data)  # a check could wait for a pipe, or look at what a link names
        server = data_folder.server(settings.data) if (settings.data / data_folder.LOCK_NAME).exists() else None
        public_url = address or (server.public_url if server else settings.public_url)
        subject = checks.Subject(settings, server, public_url, os.environ)
        for check in chosen:
            try:
                results.append((check, list(check.find(subject))))
            except OSError as error:
                place = error.filename or settings.data
                refused = checks.ADVICE.finding("not-readable", f"{place}: {error.strerror or error}")
                results.append((check, [refused]))
    _show_json(results) if is_json else _show(results, checks.versions())
    has_failure = any(one.level == "failure" for _, findings in results for one in findings)
    return exit_codes.FAILED if has_failure else exit_codes.DONE


def _show(results: Iterable[tuple[Check, Sequence[Finding]]], versions: str) -> None:
    for check, findings in results:
        level = _level(findings)
        title = f"{check.title}: {versions}" if check.name == "versions" else check.title
        click.echo(f"{colored(f'{level:<8}', COLORS.get(level, 'green'))} {title}")
        for one in findings:
            click.echo(f"  {one.name}: {one.text}")
            click.echo(f"    {one.fix}")


def _show_json(results: Iterable[tuple[Check, Sequence[Finding]]]) -> None:
    names = ("name", "level", "text", "fix")
    content = [
        {
            "check": check.name,
            "result": _level(findings),
            "findings": [{name: getattr(one, name) for name in names} for one in findings],
        }
        for check, findings in results
    ]
    click.echo(json.dumps(content, indent=1))


def _level(findings: Sequence[Finding]) -> str:
    return max((one.level for one in findings), key=LEVELS.index, default="ok")
