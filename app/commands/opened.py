"""The data folder opened for one command, while a server may be running on it.

Not here: what the command does with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app import folder, process
from app.settings import Settings


@contextmanager
def opened(settings: Settings, *, may_create: bool = False) -> Iterator[None]:
    """An application context on a migrated database.

    A running server has migrated it already; without one this does it, holding the folder meanwhile. A folder without a
    database is only made one where `may_create` (then a mistyped --data makes no second, empty database unasked).
    Raises folder.FolderError, folder.FolderInUseError, store.db.DatabaseUnusable.
    """
    process.keep_private()
    if not may_create and not settings.database.exists():
        raise folder.FolderError(f"data folder {settings.data}: no database there (recnice-scim serve makes it)")
    folder.prepare(settings.data)
    _migrate(settings)
    from app import create_app

    with create_app(settings).app_context():
        yield


def _migrate(settings: Settings) -> None:
    from app.store import db

    while not folder.server(settings.data):
        with suppress(folder.FolderInUseError), folder.held(settings.data, "prepare"):
            db.migrate(settings.database)
            return
