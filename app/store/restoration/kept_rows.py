"""This module keeps, in the database of a copy, the rows of the present one that a restore must not take back.

Users, groups, memberships and their history come from the copy. Who may sign in or call, and the audit, stay as they
are now: a key that was revoked since the copy stays revoked.
See also: docs/decisions/0066-a-restore-takes-back-the-directory.md.
"""

import secrets
from collections.abc import Sequence

from app.store.database.connection import Connection

FROM_COPY = frozenset(
    (
        *("resource", "lookup", "membership", "population", "event", "membership_event"),
        *("derivation", "declared_attribute"),
        "alembic_version",
    )
)
"""The tables whose rows the copy keeps, with those of the words (`word…`). Those of every other table are replaced."""
_OF_USERS = ("session", "granted_role", "unconfirmed_user")
_USER_EXISTS = "(user_id IS NULL OR user_id IN (SELECT id FROM main.resource))"
_FOLLOWED_BY_COPY = "name <> 'words'"
_TRIGGERS = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'"
_TABLES = "SELECT name FROM present.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
_COUNTED = "SELECT name FROM main.sqlite_sequence"
_RAISE = "UPDATE main.generation SET number = max(number, ?) + 1 + abs(random() % 1000000000)"


def keep_present(connection: Connection) -> None:
    """Replace what must not go back by the rows of the attached database `present`, in the caller's transaction.

    Foreign keys are off, and checked here: raises ValueError for a row without its parent, and the driver's errors for
    a missing table. Numbers of rows that the present database has given are not given again.
    """
    triggers = connection.exec_driver_sql(_TRIGGERS).all()
    for name, _ in triggers:  # they refuse to change the audit
        connection.exec_driver_sql(f"DROP TRIGGER main.{name}")
    number = connection.exec_driver_sql("SELECT number FROM present.generation").scalar_one()
    tables = connection.exec_driver_sql(_TABLES).scalars()
    replaced = [name for name in tables if name not in FROM_COPY and not name.startswith("word")]
    for name in replaced:
        replace_rows(connection, name)
    for name in connection.exec_driver_sql(_COUNTED).scalars().all():
        _continue_count(connection, name, is_replaced=name in replaced)
    connection.exec_driver_sql(_RAISE, (number,))
    for _, sql in triggers:
        connection.exec_driver_sql(sql)
    connection.exec_driver_sql("UPDATE main.installation SET feed_epoch = ?", (secrets.token_hex(8),))
    if orphan := connection.exec_driver_sql("PRAGMA main.foreign_key_check").first():
        raise ValueError(f"{orphan[0]} has a row without its {orphan[2]}")


def begin_elsewhere(connection: Connection) -> None:
    """Let a copy begin on another machine: with another identity and without sessions."""
    for name in ("session", "access_token", "setup_code"):
        connection.exec_driver_sql(f"DELETE FROM {name}")
    new = secrets.token_hex(16), secrets.token_hex(8)
    connection.exec_driver_sql("UPDATE installation SET instance = ?, feed_epoch = ?", new)
    connection.exec_driver_sql(_RAISE, (0,))


def replace_rows(connection: Connection, name: str) -> None:
    """Replace the rows of a table by those of the present database, as far as they can be there."""
    where = _USER_EXISTS if name in _OF_USERS else _FOLLOWED_BY_COPY if name == "job" else "TRUE"
    columns = ", ".join(_columns(connection, name))
    connection.exec_driver_sql(f"DELETE FROM main.{name}{f' WHERE {where}' if name == 'job' else ''}")
    connection.exec_driver_sql(
        f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM present.{name} WHERE {where}"
    )


def _columns(connection: Connection, name: str) -> Sequence[str]:
    return [row[1] for row in connection.exec_driver_sql(f"PRAGMA main.table_info({name})")]


def _continue_count(connection: Connection, name: str, is_replaced: bool) -> None:
    """Let a table go on with the number after the present one's, or after the higher one where it has its own rows."""
    present = connection.exec_driver_sql("SELECT seq FROM present.sqlite_sequence WHERE name = ?", (name,)).scalar()
    if present is not None:
        new = "?" if is_replaced else "max(seq, ?)"
        connection.exec_driver_sql(f"UPDATE main.sqlite_sequence SET seq = {new} WHERE name = ?", (present, name))
