"""This module opens the data folder for one command, also while a server uses it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import bounds, data_folder, file_swap, process
from app.commands.shared.options import taking
from app.settings import Settings

if TYPE_CHECKING:
    from app.scim.resource_types import ResourceType


log = logging.getLogger("recnice.serve")


@contextmanager
def open_data_folder(settings: Settings, may_be_damaged: bool = False) -> Iterator[Sequence[ResourceType]]:
    """Enter an application context, and yield the resource types. The database is migrated, its derived rows rebuilt.

    A running server has already done both; otherwise this function does it while it holds the folder. With
    `may_be_damaged`, a failed rebuild is ignored, and changes nothing. Only `serve` creates a database, since another
    command may have a mistyped --data.
    Raises FolderError, FolderInUseError, DatabaseUnusable, SchemaFileError.
    """
    process.keep_private()
    is_served = data_folder.server(settings.data)
    is_missing = not settings.database.exists() and not file_swap.is_under_way(settings.data)
    if is_missing and not is_served and data_folder.may_be_new(settings.data):
        raise data_folder.FolderError(f"data folder {settings.data}: no database there (recnice-scim serve makes it)")
    data_folder.prepare(settings.data)
    from app import create_app
    from app.administration import installation

    app = create_app(settings)
    types: Sequence[ResourceType] = app.config["RECNICE_RESOURCE_TYPES"]
    with app.app_context():
        _bring_up(settings, types, may_be_damaged)
        file = _number_of(settings.database)
        yield types
        if _number_of(settings.database) != file:
            raise data_folder.FolderError(
                f"data folder {settings.data}: a copy was restored while this command ran, so what it changed may be "
                "lost: run it again"
            )
        if not may_be_damaged and data_folder.may_be_new(settings.data) and installation.is_in_use():
            data_folder.note_set_up(settings.data)


def _number_of(database: Path) -> int:
    """Return the number of the file at this path; 0 for none."""
    with suppress(FileNotFoundError):
        return database.stat().st_ino
    return 0


def _bring_up(settings: Settings, types: Sequence[ResourceType], may_be_damaged: bool) -> None:
    from app.administration.roles import granted_roles
    from app.store.database import directory_database
    from app.store.directory import rebuild_derived_rows, word_index

    while not data_folder.server(settings.data):
        with suppress(data_folder.FolderInUseError), data_folder.hold(settings.data, "prepare"):
            file_swap.finish(settings.data)
            migrate(settings, data_folder.may_be_new(settings.data))
            try:
                rebuild_derived_rows.rebuild(types, granted_roles.settle)
                while word_index.write_due(types):
                    pass
            except directory_database.DatabaseUnusable:
                raise
            except Exception:
                if not may_be_damaged:
                    raise
            return


def migrate(settings: Settings, may_be_new: bool) -> tuple[str, ...]:
    """Migrate the database after a backup of it, and delete what killed backups left. Returns warnings.

    The caller holds the data folder. Raises DatabaseUnusable, BackupError.
    """
    from app.store.database import directory_database

    def back_up() -> None:
        from app.backup import copies, writing

        copy = writing.back_up(settings, "before-upgrade", wait_s=bounds.BACKUP_WAIT_S)
        log.info("%s was written before the upgrade", copy.path)
        copies.prune(settings)

    # Not the folder of the settings: that of a share which does not answer would prevent the start.
    if any(next(folder.glob("*.partial*"), None) for folder in (settings.data, settings.own_backups)):
        from app.backup import copies

        for path in copies.sweep(settings):
            log.info("removed %s, left behind by a killed process", path)
    return directory_database.migrate(settings.database, may_be_new, back_up)


def on_data_folder(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--data` to a command, and run it in the opened folder with the actor that its audit entries have."""

    @taking("data")
    @functools.wraps(command)
    def run(settings: Settings, **arguments: Any) -> Any:
        with open_data_folder(settings):
            from app.administration import audit

            return command(audit.HOST, **arguments)

    return run
