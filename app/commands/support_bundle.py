"""This module implements `support-bundle`, which writes a ZIP that helps to find a fault, without names."""

import os

import click

from app import data_folder, exit_codes
from app.commands.shared.data_folder import open_data_folder
from app.commands.shared.options import taking
from app.settings import Settings


@click.command("support-bundle")
@click.option("--to", "target", metavar="FILE", required=True, help="The file to write; it must not exist.")
@taking()
def support_bundle(settings: Settings, target: str) -> None:
    """Write a ZIP for support: versions, settings, counts, problems, log lines; people and keys are pseudonyms."""
    try:
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise exit_codes.CommandError(f"{target}: {error.strerror or error}", exit_codes.FAILED) from None
    try:
        with os.fdopen(file, "wb") as opened, open_data_folder(settings, may_be_damaged=True) as types:
            from app.administration import audit
            from app.support.support_bundle import SupportBundle

            bundle = SupportBundle(settings, types, data_folder.secret(settings.data))
            opened.write(bundle.to_zip(audit.HOST, has_check=True))
    except BaseException:
        os.unlink(target)  # an empty file looks like a bundle
        raise
    click.echo(target)
