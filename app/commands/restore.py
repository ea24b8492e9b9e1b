"""This module implements `restore`, which puts a backup in the place of the data folder's present data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app import data_folder, exit_codes, file_swap, process
from app.commands.shared.data_folder import migrate, open_data_folder
from app.commands.shared.options import taking
from app.settings import Settings

if TYPE_CHECKING:
    from app.restoration.staged_copy import StagedCopy


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--preview", "--dry-run", "is_preview", is_flag=True, help="Say what the restore changes, and change nothing."
)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--reactivate",
    "is_reactivating",
    is_flag=True,
    help="Let users be active as in the backup who were disabled or deleted since.",
)
@click.option(
    "--identity", metavar="FILE", type=click.Path(path_type=Path), help="Private key for an encrypted backup."
)
@click.option("--delete-replaced", is_flag=True, help="Delete what earlier restores replaced, instead of a restore.")
@taking("data")
def restore(
    settings: Settings,
    file: Path | None,
    is_preview: bool,
    is_sure: bool,
    is_reactivating: bool,
    identity: Path | None,
    delete_replaced: bool,
) -> None:
    """Restore a backup, after saying what it changes."""
    if delete_replaced == (file is not None):
        raise click.UsageError("expected the FILE of a backup, or --delete-replaced")
    if file is None:
        _delete_replaced(settings, is_sure)
        return
    process.keep_private()
    data_folder.prepare(settings.data)
    stage = partial(_stage, settings, file, identity, is_preview, is_sure, is_reactivating)
    try:
        with data_folder.hold(settings.data, "restore"):
            file_swap.finish(settings.data)
            replaced = _restore(settings, stage, is_reactivating)
    except data_folder.FolderInUseError:
        if not data_folder.server(settings.data):
            raise
        replaced = _restore_in_server(settings, stage, is_reactivating)
    if replaced:
        click.echo(f"Restored {file.name} in {settings.data}.")
        if replaced.exists():
            click.echo(f"What it replaced is in {replaced}: delete it with recnice-scim restore --delete-replaced.")


def _stage(
    settings: Settings, file: Path, identity: Path | None, is_preview: bool, is_sure: bool, is_reactivating: bool
) -> StagedCopy | None:
    """Stage the backup, say what its restore changes, and ask. After a preview nothing is staged: return None."""
    from app.restoration import preview_sentences, staged_copy

    staged = staged_copy.stage(file, settings, identity)
    try:
        for sentence in preview_sentences.sentences(staged.preview(), is_reactivating=is_reactivating):
            click.echo(sentence)
        if not is_preview and not is_sure:
            click.confirm(f"Restore {file.name} in {settings.data}?", abort=True)
    except BaseException:
        staged_copy.discard(settings)
        raise
    if is_preview:
        staged_copy.discard(settings)
        return None
    return staged


def _restore_in_server(
    settings: Settings, stage: Callable[[], StagedCopy | None], is_reactivating: bool
) -> Path | None:
    """Let the running server restore the backup. Return the folder of what it replaced; None after a preview."""
    from app.restoration import restore_request, staged_copy

    folder = settings.data
    with restore_request.sole(folder):
        staged = stage()
        if staged is None:
            return None
        copy = staged.copy
        request = restore_request.RestoreRequest(
            str(copy.path), copy.sha256, copy.made, staged.because, is_reactivating
        )
        try:
            restore_request.ask(folder, request, lambda: data_folder.server(folder) is not None)
        except restore_request.RequestNotTakenError:
            staged_copy.discard(settings)
            raise
    return file_swap.replaced_folders(folder)[-1]


def _restore(settings: Settings, stage: Callable[[], StagedCopy | None], is_reactivating: bool) -> Path | None:
    """Restore the backup. Return the folder of what it replaced, which may not exist; None after a preview."""
    from app.administration import audit
    from app.restoration import staged_copy
    from app.store.database import directory_database
    from app.store.restoration import comparison

    if settings.database.exists() and settings.database.stat().st_size:
        try:
            migrate(settings, may_be_new=True)
        except directory_database.DatabaseUnusable as error:
            if error.code == exit_codes.TRY_AGAIN:
                raise
            # The preview says so.
    staged = stage()
    if staged is None:
        return None
    try:
        with ExitStack() as stack:
            if staged.present:
                stack.enter_context(comparison.unchanged(staged.present))
            staged.complete(audit.HOST, is_reactivating=is_reactivating)
            replaced = file_swap.swap(settings.data, staged.also_replaced)
    finally:
        if not file_swap.is_under_way(settings.data):
            staged_copy.discard(settings)
    data_folder.note_set_up(settings.data)
    return replaced


def _delete_replaced(settings: Settings, is_sure: bool) -> None:
    folders = file_swap.replaced_folders(settings.data)
    if folders and not is_sure:
        click.confirm(f"Delete {', '.join(path.name for path in folders)} in {settings.data}?", abort=True)
    with open_data_folder(settings):
        from app.administration import audit
        from app.restoration import replaced_data

        for path in folders:
            replaced_data.delete(settings.data, path.name, audit.HOST)
            click.echo(f"Deleted {path}.")
