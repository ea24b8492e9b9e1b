"""`check`: whether the settings and the database are sound. What is looked at says app/store/check.py."""

import re

import click

from app import exits
from app.commands.opened import opened
from app.commands.options import taking
from app.settings import Settings


def _hash(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not re.fullmatch(r"[0-9a-fA-F]{64}", value.strip()):
        raise click.BadParameter("expected 64 hexadecimal digits, as check and the Audit page show them")
    return value.strip().lower()


@click.command()
@click.option(
    "--audit-hash",
    metavar="HASH",
    default="",
    callback=_hash,
    help="A last hash of the audit, noted earlier: whether the entries up to it are still those.",
)
@taking("data")
def check(settings: Settings, audit_hash: str) -> None:
    """Look through the settings and the whole database; exit 1 where something is wrong."""
    with opened(settings) as types:
        from app.store import audit, db, declarations
        from app.store import check as store_check

        with db.reading() as connection:
            findings = store_check.check(connection, types, audit_hash)
            entries, last_hash = audit.head(connection)
            noted = audit.find_noted(connection, audit_hash) if audit_hash else 0
            missing = declarations.missing(connection)
    for finding in findings:
        click.echo(finding)
    for schema in missing:
        click.echo(schema.sentence)
    if entries:
        click.echo(f"audit: {entries:,} entries, the last hash is {last_hash}")
    if noted:
        click.echo(f"audit: the entries up to {noted:,} are those of when its hash was noted")
    if findings:
        raise exits.CommandError(f"{len(findings)} faults found in {settings.database}")
    click.echo(f"sound: {settings.database}")
