"""This module stores the fingerprints of the files that belong to the database."""

from collections.abc import Mapping

from sqlalchemy import select, update

from app.store.database.connection import Connection
from app.store.directory.tables import installation

_FILES = select(installation.c.secret, installation.c.schemas)
_WRITE = update(installation)


def fingerprints(connection: Connection) -> dict[str, str]:
    """Return the fingerprints at the last start by their columns; "" before the first one."""
    row = connection.execute(_FILES).one_or_none()
    return row._asdict() if row else {}


def write_fingerprints(connection: Connection, values: Mapping[str, str]) -> None:
    """Replace the fingerprints."""
    connection.execute(_WRITE, values)
