"""`check` names each damage, looks at the rest all the same, and never ends with an error of its own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from app import cli
from app.store.database import sqlite_driver
from tests.cheap import make_database

OTHER = "INSERT OR REPLACE INTO population VALUES ('Group', 9, 0)"
"""A fault that stands beside each of them, in what is looked at last."""
COLUMNS = "position, id, type, document, version, created, last_modified, active, filled"
USER = f"INSERT INTO resource ({COLUMNS}) VALUES "


def made_again(table: str) -> tuple[str, ...]:
    """Statements that take the constraints and triggers of a table away."""
    return (
        f"CREATE TABLE other AS SELECT * FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE other RENAME TO {table}",
    )


HEAD = "audit: audit_head is not one row with the number of the entries and the last hash"
DAMAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "a text for the number of entries": ((*made_again("audit_head"), "UPDATE audit_head SET entries = 'x'"), HEAD),
    "a blob for it": ((*made_again("audit_head"), "UPDATE audit_head SET entries = x'ff'"), HEAD),
    "a blob for the hash": (
        (*made_again("audit_head"), "UPDATE audit_head SET hash = x'ff'"),
        "audit: 0 entries were written, the last one that is there is 0",
    ),
    "two heads": ((*made_again("audit_head"), "INSERT INTO audit_head SELECT * FROM audit_head"), HEAD),
    "no audit_head": (("DROP TABLE audit_head",), "audit_head: the table is missing"),
    "no audit": (("DROP TABLE audit",), "audit: the table is missing"),
    "no declared_attribute": (("DROP TABLE declared_attribute",), "declared_attribute: the table is missing"),
    "no operator": (
        ("PRAGMA foreign_keys = OFF", "DROP TABLE operator"),
        "audit: it cannot be compared with operator",
    ),
    "no strict_attribute": (("DROP TABLE strict_attribute",), "strict_attribute: the table is missing"),
    "a list for a document": (
        (f"{USER} (1, 'a', 'User', '[]', 1, '', '', 1, 0)",),
        "User a: the document has not the form",
    ),
    "a document that is no JSON": (
        (*made_again("resource"), f"{USER} (1, 'a', 'User', 'x', 1, '', '', 1, 0)"),
        "User a: the document has not the form",
    ),
    "a document that is no text": (
        (*made_again("resource"), f"{USER} (1, 'a', 'User', x'ff', 1, '', '', 1, 0)"),
        "User a: the document has not the form",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_named_and_the_rest_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str):
    statements, told = DAMAGES[damage]
    path = make_database(tmp_path / "recnice.sqlite3")
    with closing(sqlite_driver.module.connect(path, isolation_level=None)) as connection:
        for statement in (*statements, OTHER):
            connection.execute(statement)
    assert cli.main(["check", "--data", str(tmp_path), "--audit-hash", "0" * 64]) == 1
    said = capsys.readouterr()
    assert any(line.startswith(told) for line in said.out.splitlines()), said
    assert "population: 9 Group resources are counted, 0 are there" in said.out
    assert "problems found in" in said.err and "unexpected" not in said.err
