"""This module compares the files that belong to the database with those of the last start.

Another secret or another schema file stops nothing, but an administrator who did not replace it wants to know.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from app.scim import schema_file
from app.scim.errors import ScimError
from app.store.access import administrator_rows, oauth_rows, scim_key_rows
from app.store.database import directory_database, sqlite_driver
from app.store.database.directory_database import Connection
from app.store.directory import installation_row

_DIFFERENT = {
    "secret": "recnice.secret: the file is not that of the last start. The secrets of single sign-on and of "
    "authenticator apps cannot be decrypted: restore the file, or enter them again.",
    "schemas": "schemas: the files are not those of the last start. A running server uses them after a restart.",
}


def is_in_use() -> bool:
    """Return whether there is an administrator, a SCIM Key or an OAuth client."""
    with directory_database.reading() as connection:
        return (
            administrator_rows.has_any(connection)
            or scim_key_rows.count(connection) > 0
            or oauth_rows.count_clients(connection) > 0
        )


def differences(connection: Connection, secret: bytes, schemas: Path) -> list[str]:
    """Return a sentence for each kind of file that is not that of the last start. `schemas` is the folder."""
    known, now = {}, _fingerprints(secret, schemas)
    with suppress(sqlite_driver.module.Error):  # `check` reports a damaged table
        known = installation_row.fingerprints(connection)
    return [_DIFFERENT[name] for name, former in known.items() if former and former != now[name]]


def note_start(secret: bytes, schemas: Path) -> list[str]:
    """Record the files of this start, and return the differences from the last one.

    While the database cannot be written, they stay those of the last start.
    """
    now = _fingerprints(secret, schemas)
    with directory_database.reading() as connection:
        lines = differences(connection, secret, schemas)
        is_known = installation_row.fingerprints(connection) == now
    if not is_known:
        with suppress(ScimError), directory_database.writing() as connection:
            installation_row.write_fingerprints(connection, now)
    return lines


def _fingerprints(secret: bytes, schemas: Path) -> dict[str, str]:
    return {
        "secret": hashlib.sha256(b"recnice installation " + secret).hexdigest(),
        "schemas": hashlib.sha256(b"\0".join(schema_file.contents(schemas).values())).hexdigest(),
    }
