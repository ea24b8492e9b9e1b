"""The database file before the service uses it: steps, copies, refusals."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import UniqueConstraint, inspect

from app import bounds, bundled_files, exit_codes
from app.administration.audit import Action
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER
from app.store import integrity_check
from app.store.access import audit_rows
from app.store.database import directory_database, migration, sqlite_driver
from app.store.directory import word_index
from tests.store.conftest import insert, make_app, user

NEWEST = max(file.name for file in (bundled_files.MIGRATIONS / "versions").glob("[0-9]*_*.py")).partition("_")[0]
NEXT = f"{int(NEWEST) + 1:04}"
NEXT_FILE = f"{NEXT}_next.py"
SECOND = f"""
from alembic import op
revision = "{NEXT}"
down_revision = "{NEWEST}"
def upgrade():
    op.execute("CREATE TABLE second (id INTEGER PRIMARY KEY) STRICT")
    op.execute("INSERT INTO second VALUES (1)")
    {{rest}}
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy of the migrations, which a test may add to."""
    folder = tmp_path / "migrations %d"
    shutil.copytree(bundled_files.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(bundled_files, "MIGRATIONS", folder)
    return folder / "versions"


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite_driver.module.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def files(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir() if file.is_file()}


def test_a_new_database_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "recnice.sqlite3"
    assert directory_database.migrate(path) == tuple(filter(None, [sqlite_driver.version_warning()]))
    assert rows(path, "SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert files(path) == {path.name}, "there was nothing to copy"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        path.chmod(0o644)
        directory_database.migrate(path)
        assert path.stat().st_mode & 0o777 == 0o600


def test_files_beside_the_database_are_for_its_owner_only(path: Path) -> None:
    with make_app(directory_database.address(path)).app_context():
        insert(USER, user())
        beside = [path.with_name(path.name + end) for end in ("-wal", "-shm")]
        assert all(file.exists() for file in beside)
        if os.name == "posix":
            assert {file.stat().st_mode & 0o777 for file in beside} == {0o600}
        directory_database.file.close()


def test_a_second_start_changes_nothing_and_does_without_alembic(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "_upgrade", lambda path: pytest.fail("nothing to do"))
    before = path.read_bytes()
    directory_database.migrate(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "recnice.sqlite3"
    path.touch()
    directory_database.migrate(path)
    assert rows(path, "SELECT count(*) FROM resource") == [(0,)]


def described(engine: Any) -> dict[str, Any]:
    """Everything about the tables that a difference could hide in."""
    inspector = inspect(engine)
    with engine.connect() as connection:
        # Virtual tables, and those that SQLite keeps behind them, are nobody's declaration but their own.
        kinds = {row.name: row.type for row in connection.exec_driver_sql("PRAGMA table_list")}
        texts = [
            row
            for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
            if kinds[row.name] == "table"
        ]
        options = {
            name: (sql.rstrip().upper().endswith("STRICT"), "WITHOUT ROWID" in sql, "AUTOINCREMENT" in sql)
            for name, sql in texts
        }
        partial = {
            name: " ".join(sql.partition(" WHERE ")[2].split())
            for name, sql in connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
            )
        }
        keys = {
            name: [tuple(row[2:]) for row in connection.exec_driver_sql(f"PRAGMA foreign_key_list({name})")]
            for name, _ in texts
        }
    return {
        table: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], c["default"], c["primary_key"])
                for c in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": sorted(keys[table]),
            "unique": sorted(u["column_names"] for u in inspector.get_unique_constraints(table)),
            "indexes": sorted(
                (str(i["name"]), i["column_names"], bool(i["unique"]), partial[str(i["name"])])
                for i in inspector.get_indexes(table)
            ),
            "options": options[table],
        }
        for table in options
        if not table.startswith(("alembic_", "sqlite_"))
    }


def test_a_migrated_database_is_what_the_tables_say(path: Path, tmp_path: Path) -> None:
    declared = sqlite_driver.make_engine(sqlite_driver.address(tmp_path / "declared.sqlite3"))
    integrity_check.db.metadata.create_all(declared)
    migrated = sqlite_driver.make_engine(sqlite_driver.address(path))
    expected, found = described(declared), described(migrated)
    assert found.keys() == expected.keys() == {table.name for table in integrity_check.db.metadata.sorted_tables}
    for table in expected:
        assert found[table] == expected[table], table
    unique = {
        table.name
        for table in integrity_check.db.metadata.sorted_tables
        if any(isinstance(constraint, UniqueConstraint) for constraint in table.constraints)
    }
    assert unique == {table for table in found if found[table]["unique"]}, "unique columns are compared at all"
    assert rows(path, "SELECT sql FROM sqlite_schema WHERE name = 'word'") == [(word_index.DECLARED,)]


def test_file_names_of_the_steps_are_their_revisions() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    settings = Config()
    settings.set_main_option("script_location", str(bundled_files.MIGRATIONS))
    revisions = [script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()]
    assert sorted(revisions) == migration.known_steps()


def test_an_older_database_is_backed_up_and_upgraded(path: Path, steps: Path) -> None:
    with make_app(directory_database.address(path)).app_context():
        stored = insert(USER, user())
        directory_database.file.close()
    (steps / NEXT_FILE).write_text(SECOND.format(rest=""))
    seen = []
    back_up = lambda: seen.append(rows(path, "SELECT version_num FROM alembic_version"))  # noqa: E731
    directory_database.migrate(path, back_up=back_up)
    assert rows(path, "SELECT id FROM second") == [(1,)]
    assert rows(path, "SELECT id FROM resource") == [(stored.id,)]
    directory_database.migrate(path, back_up=back_up)
    assert seen == [[(NEWEST,)]], "once, before the upgrade"


def test_a_database_that_cannot_be_backed_up_is_not_upgraded(path: Path, steps: Path) -> None:
    (steps / NEXT_FILE).write_text(SECOND.format(rest=""))

    def fail() -> None:
        raise exit_codes.CommandError("the disk is full", exit_codes.TRY_AGAIN)

    with pytest.raises(exit_codes.CommandError, match="the disk is full"):
        directory_database.migrate(path, back_up=fail)
    assert rows(path, "SELECT version_num FROM alembic_version") == [(NEWEST,)]


@contextmanager
def before(step: str, steps: Path, path: Path) -> Iterator[Any]:
    """A connection to a database without this step and those after it; at the end of the block they are taken."""
    newer = {file: file.read_text() for file in steps.glob("[0-9]*_*.py") if file.name >= step}
    for file in newer:
        file.unlink()
    directory_database.migrate(path)
    with closing(sqlite_driver.module.connect(path, isolation_level=None)) as connection:
        yield connection
    for file, text in newer.items():
        file.write_text(text)
    shutil.rmtree(steps / "__pycache__", ignore_errors=True)
    directory_database.migrate(path)


def test_members_that_nobody_is_are_noted_in_an_older_database(tmp_path: Path, steps: Path) -> None:
    path = tmp_path / "recnice.sqlite3"
    resource = "INSERT INTO resource (id, type, document, search, version, created, last_modified) VALUES "
    with before("0007", steps, path) as connection:
        connection.execute(resource + "('g', 'Group', '{}', '{}', 1, '', ''), ('u', 'User', '{}', '{}', 1, '', '')")
        connection.execute("INSERT INTO membership (group_id, member_id) VALUES ('g', 'g'), ('g', 'u'), ('g', 'x')")
    assert rows(path, "SELECT member_id, is_unresolved FROM membership") == [("g", 0), ("u", 0), ("x", 1)]


def test_own_schemas_with_stored_values_are_remembered_in_an_older_database(tmp_path: Path, steps: Path) -> None:
    path = tmp_path / "recnice.sqlite3"
    resource = "INSERT INTO resource (id, type, document, search, version, created, last_modified, shelf) "
    stored = (
        ("a", "User", {"schemas": [USER.schema.urn, USER.extensions[0].urn, "urn:x:badge"]}, None),
        ("b", "User", {"schemas": [USER.schema.urn, "urn:x:badge"]}, {"urn:x:pass": {"number": 1}, "nickName": "b"}),
        ("c", "Device", {"schemas": ["urn:x:device"]}, None),
        ("d", "Group", {"schemas": [GROUP.schema.urn]}, []),
    )
    with before("0010", steps, path) as connection:
        for id, name, document, shelf in stored:
            row = (id, name, json.dumps(document), None if shelf is None else json.dumps(shelf))
            connection.execute(resource + "VALUES (?, ?, ?, '', 1, '', '', ?)", row)
        connection.execute(resource + "VALUES ('e', 'User', '{}', '', 1, '', '', 'no JSON')")
    assert rows(path, "SELECT type, urn, attribute, missing_since FROM declared_attribute") == [
        ("Device", "urn:x:device", "", None),
        ("User", "urn:x:badge", "", None),
        ("User", "urn:x:pass", "", None),
    ]


MADE = "INSERT INTO operator (id, user_name, folded_name, password_hash, created{}) VALUES ('o', 'e', 'e', '', ?{})"


def audit_faults(path: Path) -> list[str]:
    with make_app(directory_database.address(path)).app_context():
        with directory_database.reading() as connection:
            found = list(audit_rows.faults(connection))
        directory_database.file.close()
    return found


@pytest.mark.parametrize("moment", ["2025-01-01T00:00:00.000Z", "2127-01-01T00:00:00.000Z"])  # by another clock, too
def test_what_is_older_than_the_audit_needs_no_entry(tmp_path: Path, steps: Path, moment: str) -> None:
    path = tmp_path / "recnice.sqlite3"
    with before("0005", steps, path) as connection:
        connection.execute(MADE.format("", ""), (moment,))
    began, renewed = Action.AUDIT_BEGAN.key, Action.AUDIT_RENEWED.key
    assert rows(path, "SELECT id, actor, action FROM audit") == [(1, "itself", began), (2, "itself", renewed)]
    assert audit_faults(path) == []


@pytest.mark.parametrize("moment", ["2025-01-01T00:00:00.000Z", "9000-01-01T00:00:00.000Z"])
def test_an_audit_that_was_emptied_before_an_upgrade_is_found_after_it(
    tmp_path: Path, steps: Path, moment: str
) -> None:
    path = tmp_path / "recnice.sqlite3"
    with before("0010", steps, path) as connection:
        connection.execute(MADE.format(", role", ", 'owner'"), (moment,))
    assert rows(path, "SELECT * FROM audit") == []
    [sentence] = audit_faults(path)
    assert "no entry says that operator" in sentence


def test_an_audit_with_entries_is_left_as_it_is_by_the_upgrade(tmp_path: Path, steps: Path) -> None:
    path = tmp_path / "recnice.sqlite3"
    with before("0010", steps, path) as connection:
        connection.execute("INSERT INTO audit VALUES (1, '', '', '', '', '', '{}', 'x')")
        connection.execute("UPDATE audit_head SET entries = 1, hash = 'x'")
        connection.execute(MADE.format(", role", ", 'owner'"), ("",))
    assert rows(path, "SELECT id, hash, commitment FROM audit WHERE id = 1") == [(1, "x", None)]
    [(detail,)] = rows(path, "SELECT detail FROM audit WHERE id = 2")
    assert json.loads(detail) == {"entries": "1", "hash": "x"}, "one entry closes the former part"
    first, *others = audit_faults(path)
    assert "entry 1 is not as it was written" in first and all("operator" in sentence for sentence in others)


@pytest.mark.parametrize(
    "rest", ['raise ValueError("stop")', 'op.execute("CREATE TABLE second (x)")', 'op.execute("INSERT INTO nothing")']
)
def test_a_step_that_fails_leaves_nothing_behind(path: Path, steps: Path, rest: str) -> None:
    second = steps / NEXT_FILE
    second.write_text(SECOND.format(rest=rest))
    with pytest.raises((ValueError, directory_database.DatabaseUnusable)):
        directory_database.migrate(path)
    assert rows(path, "SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert rows(path, "SELECT name FROM sqlite_schema WHERE name = 'second'") == []
    second.write_text(SECOND.format(rest=""))
    shutil.rmtree(steps / "__pycache__", ignore_errors=True)
    directory_database.migrate(path)
    assert rows(path, "SELECT version_num FROM alembic_version") == [(NEXT,)]


def test_each_step_is_a_transaction_of_its_own(tmp_path: Path, steps: Path) -> None:
    (steps / NEXT_FILE).write_text(SECOND.format(rest='raise ValueError("stop")'))
    path = tmp_path / "recnice.sqlite3"
    with pytest.raises(ValueError, match="stop"):
        directory_database.migrate(path)
    assert rows(path, "SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert rows(path, "SELECT count(*) FROM resource") == [(0,)]


def test_a_first_step_that_fails_leaves_an_empty_file(tmp_path: Path, steps: Path) -> None:
    first = steps / "0001_first.py"
    first.write_text(first.read_text() + '    raise ValueError("stop")\n')
    path = tmp_path / "recnice.sqlite3"
    with pytest.raises(ValueError, match="stop"):
        directory_database.migrate(path)
    assert rows(path, "SELECT name FROM sqlite_schema") == []


def test_a_step_may_not_leave_references_to_nothing(path: Path, steps: Path) -> None:
    (steps / NEXT_FILE).write_text(
        SECOND.format(rest="op.execute(\"INSERT INTO membership (group_id, member_id) VALUES ('nobody', 'x')\")")
    )
    with pytest.raises(ValueError, match="membership"):
        directory_database.migrate(path)
    assert rows(path, "SELECT count(*) FROM membership") == [(0,)]


def test_a_newer_database_is_refused_untouched(path: Path) -> None:
    with closing(sqlite_driver.module.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(directory_database.DatabaseUnusable, match="newer Recnice SCIM .*9999"):
        directory_database.migrate(path)
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recnice.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    with pytest.raises(directory_database.DatabaseUnusable, match="another program"):
        directory_database.migrate(path)


def damage(path: Path, start: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(os.urandom(8_192)),
        lambda path: path.write_text("# settings, saved to the wrong place\n" * 100),
        lambda path: damage(path, 4096 * 2, os.urandom(4096 * 4)),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: damage(path, 0, b"SQLite format 4"),
    ],
    ids=["random", "text", "pages", "truncated", "header"],
)
def test_a_damaged_file_is_refused_in_one_sentence(path: Path, harm: Any) -> None:
    harm(path)
    with pytest.raises(directory_database.DatabaseUnusable) as refused:
        directory_database.migrate(path)
    assert str(path) in str(refused.value)
    assert "damaged" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_huge_file_is_not_read_through_at_every_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(path, 4096 * 4, os.urandom(4096 * 4))
    monkeypatch.setattr(bounds, "QUICK_CHECK_BYTES", 4096)
    directory_database.migrate(path)


def test_the_journal_of_another_database_harms_nothing(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite3"
    with closing(sqlite_driver.connect(sqlite_driver.address(other))) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
        journal = other.with_name(other.name + "-wal").read_bytes()
    path.with_name(path.name + "-wal").write_bytes(journal[:32] + os.urandom(len(journal) - 32))
    directory_database.migrate(path)
    with make_app(directory_database.address(path)).app_context():
        insert(USER, user())
        with directory_database.reading() as connection:
            assert integrity_check.check(connection, RESOURCE_TYPES) == []
        directory_database.file.close()


def test_a_database_that_is_locked_or_in_a_wrong_place_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(directory_database.DatabaseUnusable, match="cannot be used"):
        directory_database.migrate(path / "inside" / "recnice.sqlite3")
    folder = path.with_name("folder")
    folder.mkdir()
    with pytest.raises(directory_database.DatabaseUnusable, match="cannot be used"):
        directory_database.migrate(folder)
    monkeypatch.setattr(sqlite_driver, "_PRAGMAS", ("busy_timeout = 20",))
    with closing(sqlite_driver.connect(sqlite_driver.address(path))) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(directory_database.DatabaseUnusable, match="locked by another program"):
            directory_database.migrate(path)


def test_strict_tables_refuse_wrong_types(path: Path) -> None:
    with make_app(directory_database.address(path)).app_context():
        with pytest.raises(sqlite_driver.module.Error), directory_database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO population VALUES ('User', 'many')")
        directory_database.file.close()
