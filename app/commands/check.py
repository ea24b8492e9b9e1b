"""`check`: whether the settings and the database are sound. What is looked at says app/store/check.py."""

import click

from app import exits
from app.commands.opened import opened
from app.commands.options import taking
from app.settings import Settings


@click.command()
@taking("data")
def check(settings: Settings) -> None:
    """Look through the settings and the whole database; exit 1 where something is wrong."""
    with opened(settings) as types:
        from app.store import check as store_check
        from app.store import db

        with db.reading() as connection:
            findings = store_check.check(connection, types)
    for finding in findings:
        click.echo(finding)
    if findings:
        raise exits.CommandError(f"{len(findings)} faults found in {settings.database}")
    click.echo(f"sound: {settings.database}")
