"""This module fills a data folder with many users and one large group, by the program's own functions."""

import json
import uuid
from collections.abc import Iterator

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import GROUP, USER
from app.store.database import directory_database
from app.store.directory import history_rows, membership_rows, resource_rows
from app.store.directory.stored_resource import Record
from bench import entra
from bench.servers import BUILD, Folder, application, new_folder

AT_ONCE = 5_000  # users in one transaction
NONE = history_rows.Moves()
AUTHOR = history_rows.Author("00000000", "key bench")


def filled(users: int, members: int) -> tuple[Folder, str]:
    """Return a folder with so many users, and the id of the group of the first `members`; it is filled once."""
    name = f"filled-{users}-{members}"
    note = BUILD / f"{name}.json"
    if note.exists():
        key, cookie, group = json.loads(note.read_text("utf-8"))
        return Folder(BUILD / name, key, cookie), group
    folder = new_folder(name)
    with application(folder.path):
        ids: list[str] = []
        for first in range(0, users, AT_ONCE):
            with directory_database.writing() as connection:
                directory_database.lift_time_limit(connection)
                for document in _documents(first, min(first + AT_ONCE, users)):
                    record = resource_rows.insert(connection, values := DerivedValues(USER, document))
                    ids.append(record.id)
                    _record(connection, record, values)
        document = {"schemas": [GROUP.schema.urn], "id": str(uuid.uuid4()), "displayName": "Everybody"}
        with directory_database.writing() as connection:
            directory_database.lift_time_limit(connection)
            record = resource_rows.insert(connection, values := DerivedValues(GROUP, document))
            joined = membership_rows.add_members(connection, record.id, ids[:members])
            resource_rows.relate(connection, record, len(joined), is_written=True)
            _record(connection, record, values, history_rows.Moves(frozenset(joined)))
    note.write_text(json.dumps([folder.key, folder.cookie, record.id]), "utf-8")
    return folder, record.id


def _documents(first: int, end: int) -> Iterator[dict[str, object]]:
    """Yield documents as they are stored: one is validated, and the others differ only in what a number does."""
    validated = USER.load(entra.user(0))
    for number in range(first, end):
        own = entra.user(number) | {"roles": validated["roles"], "schemas": validated["schemas"]}
        yield {"schemas": own["schemas"], "id": str(uuid.uuid4()), **{name: own[name] for name in validated}}


def _record(
    connection: directory_database.Connection, record: Record, values: DerivedValues, moves: history_rows.Moves = NONE
) -> None:
    row = {"at": record.created, "resource_type": record.type, "resource_id": record.id, "version": 1}
    history_rows.record(connection, AUTHOR, "create", row | {"name": values.name}, (), moves)
