"""How long the console's pages take with very many people: `make bench-console`, or

    python -m bench.console [--people N …] [--members N] [--rounds N]

It fills a data folder with made-up people and one large group, as the program itself would store them, starts the
appliance on it, and asks for each page. A page that answers anything but 200 counts as wrong.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Table

from app import clock, create_app, settings
from app.administration.accounts.first_administrator import claim_setup, create_setup_code
from app.administration.accounts.sessions import Browser
from app.scim.derived_values import DerivedValues
from app.scim.resource_types import GROUP, USER
from app.store import integrity_check
from app.store.database import directory_database
from app.store.directory import (
    attribute_coverage,
    history_rows,
    membership_rows,
    rebuild_derived_rows,
    resource_rows,
    word_index,
)
from app.store.directory.tables import event, lookup, population, resource
from bench.entra import serving, user
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME, Visitor

AT_ONCE = 5_000
CHECKED = 10_000  # so many people are checked after filling; more would take as long again
DEPARTMENTS = ("Sales", "Legal", "Research", "Finance", "Support")
GIVEN = ("Ana", "Bo", "Chidi", "Dora", "Emre", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kofi", "Lea", "Mina", "Noor")
FAMILY = ("Ruiz", "Larsen", "Okafor", "Meyer", "Demir", "Haddad", "Novak", "Sato", "Rossi", "Park", "Mensah", "Roy")


def person(number: int) -> dict[str, Any]:
    """A document as it is stored, with a name that many share."""
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number // len(GIVEN) % len(FAMILY)]
    document = user(number)
    named = {"displayName": f"{given} {family}", "active": number % 20 != 0}
    named["name"] = {"givenName": given, "familyName": family, "formatted": f"{given} {family}"}
    loaded = USER.load(document | named)
    return {"schemas": loaded["schemas"], "id": str(uuid.UUID(int=number + 1)), **loaded}


def fill(folder: Path, people: int, members: int) -> None:
    """Everybody, a history of one event each, and a group of the first `members` of them."""
    chosen = settings.load({"data": str(folder)}, {})
    folder.mkdir(mode=0o700, exist_ok=True)
    app = create_app(chosen)
    directory_database.migrate(chosen.database)
    with app.app_context():
        rebuild_derived_rows.rebuild(app.config["RECNICE_RESOURCE_TYPES"])
        claim_setup(create_setup_code(), USER_NAME, PASSWORD, Browser())
        filled: Counter[str] = Counter()
        active = 0
        for first in range(0, people, AT_ONCE):
            users = [DerivedValues(USER, person(number)) for number in range(first, min(first + AT_ONCE, people))]
            active += sum(one.is_active for one in users)
            for one in users:
                filled.update(one.filled_paths)
            with directory_database.writing() as connection:
                directory_database.lift_time_limit(connection)
                insert(connection, first, users)
        with directory_database.writing() as connection:
            directory_database.lift_time_limit(connection)
            connection.execute(sql.insert(population), {"type": "User", "total": people, "active": active})
            attribute_coverage.rewrite(connection, "User", filled)
            document = {"schemas": [GROUP.schema.urn], "id": str(uuid.uuid4()), "displayName": "Everybody"}
            record = resource_rows.insert(connection, DerivedValues(GROUP, document))
            ids = (str(uuid.UUID(int=number + 1)) for number in range(members))
            joined = membership_rows.add_members(connection, record.id, ids)
            resource_rows.relate(connection, record, len(joined), is_written=True)
            row = {"at": record.created, "resource_type": "Group", "resource_id": record.id, "version": 1}
            author = history_rows.Author("00000000", "key bench")
            history_rows.record(
                connection, author, "create", row | {"name": "Everybody"}, (), history_rows.Moves(joined)
            )
        with directory_database.reading() as connection:
            if people <= CHECKED:
                assert integrity_check.check(connection, (USER, GROUP)) == []
        directory_database.file.close()


def insert(connection: directory_database.Connection, first: int, users: Sequence[DerivedValues]) -> None:
    """Many new users at once, as one by one they would be stored; `first` is the position before theirs."""
    now = clock.to_wire(clock.utc_now())
    rows: dict[Table, list[dict[str, Any]]] = {resource: [], lookup: [], event: []}
    said = []
    for position, values in enumerate(users, first + 1):
        document = values.document
        of_it = {"type": "User", "id": document["id"], "version": 1, "created": now, "last_modified": now}
        rows[resource].append(of_it | {"position": position, "search": values.search, "document": values.text})
        rows[lookup] += [
            {"type": "User", "attribute": path, "value": value, "resource_id": document["id"], "is_unique": is_unique}
            for path, value, is_unique in values.lookups
        ]
        named = {"resource_type": "User", "resource_id": document["id"], "name": document["displayName"]}
        asked = {"at": now, "request": f"{position:08x}", "actor": "key bench", "verb": "create", "version": 1}
        rows[event].append(named | asked | {"joined": 0, "departed": 0})
        said.append({"position": position, "text": word_index.to_words(values)})
    for table, of_table in rows.items():
        connection.execute(sql.insert(table), of_table)
    connection.execute(sql.text("INSERT INTO word (rowid, text) VALUES (:position, :text)"), said)


def pages(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """What is asked for: its name, its path. Ids are read from the lists."""
    group = re.search(r'href="(/groups/[0-9a-f-]+)', visitor.get("/groups").text)
    one = re.search(r'href="(/users/[0-9a-f-]+)', visitor.get("/users").text)
    assert group and one
    yield "status", "/"
    yield "problems", "/problems"
    yield "activity", "/activity"
    yield "users", "/users"
    yield "users, page 150", "/users?page=150"
    yield "users by name", "/users?sort=displayName"
    yield "users, newest change first", "/users?sort=-meta.lastModified"
    yield "users, disabled", "/users?view=disabled"
    yield "users, one word", "/users?q=okafor"
    yield "users, two beginnings", "/users?q=an+ru"
    yield "users, nobody", "/users?q=zzzz"
    yield "person", one[1]
    yield "person, history", one[1] + "?tab=history"
    yield "person, groups", one[1] + "?tab=groups"
    yield "person, requests", one[1] + "?tab=requests"
    yield "groups", "/groups"
    yield "large group", group[1]
    yield "large group, page 150", group[1] + "?page=150"
    yield "large group, history", group[1] + "?tab=history"
    yield "attributes", "/attributes"
    yield "search", "/search?q=okafor"


def measure(people: int, members: int, rounds: int, port: int) -> None:
    """One size: filled, started, asked, printed."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        fill(Path(folder) / "recnice", people, min(members, people))
        size = sum(file.stat().st_size for file in (Path(folder) / "recnice").iterdir())
        print(f"\n{people:,} people, a group of {min(members, people):,}: {size / 1e6:.0f} MB", end=", ")
        print(f"filled in {time.monotonic() - started:.0f} s")
        arguments = ("recnice_scim.py", "serve", "--data", f"{folder}/recnice", "--listen", f"127.0.0.1:{port}")
        with serving(*arguments):
            appliance = Appliance([sys.executable, "recnice_scim.py"], Path(folder) / "recnice", port=port)
            visitor = Visitor(appliance.url)
            visitor.sign_in()
            print(f"{'':28}{'median ms':>10}{'worst ms':>10}{'kB':>8}{'wrong':>7}")
            for name, path in pages(visitor):
                report(visitor, name, path, rounds)


def report(visitor: Visitor, name: str, path: str, rounds: int) -> None:
    waits, wrong, size = [], 0, 0
    for _ in range(rounds):
        before = time.perf_counter()
        page = visitor.get(path)
        waits.append((time.perf_counter() - before) * 1_000)
        wrong += page.status != 200
        size = len(page.text)
    print(f"{name:28}{statistics.median(waits):10.0f}{max(waits):10.0f}{size / 1_000:8.0f}{wrong:7}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[10_000])
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=17645)
    given = parser.parse_args()
    for people in given.people:
        measure(people, given.members, given.rounds, given.port)


if __name__ == "__main__":
    main()
