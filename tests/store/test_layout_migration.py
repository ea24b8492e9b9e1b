"""A database of the layout of 0010, with everything that a directory can have, has the same content after the upgrade.

The sample was written by the program itself: users (disabled, without a name, of another alphabet, of an own schema),
groups (empty, nested, with a member that nobody is), an own resource type, all their changes, deletions, a required
attribute and two roles.
"""

from __future__ import annotations

import gzip
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app import bundled_files
from app.scim import custom_schemas
from app.scim.resource_types import RESOURCE_TYPES
from app.store import integrity_check
from app.store.access import audit_rows
from app.store.database import directory_database, migration, sqlite_driver
from app.store.directory import attribute_coverage, history_rows, rebuild_derived_rows
from tests.custom.conftest import SCHEMAS
from tests.store.conftest import make_app

SAMPLE = Path(__file__).with_name("layout_0010.sqlite3.gz")
SAME = {
    "resource": "position, id, type, document, version, created, last_modified, shelf, members",
    "membership": "*",
    "population": "*",
    "strict_attribute": "*",
    "granted_role": "*",
    "declared_attribute": "*",
    "membership_event": "event_id, group_id, member_id, has_joined",
    "word": "rowid, text",
    "audit": "id, at, actor, address, action, target, detail, hash",
    "sqlite_sequence": "name, seq",
}
"""Columns that have the same values before and after the upgrade."""
EVENT = "id, at, request, actor, verb, resource_type, resource_id, name, version, joined, departed, is_simulated"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "recnice.sqlite3"
    path.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    return path


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite_driver.module.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def content(path: Path) -> dict[str, Any]:
    same = {table: sorted(rows(path, f"SELECT {columns} FROM {table}"), key=repr) for table, columns in SAME.items()}
    # Step 0014 closes the former part of the audit with an entry.
    same["audit"] = [row for row in same["audit"] if row[4] != audit_rows.RENEWED]
    same["sqlite_sequence"] = [row for row in same["sqlite_sequence"] if row[0] != "audit"]
    return same | {"lookup": lookups(path)}


def lookups(path: Path) -> list[Any]:
    """The lookups of resources that exist, in the layout of either step."""
    columns = {name for _, name, *_ in rows(path, "PRAGMA table_info(lookup)")}
    own = "position" if "position" in columns else "resource_id"
    is_own = f"lookup.{own} = resource.{own.removeprefix('resource_')}"
    query = f"SELECT lookup.type, attribute, value, resource.id FROM lookup JOIN resource ON {is_own}"
    return sorted(rows(path, query))


@pytest.fixture
def lean_sample(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same database in the layout of 0012."""
    folder = tmp_path / "migrations"
    later = [path.name for path in bundled_files.MIGRATIONS.glob("versions/*.py") if path.name > "0013"]
    shutil.copytree(bundled_files.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__", *later))
    with monkeypatch.context() as patched:
        patched.setattr(bundled_files, "MIGRATIONS", folder)
        directory_database.migrate(sample)
    assert rows(sample, "SELECT version_num FROM alembic_version") == [("0012",)]
    return sample


def test_everything_is_the_same_after_the_upgrade(sample: Path) -> None:
    before = content(sample)
    assert all(before.values()), "a table without rows would prove nothing"
    events = {row[0]: row for row in rows(sample, f"SELECT {EVENT} FROM event")}
    changes: dict[int, dict[str, Any]] = {id: {} for id in events}
    for event_id, attribute, old, new in rows(sample, "SELECT * FROM change"):
        changes[event_id][attribute] = tuple(None if text is None else json.loads(text) for text in (old, new))
    filled = {(type, path): number for type, path, number in rows(sample, "SELECT * FROM coverage WHERE filled > 0")}
    types = custom_schemas.read(SCHEMAS)
    directory_database.migrate(sample)
    copied = rows(sample, "SELECT position, active, filled FROM resource ORDER BY position")
    with make_app(directory_database.address(sample)).app_context():
        with directory_database.reading() as connection:
            assert integrity_check.check(connection, types) == []
            assert {key: number for key, number in attribute_coverage.filled(connection).items() if number} == filled
            found = history_rows.events_of_requests(connection, {row[2] for row in events.values()})
        directory_database.file.close()
    assert content(sample) == before
    assert rows(sample, "SELECT position, active, filled FROM resource ORDER BY position") == copied
    assert len({filled for _, _, filled in copied}) > 3, "they differ"
    assert {row[0]: row for row in rows(sample, f"SELECT {EVENT} FROM event")} == events
    assert {one.id: {part.attribute: (part.old, part.new) for part in one.changes} for one in found} == changes


@pytest.mark.parametrize("harm", ["coverage SET filled = filled + 1", "population SET active = active + 1"])
def test_what_does_not_agree_with_the_counts_is_derived_again(sample: Path, harm: str) -> None:
    with closing(sqlite_driver.module.connect(sample, isolation_level=None)) as connection:
        connection.execute(f"UPDATE {harm} WHERE type = 'User'")
    types = custom_schemas.read(SCHEMAS)
    directory_database.migrate(sample)
    assert rows(sample, "SELECT type FROM derivation WHERE fingerprint = ''") == [("User",)]
    with make_app(directory_database.address(sample)).app_context():
        rebuild_derived_rows.rebuild(types)
        with directory_database.reading() as connection:
            assert integrity_check.check(connection, types) == []
        directory_database.file.close()


def test_what_takes_long_says_so(
    sample: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in (migration, rebuild_derived_rows):
        monkeypatch.setattr(module, "PROGRESS_EVERY_S", 0.0)
    monkeypatch.setattr(sqlite_driver, "STEPS_BETWEEN_LOOKS", 100)
    with caplog.at_level("INFO"):
        directory_database.migrate(sample)
        with make_app(directory_database.address(sample)).app_context():
            rebuild_derived_rows.rebuild(RESOURCE_TYPES)
            directory_database.file.close()
    assert "upgraded to this version's layout: 0 s so far" in caplog.text
    assert "User: 7 stored resources compared with the schemas so far" in caplog.text


@pytest.mark.parametrize(
    "harm",
    ["INSERT INTO change SELECT 9999, attribute, old, new FROM change LIMIT 1"],
    ids=["a change without an event"],
)
def test_an_upgrade_that_would_lose_something_changes_nothing(sample: Path, harm: str) -> None:
    with closing(sqlite_driver.module.connect(sample, isolation_level=None)) as connection:
        connection.execute(harm)
    before = content(sample)
    with pytest.raises(ValueError, match="the copy is not complete"):
        directory_database.migrate(sample)
    assert content(sample) == before
    assert rows(sample, "SELECT version_num FROM alembic_version") == [("0010",)]


def test_numbers_that_were_given_are_not_given_again_after_the_upgrade(sample: Path) -> None:
    given = dict(rows(sample, "SELECT name, seq FROM sqlite_sequence WHERE name <> 'audit'"))
    with closing(sqlite_driver.module.connect(sample, isolation_level=None)) as connection:
        connection.execute("DELETE FROM event")
        connection.execute("DELETE FROM change")
        connection.execute("DELETE FROM membership_event")
    directory_database.migrate(sample)
    assert dict(rows(sample, "SELECT name, seq FROM sqlite_sequence WHERE name <> 'audit'")) == given


def test_the_lean_layout_has_the_same_content_after_the_upgrade(lean_sample: Path) -> None:
    with closing(sqlite_driver.module.connect(lean_sample, isolation_level=None)) as connection:
        connection.execute("INSERT INTO lookup VALUES ('User', 'userName', 'nobody', 'x')")
    before, events = content(lean_sample), rows(lean_sample, "SELECT * FROM event ORDER BY id")
    words = rows(lean_sample, "SELECT name, done FROM job")
    types = custom_schemas.read(SCHEMAS)
    directory_database.migrate(lean_sample)
    assert content(lean_sample) == before
    assert rows(lean_sample, "SELECT * FROM event ORDER BY id") == [(*event, None) for event in events]
    assert rows(lean_sample, "SELECT * FROM job") == [
        ("checkpoint", 0, "", None),
        ("guard", 26, "", None),
        ("pruning", 0, "", None),
        *((*row, "", None) for row in words),
    ]
    assert rows(lean_sample, "SELECT length(instance), length(feed_epoch), secret, schemas FROM installation") == [
        (32, 16, "", "")
    ]
    with make_app(directory_database.address(lean_sample)).app_context():
        with directory_database.reading() as connection:
            assert integrity_check.check(connection, types) == [], "without the lookup of nobody"
        directory_database.file.close()
