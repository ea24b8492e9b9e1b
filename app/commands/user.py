"""This module implements `user`, which exports everything about one user, and erases it permanently."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import click

from app import data_folder, exit_codes
from app.commands.shared.command_group import CommandGroup
from app.commands.shared.data_folder import open_data_folder
from app.commands.shared.options import in_utf8, taking
from app.settings import Settings
from app.store.database.migration import FILE_MODE

_user = click.argument("user", metavar="USER", callback=in_utf8)


@click.group(cls=CommandGroup, no_args_is_help=False)
def user() -> None:
    """Export everything about a user, or erase it permanently. USER is an id, a userName or an externalId."""


@user.command()
@_user
@click.option("--to", "path", metavar="FILE", default="-", show_default="standard output", help="The file to create.")
@taking("data")
def export(settings: Settings, user: str, path: str) -> None:
    """Export everything about a user, also a deleted one, as JSON."""
    with open_data_folder(settings) as types:
        from app.administration import audit
        from app.administration.errors import Refused
        from app.provisioning import erasures, user_export

        user_type = next(one for one in types if one.name == "User")
        try:
            texts = user_export.export(erasures.find_subject(user).id, audit.HOST, user_type)
        except Refused as refused:
            raise exit_codes.CommandError(str(refused)) from refused
        if path == "-":
            sys.stdout.writelines(texts)
        else:
            _write(path, texts)


def _write(path: str, texts: Iterable[str]) -> None:
    """Create a file that other users cannot read; an existing one stays."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "w", encoding="utf-8") as file:
            file.writelines(texts)
    except OSError as error:
        raise exit_codes.CommandError(f"{path}: the file cannot be written: {error.strerror}") from error


@user.command()
@_user
@click.option("--name", metavar="NAME", required=True, callback=in_utf8, help="The name of the user, to confirm.")
@taking("data")
def erase(settings: Settings, user: str, name: str) -> None:
    """Erase a user permanently, and print what is left in the files of the data folder.

    Exit status 1 if something is left. Remove the assignment in Entra first, or Entra creates the user again.
    """
    with open_data_folder(settings):
        from app.administration import audit
        from app.administration.errors import Refused
        from app.provisioning import erasures

        secret = data_folder.secret(settings.data)
        try:
            erasures.begin(erasures.find_subject(user).id, name, audit.HOST, secret)
        except Refused as refused:
            raise exit_codes.CommandError(str(refused)) from refused
        files = erasures.Files(settings.data, settings.database, settings.requests_database)
        outcomes = erasures.finish_due(files, secret, by=audit.HOST)
    for outcome in outcomes:
        click.echo(f"{erasures.stand_in(outcome.number)}: {outcome.sentence}")
    for copy in sorted({copy for outcome in outcomes for copy in outcome.copies}):
        click.echo(f"{copy}: not searched, since it is compressed")
    if any(outcome.found for outcome in outcomes):
        raise exit_codes.CommandError("Values of the user are left: delete these files, or see docs/operate/privacy.md")
