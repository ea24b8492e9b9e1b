"""This module implements `check`, which verifies settings and stored rows.

See also: app/store/integrity_check.py (the checks).
"""

import re

import click

from app import data_folder, exit_codes
from app.commands.shared.color import colored
from app.commands.shared.data_folder import open_data_folder
from app.commands.shared.options import taking
from app.commands.shared.table import printing_json, show_object
from app.settings import DEFAULT, Settings


def _hash(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not re.fullmatch(r"[0-9a-fA-F]{64}", value.strip()):
        raise click.BadParameter("expected 64 hexadecimal digits, as check and the Audit page display them")
    return value.strip().lower()


@click.command()
@click.option(
    "--audit-hash",
    metavar="HASH",
    default="",
    callback=_hash,
    help="Verify that the audit entries up to this recorded hash are unchanged.",
)
@printing_json("database", "problems", "warnings", "settings", "audit")
@taking("data")
def check(settings: Settings, audit_hash: str, is_json: bool) -> None:
    """Check settings and database, and list the settings that are set. Exit status 1 if there is a problem."""
    with open_data_folder(settings, may_be_damaged=True) as types:
        from app.administration import installation
        from app.store import integrity_check as store_check
        from app.store.access import audit_rows
        from app.store.database import directory_database

        with directory_database.reading() as connection:
            findings = store_check.check(connection, types, audit_hash)
            entries, last_hash = audit_rows.head(connection)
            summary = audit_rows.summary(connection)
            summarized = audit_rows.find_summarized(connection, audit_hash) if audit_hash and not findings else None
            matching = audit_rows.find_by_hash(connection, audit_hash) if audit_hash else 0
            warnings = store_check.warnings(connection)
            warnings += installation.differences(connection, data_folder.secret(settings.data), settings.schemas)
    own = [row for row in settings.rows() if row[0] != "data" and row[2] != DEFAULT]
    audit = []
    if entries:
        audit.append(f"{entries:,} entries, the last hash is {last_hash}")
    if summary:
        audit.append(f"entries 1 to {summary.last:,} were summarized on {summary.at} ({summary.reason})")
    if summarized:
        number, by = summarized
        audit.append(f"the recorded hash is that of entry {number:,}, summarized on {by.at} ({by.reason})")
    if matching:
        audit.append(f"entries 1 to {matching:,} match the recorded hash")
    if is_json:
        show_object(
            {
                "database": str(settings.database),
                "problems": findings,
                "warnings": warnings,
                "settings": [{"setting": name, "value": value, "origin": origin} for name, value, origin in own],
                "audit": {"entries": entries, "last_hash": last_hash, "sentences": audit},
            }
        )
    else:
        for line in findings:
            click.echo(colored(line, "red"))
        for line in warnings:
            click.echo(colored(line, "yellow"))
        for name, value, origin in own:
            click.echo(f"setting {name}: {value} ({origin})")
        for line in audit:
            click.echo(f"audit: {line}")
    if findings:
        raise exit_codes.CommandError(f"{len(findings)} problems found in {settings.database}")
    if not is_json:
        click.echo(f"{colored('OK', 'green')}: no problems found in {settings.database}")
