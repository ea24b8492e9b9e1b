"""This module fills a data folder with many users and one large group, by the program's own functions."""

import json
import uuid

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import GROUP, USER
from app.store.database import directory_database
from app.store.directory import history_rows, membership_rows, resource_rows
from bench import entra
from bench.servers import BUILD, Folder, application, new_folder

AT_ONCE = 5_000  # users in one transaction
AUTHOR = history_rows.Author("00000000", "key bench")


def filled(users: int, members: int) -> tuple[Folder, str]:
    """Return a folder with so many users, and the id of the group of the first `members`; it is filled once."""
    name = f"filled-{users}-{members}"
    note = BUILD / f"{name}.json"
    if note.exists():
        key, cookie, group = json.loads(note.read_text("utf-8"))
        return Folder(BUILD / name, key, cookie), group
    folder, ids = new_folder(name), [str(uuid.uuid4()) for _ in range(users)]
    loaded = USER.load(entra.user(0))  # one is validated, and the others differ in what follows from their number
    validated = {name: loaded[name] for name in ("schemas", "roles")}
    with application(folder.path):
        for first in range(0, users, AT_ONCE):
            with directory_database.writing() as connection:
                directory_database.lift_time_limit(connection)
                for number in range(first, min(first + AT_ONCE, users)):
                    document = {"schemas": [], "id": ids[number], **entra.user(number), **validated}
                    _insert(connection, DerivedValues(USER, document), [])
        with directory_database.writing() as connection:
            directory_database.lift_time_limit(connection)
            document = {"schemas": [GROUP.schema.urn], "id": str(uuid.uuid4()), "displayName": "Everybody"}
            group = _insert(connection, DerivedValues(GROUP, document), ids[:members])
    note.write_text(json.dumps([folder.key, folder.cookie, group]), "utf-8")
    return folder, group


def _insert(connection: directory_database.Connection, values: DerivedValues, members: list[str]) -> str:
    record = resource_rows.insert(connection, values)
    joined = membership_rows.add_members(connection, record.id, members) if members else frozenset()
    if members:
        resource_rows.relate(connection, record, len(joined), is_written=True)
    row = {"at": record.created, "resource_type": record.type, "resource_id": record.id, "version": 1}
    moves = history_rows.Moves(joined)
    history_rows.record(connection, AUTHOR, "create", row | {"name": values.name}, (), moves)
    return record.id
