"""The data folder opened for one command, while a server may be running on it.

Not here: what the command does with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from app import folder, process
from app.settings import Settings

if TYPE_CHECKING:
    from app.scim.resource_types import ResourceType


@contextmanager
def opened(settings: Settings) -> Iterator[Sequence[ResourceType]]:
    """An application context on a migrated and settled database; gives its resource types.

    A running server has done that already; without one this does it, holding the folder meanwhile. Only `serve` makes a
    database, since another command may have a mistyped --data.
    Raises folder.FolderError, folder.FolderInUseError, store.db.DatabaseUnusable, scim.custom.SchemaFileError.
    """
    process.keep_private()
    is_served = (settings.data / folder.LOCK_NAME).exists() and folder.server(settings.data)
    if not settings.database.exists() and not is_served:
        raise folder.FolderError(f"data folder {settings.data}: no database there (recnice-scim serve makes it)")
    folder.prepare(settings.data)
    from app import create_app

    app = create_app(settings)
    types: Sequence[ResourceType] = app.config["RECNICE_RESOURCE_TYPES"]
    with app.app_context():
        _bring_up(settings, types)
        yield types


def _bring_up(settings: Settings, types: Sequence[ResourceType]) -> None:
    from app.administration import grants
    from app.store import db, shelf

    while not folder.server(settings.data):
        with suppress(folder.FolderInUseError), folder.held(settings.data, "prepare"):
            db.migrate(settings.database)
            shelf.settle(types, grants.settle)
            return
