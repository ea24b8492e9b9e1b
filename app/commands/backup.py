"""This module implements `backup`, which writes, lists, verifies and prunes backups, also next to a running server.

See also: app/backup (the backups).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app import bounds, process
from app.commands.shared.command_group import CommandGroup
from app.commands.shared.options import data_unused, taking
from app.commands.shared.table import Row, Shown, listing
from app.settings import Settings

if TYPE_CHECKING:
    from app.backup.copies import Backup

_BACKUP_OPTIONS = ("data", "backup_folder", "backup_public_key")


class _To(click.ParamType[Path]):
    """The place of a backup: `-`, or an absolute path."""

    name = "place"

    def convert(self, value: object, _parameter: click.Parameter | None, _context: click.Context | None) -> Path:
        text = str(value)
        if text == "-":
            return Path("-")
        path = Path(os.path.abspath(Path(text).expanduser()))
        if text.endswith("/"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path


class _Backups(CommandGroup):
    """A group whose default command is `create`, also where only its options are given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and args[:1] not in (["--help"], ["-h"]) and (not args or args[0].startswith("-")):
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Backups, no_args_is_help=False)
def backup() -> None:
    """Back up the data folder, also while the server runs. Without a command: create."""


@backup.command()
@click.option("--to", type=_To(), metavar="FILE|DIR|-", help="Write a new file, into a folder, or to standard output.")
@click.option("--without-log", is_flag=True, help="Leave out the request log.")
@taking(*_BACKUP_OPTIONS)
def create(settings: Settings, to: Path | None, without_log: bool) -> None:
    """Write a verified backup, and print its path.

    It has users, groups, access, the request log, the settings file, custom schemas and recnice.secret.
    """
    from app.backup import writing

    process.keep_private()
    is_sent = to == Path("-")
    if is_sent and sys.stdout.isatty():
        raise click.UsageError("--to -: standard output is a terminal; send it to a file or a program")
    target = sys.stdout.buffer if is_sent else to
    copy = writing.back_up(settings, "manual", target, with_log=not without_log, wait_s=bounds.BACKUP_WAIT_S)
    _record(settings, copy, "standard output" if is_sent else str(copy.path.parent))
    if not is_sent:
        click.echo(copy.path)


def _record(settings: Settings, copy: Backup, to: str) -> None:
    """Record the backup in the audit. A database of another version has no entry: a backup upgrades nothing.

    The backup is written by then, so a failure is a line on standard error only.
    """
    from app.administration import audit
    from app.administration.audit import Action
    from app.store.database import directory_database, migration

    try:
        with directory_database.file.opened(settings.database), directory_database.writing() as connection:
            if migration.is_current(connection):
                audit.record(connection, audit.HOST, Action.BACKUP_WRITTEN, copy.path.name, to=to)
    except Exception as error:
        click.echo(f"Warning: the audit has no entry of this backup: {error}", err=True)


@backup.command("list")
@listing("made", "kind", "size_bytes", "users", "version", "file")
@taking(*_BACKUP_OPTIONS)
def list_backups(settings: Settings) -> Iterator[Row]:
    """List the verified backups, newest first."""
    from app.backup import copies

    for copy in copies.list_copies(settings):
        yield (
            *(copy.made, copy.kind, Shown(copy.bytes, f"{copy.bytes / process.MIB:,.1f} MiB")),
            copy.manifest.counts.get("users", 0) if copy.manifest else Shown(None, "encrypted"),
            *(copy.manifest.version if copy.manifest else None, str(copy.path)),
        )


@backup.command()
@data_unused
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--identity", type=click.Path(path_type=Path), metavar="FILE", help="The private key of an encrypted one."
)
def verify(file: Path, identity: Path | None) -> None:
    """Read a whole backup, and compare it with what it says about itself."""
    from app.backup import archive

    process.keep_private()
    with archive.opened(file, identity) as opened:
        opened.verify()
        manifest = opened.manifest
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in manifest.counts.items())
    click.echo(f"OK: {manifest.kind} backup of {manifest.host}, made {manifest.made} by {manifest.version}: {counts}")


@backup.command()
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
@taking(*_BACKUP_OPTIONS, "backup_daily", "backup_weekly", "backup_recent_mb")
def prune(settings: Settings, dry_run: bool) -> None:
    """Delete the backups that the settings no longer keep, and list them. Manual ones are always kept."""
    from app.backup import copies

    for path in copies.prune(settings, is_trial=dry_run):
        click.echo(path)
