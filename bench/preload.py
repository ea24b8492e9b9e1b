"""This module fills data folders by the program's own functions: with users and one large group, or with old requests.

A folder is filled once, and kept in build/bench for later runs.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from app import clock
from app.administration.accounts.password_sign_in import sign_in
from app.administration.accounts.sessions import Browser
from app.provisioning.resource_operations import new_id
from app.request_record import Request
from app.scim.derived_values import DerivedValues
from app.scim.resource_types import GROUP, USER, ResourceType
from app.store.database import directory_database
from app.store.directory import history_rows, membership_rows, resource_rows, word_index
from app.store.request_log import log_database, request_rows
from bench import entra
from bench.servers import BUILD, OWNER, Folder, application, new_folder

AT_ONCE = 20_000  # users or requests in one transaction
CACHE_KIB = 256 * 1024  # rows are written to random places of the indexes, each of which is to be read once
OLD_DAYS = 60
AUTHOR = history_rows.Author("00000000", "key bench")


def filled(users: int, members: int) -> tuple[Folder, str]:
    """Return a folder with so many users, and the id of the group of the first `members`."""
    return _kept(f"filled-{users}-{members}", lambda: _fill(users, members))


def logged(requests: int) -> Folder:
    """Return a folder whose request log has so many requests that are `OLD_DAYS` old."""
    return _kept(f"logged-{requests}", lambda: _log(requests))[0]


def _kept(name: str, fill: Callable[[], str]) -> tuple[Folder, str]:
    """Return the folder of that name and what `fill` returned, which is called in a new folder if there is none."""
    note = BUILD / f"{name}.json"
    if not note.exists():
        print(f"filling {BUILD / name}", flush=True)
        folder = new_folder(name)
        with application(folder.path):
            note.write_text(json.dumps([folder.key, fill()]), "utf-8")
    key, *_, filling = json.loads(note.read_text("utf-8"))  # an older note has a cookie between them
    path = BUILD / name
    with application(path):  # upgrades a folder of an older commit once, and not each of its copies
        # A session of the last run may be over.
        return Folder(path, key, sign_in(*OWNER, Browser())), filling


def _fill(users: int, members: int) -> str:
    loaded = USER.load(entra.user(0))  # one is validated, and the others differ in what follows from their number
    validated = {name: loaded[name] for name in ("schemas", "roles")}
    ids: list[str] = []
    for first in range(0, users, AT_ONCE):
        with directory_database.writing() as connection:
            directory_database.lift_time_limit(connection)
            connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
            for number in range(first, min(first + AT_ONCE, users)):
                document = {"schemas": [], "id": new_id(), **entra.user(number), **validated}
                id = _insert(connection, USER, document)
                if number < members:
                    ids.append(id)
    with directory_database.writing() as connection:
        directory_database.lift_time_limit(connection)
        document = {"schemas": [GROUP.schema.urn], "id": new_id(), "displayName": "Everybody"}
        group = _insert(connection, GROUP, document, ids)
    while word_index.write_due((USER, GROUP)):
        pass
    return group


def _insert(
    connection: directory_database.Connection, type: ResourceType, document: entra.Document, members: Iterable[str] = ()
) -> str:
    values = DerivedValues(type, document)
    record = resource_rows.insert(connection, values)
    joined = membership_rows.add_members(connection, record.id, members) if members else frozenset()
    if members:
        resource_rows.relate(connection, record, len(joined), is_written=True)
    row = {"at": record.created, "resource_type": record.type, "resource_id": record.id, "version": 1}
    moves = history_rows.Moves(joined)
    history_rows.record(connection, AUTHOR, "create", row | {"name": values.name}, (), moves)
    return record.id


def _log(requests: int) -> str:
    at = clock.to_wire(clock.utc_now() - timedelta(days=OLD_DAYS))
    usual = Request(at=at, method="POST", path="Users", status=201, action="create", resource_type="User")
    for first in range(0, requests, AT_ONCE):
        rows = [
            replace(usual, number=f"{number:016x}", resource_id=new_id(), resource_name=f"user{number}")
            for number in range(first, min(first + AT_ONCE, requests))
        ]
        with log_database.writing() as connection:
            request_rows.insert(connection, rows)
    return ""
