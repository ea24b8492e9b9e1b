"""The audit: SQLite refuses to change an entry, and `check` finds whoever did it all the same, by plain SQLite."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds
from app.administration import audit
from app.administration.audit import Actor
from app.scim.errors import ScimError
from app.store import integrity_check
from app.store.access import audit_rows
from app.store.access.audit_rows import AuditFilter
from app.store.database import directory_database, sqlite_driver
from tests.statements import recorded

ENTRIES = 5
REST = "address, action, target, detail, hash, commitment, salt, erased"
OTHERS = f"at, actor, {REST}"
AT = "2026-03-01T08:00:0{}.000Z"


def append(connection: Any, number: int, **of: str) -> None:
    values = {"at": AT.format(number), "actor": "operator eva", "address": "192.0.2.1", "action": "key-made"}
    audit_rows.append(connection, **values | {"target": f"Key {number}", "detail": '{"key": "é"}'} | of)


def append_former(connection: Any, number: int) -> None:
    """Write an entry as it was written before step 0014."""
    values = (number, AT.format(number), "operator eva", "192.0.2.1", "key-made", f"Key {number}", '{"key": "é"}')
    new_hash = digest(audit_rows.head(connection)[1], *values)
    former = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, '', 0)"
    connection.exec_driver_sql(former, (*values, new_hash))
    connection.exec_driver_sql("UPDATE audit_head SET entries = ?, hash = ?", (number, new_hash))


def digest(*values: Any) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


FORMS = {"new": 0, "former": ENTRIES - 2}
"""How many of the first entries are from before step 0014."""


@pytest.fixture
def formers() -> int:
    return FORMS["new"]


both_forms = pytest.mark.parametrize("formers", FORMS.values(), ids=FORMS)


@pytest.fixture
def written(app: Flask, path: Path, formers: int) -> Path:
    """The file, with some entries and an operator who was made at the time of the last."""
    with directory_database.writing() as connection:
        for number in range(1, ENTRIES):
            if number <= formers:
                append_former(connection, number)
            elif formers and number == formers + 1:
                append(connection, number, action=audit_rows.RENEWED)
            else:
                append(connection, number)
        append(connection, ENTRIES, action="operator-made", target="eva")
    with altered(path) as connection:
        connection.execute("UPDATE audit_head SET began = '2026-01-01T00:00:00.000Z'")
        made = ("o", "eva", "eva", "", AT.format(ENTRIES), 0, "owner")
        connection.execute("INSERT INTO operator VALUES (?, ?, ?, ?, ?, ?, ?)", made)
    return path


class altered:  # noqa: N801
    """The file in the hands of somebody who takes the triggers off, writes, and puts the same ones back."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite_driver.module.connect(path, isolation_level=None)

    def __enter__(self) -> Any:
        for name in audit_rows.TRIGGERS:
            self.connection.execute(f"DROP TRIGGER {name}")
        return self.connection

    def __exit__(self, *_: object) -> None:
        for sql in audit_rows.TRIGGERS.values():
            self.connection.execute(sql)
        self.connection.close()


def faults(noted: str = "") -> list[str]:
    with directory_database.reading() as connection:
        return list(audit_rows.faults(connection, noted))


def head() -> tuple[int, str]:
    with directory_database.reading() as connection:
        return audit_rows.head(connection)


@both_forms
def test_a_sound_audit_has_no_faults(written: Path):
    assert faults() == []
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, ()) == []
    assert head()[0] == ENTRIES


@both_forms
def test_the_hash_is_the_one_that_is_promised(written: Path, formers: int):
    with closing(sqlite_driver.module.connect(written)) as connection:
        rows = connection.execute("SELECT * FROM audit ORDER BY id").fetchall()
    previous = ""
    for number, at, actor, address, action, target, detail, kept, commitment, salt, _ in rows:
        if number <= formers:
            assert (commitment, salt) == (None, "")
            previous = digest(previous, number, at, actor, address, action, target, detail)
        else:
            assert len(salt) == 32 and commitment == digest(salt, actor, address, target, detail)
            previous = digest(previous, number, at, action, commitment)
        assert kept == previous
    assert len({row[9] for row in rows}) == len(rows) - max(formers - 1, 0), "each salt is random"
    assert head() == (ENTRIES, previous)


@both_forms
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "UPDATE audit SET at = at WHERE id = 1",
        "DELETE FROM audit WHERE id = 3",
        "DELETE FROM audit",
        f"INSERT OR REPLACE INTO audit SELECT id, at, 'nobody', {REST} FROM audit",
        f"INSERT INTO audit SELECT 0, {OTHERS} FROM audit WHERE id = 1",
        "INSERT INTO audit VALUES (-4, '', '', '', '', '', '', '', '', '', 0)",
        "UPDATE audit_head SET entries = 1",
        "UPDATE audit_head SET hash = ''",
        "UPDATE audit_head SET entries = entries + 1, began = ''",
        "DELETE FROM audit_head",
        "INSERT OR REPLACE INTO audit_head VALUES (1, 0, '', '')",
    ],
)
def test_sqlite_refuses_to_change_what_is_written(written: Path, statement: str):
    with (
        closing(sqlite_driver.module.connect(written)) as connection,
        pytest.raises(sqlite_driver.module.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)
    assert faults() == []


# What somebody may do to the file, and a word of each sentence that tells of it.
TAMPERED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "edited": (("UPDATE audit SET actor = 'operator adam' WHERE id = 3",), ("entry 3 is not as it was written",)),
    "moment edited": (("UPDATE audit SET at = '2026-02-01T08:00:00.000Z' WHERE id = 1",), ("entry 1 is not as",)),
    "no text": (("UPDATE audit SET target = CAST(x'ff' AS TEXT) WHERE id = 2",), ("entry 2 is not as",)),
    "removed": (("DELETE FROM audit WHERE id = 3",), ("entry 3 is missing", "entry 4 is not as it was written")),
    "first removed": (("DELETE FROM audit WHERE id = 1",), ("entry 1 is missing", "entry 2 is not as")),
    "inserted before": (
        (f"INSERT INTO audit SELECT 0, {OTHERS} FROM audit WHERE id = 1",),
        ("entry 1 is missing, entry 0 follows", "entry 0 is not as", "entry 1 is not as"),
    ),
    "inserted behind": (
        (f"INSERT INTO audit SELECT 6, {OTHERS} FROM audit WHERE id = 5",),
        ("entry 6 is not as", "5 entries were written, the last one that is there is 6"),
    ),
    "two exchanged": (
        (
            "UPDATE audit SET id = 99 WHERE id = 2",
            "UPDATE audit SET id = 2 WHERE id = 3",
            "UPDATE audit SET id = 3 WHERE id = 99",
        ),
        ("entry 2 is not as", "entry 3 is not as", "entry 4 is not as"),
    ),
    "cut": (
        ("DELETE FROM audit WHERE id > 3",),
        (
            "5 entries were written, the last one that is there is 3",
            "5 entries were numbered",
            "no entry says that operator",
        ),
    ),
    "cut, head set": (
        (
            "DELETE FROM audit WHERE id > 3",
            "UPDATE audit_head SET entries = 3, hash = (SELECT hash FROM audit WHERE id = 3)",
        ),
        ("5 entries were numbered, the last one that is there is 3", "no entry says that operator"),
    ),
    "emptied": (
        ("DELETE FROM audit",),
        (
            "5 entries were written, the last one that is there is 0",
            "5 entries were numbered",
            "no entry says that operator",
        ),
    ),
    "emptied, head set": (
        ("DELETE FROM audit", "UPDATE audit_head SET entries = 0, hash = ''"),
        ("5 entries were numbered, the last one that is there is 0", "no entry says that operator"),
    ),
    "emptied, head and numbers set": (
        (
            "DELETE FROM audit",
            "UPDATE audit_head SET entries = 0, hash = ''",
            "DELETE FROM sqlite_sequence WHERE name = 'audit'",
        ),
        ("no entry says that operator",),
    ),
    "head's hash": (("UPDATE audit_head SET hash = ''",), ("5 entries were written, the last one that is there is 5",)),
    "head's number": (("UPDATE audit_head SET entries = 9",), ("9 entries were written",)),
    "no head": (("DELETE FROM audit_head",), ("audit_head is not one row",)),
    "numbers forgotten": (("DELETE FROM sqlite_sequence",), ("0 entries were numbered",)),
    "numbers moved": (("UPDATE sqlite_sequence SET seq = 9 WHERE name = 'audit'",), ("9 entries were numbered",)),
}


@both_forms
@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_done_to_the_file_is_found(written: Path, kind: str):
    statements, told = TAMPERED[kind]
    with altered(written) as connection:
        for statement in statements:
            connection.execute(statement)
    found = faults()
    assert len(found) == len(told), found
    for sentence, part in zip(found, told, strict=True):
        assert part in sentence
    with directory_database.reading() as connection:
        assert set(found) <= set(integrity_check.check(connection, ()))


def made_again(connection: Any, table: str) -> None:
    """The table without any of its constraints, as somebody makes it who wants to write anything there."""
    connection.execute(f"CREATE TABLE other AS SELECT * FROM {table}")
    connection.execute(f"DROP TABLE {table}")
    connection.execute(f"ALTER TABLE other RENAME TO {table}")


@pytest.mark.parametrize("value", ["NULL", "'x'", "x'ff00'", "1e300", "9223372036854775807"])
@pytest.mark.parametrize(
    "column", ["id", "at", "actor", "address", "action", "target", "detail", "hash", "salt", "erased"]
)
def test_no_value_ends_the_look_through_the_audit(written: Path, column: str, value: str):
    with altered(written) as connection:
        made_again(connection, "audit")
        connection.execute(f"UPDATE audit SET {column} = {value} WHERE id = 2")
    found = faults()
    assert any(("entry 2 is" in one) if column != "id" else ("entry" in one) for one in found), found
    with directory_database.reading() as connection:
        assert set(found) <= set(integrity_check.check(connection, ()))


@pytest.mark.parametrize("value", ["NULL", "'x'", "x'ff00'", "1e300", "9223372036854775807"])
@pytest.mark.parametrize("column", ["entries", "hash", "began"])
def test_no_value_in_the_head_ends_it_either(written: Path, column: str, value: str):
    with altered(written) as connection:
        made_again(connection, "audit_head")
        connection.execute(f"UPDATE audit_head SET {column} = {value}")
    assert faults()


def chained(connection: Any, since: int) -> str:
    """Make the hashes fit again, as somebody does who knows how; gives the last one."""
    found = connection.execute("SELECT hash FROM audit WHERE id = ?", (since - 1,)).fetchone()
    previous = found[0] if found else ""
    rows = connection.execute("SELECT * FROM audit WHERE id >= ? ORDER BY id", (since,)).fetchall()
    for number, at, actor, address, action, target, detail, _, commitment, salt, _ in rows:
        if commitment is None:
            previous = digest(previous, number, at, actor, address, action, target, detail)
        else:
            commitment = digest(salt, actor, address, target, detail)
            previous = digest(previous, number, at, action, commitment)
        connection.execute("UPDATE audit SET hash = ?, commitment = ? WHERE id = ?", (previous, commitment, number))
    connection.execute("UPDATE audit_head SET hash = ?", (previous,))
    return str(previous)


@both_forms
def test_a_whole_new_chain_is_found_by_a_hash_that_was_noted(written: Path):
    noted = head()[1]
    with directory_database.writing() as connection:
        append(connection, 6)
    assert faults(noted) == []
    with directory_database.reading() as connection:
        assert audit_rows.find_by_hash(connection, noted) == ENTRIES
    with altered(written) as connection:
        connection.execute("UPDATE audit SET actor = 'operator adam' WHERE id = 3")
        chained(connection, 3)
    assert faults() == [], "whoever can write the file can make another chain"
    assert faults(noted) == [f"audit: no entry has the hash {noted}, or one up to it is not as it was written"]
    with directory_database.reading() as connection:
        assert audit_rows.find_by_hash(connection, noted) == 0


def test_a_change_after_the_noted_entry_does_not_hide_it(written: Path):
    noted = head()[1]
    with directory_database.writing() as connection:
        append(connection, 6)
    with altered(written) as connection:
        connection.execute("UPDATE audit SET actor = 'operator adam' WHERE id = 6")
    assert len(faults(noted)) == 1
    with directory_database.reading() as connection:
        assert audit_rows.find_by_hash(connection, noted) == ENTRIES


def test_the_noted_hash_of_a_changed_past_counts_for_nothing(written: Path):
    noted = head()[1]
    with altered(written) as connection:
        connection.execute("UPDATE audit SET actor = 'operator adam' WHERE id = 2")
    assert faults(noted)[-1].startswith(f"audit: no entry has the hash {noted}")


@pytest.mark.parametrize("name", audit_rows.TRIGGERS)
def test_a_trigger_that_is_gone_or_does_nothing_is_found(written: Path, name: str):
    table = next(table for table in ("audit_head", "audit_summary", "audit") if name.startswith(table))
    with closing(sqlite_driver.module.connect(written, isolation_level=None)) as connection:
        connection.execute(f"DROP TRIGGER {name}")
        assert "triggers" in faults()[0]
        connection.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON {table} BEGIN SELECT 1; END")
        assert "triggers" in faults()[0]
        connection.execute(f"DROP TRIGGER {name}")
        connection.execute(audit_rows.TRIGGERS[name].replace(" BEGIN", "\n  BEGIN"))
        assert faults() == [], "blanks mean nothing"


def test_a_trigger_too_many_is_found(written: Path):
    with closing(sqlite_driver.module.connect(written, isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER more AFTER INSERT ON audit BEGIN UPDATE operator SET role = 'owner'; END")
    [sentence] = faults()
    assert "triggers" in sentence


@pytest.mark.parametrize("kept", range(ENTRIES))
@pytest.mark.parametrize("began", ["2026-01-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z", "9999-01-01T00:00:00.000Z"])
def test_no_recorded_beginning_hides_a_cut(written: Path, kept: int, began: str):
    with altered(written) as connection:
        connection.execute("UPDATE operator SET created = '2026-03-02T08:00:00.000Z'")
        connection.execute("DELETE FROM audit WHERE id > ?", (kept,))
        connection.execute(
            "UPDATE audit_head SET entries = ?, hash = coalesce((SELECT hash FROM audit WHERE id = ?), ''), began = ?",
            (kept, kept, began),
        )
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'", (kept,))
    [sentence] = faults()
    assert "no entry says that operator" in sentence


@pytest.mark.parametrize(
    "statement", ["DELETE FROM audit_head", "UPDATE audit_head SET entries = 2", "UPDATE audit_head SET entries = 0"]
)
def test_no_act_without_an_entry_where_none_fits(written: Path, statement: str):
    with altered(written) as connection:
        connection.execute(statement)
    with pytest.raises(ScimError) as refused, directory_database.writing() as connection:
        append(connection, 6)
    assert refused.value.status == 503 and "recnice-scim check" in refused.value.detail


def test_of_many_changed_entries_the_first_are_named(written: Path):
    with directory_database.writing() as connection:
        for number in range(3 * bounds.AUDIT_FAULTS):
            append(connection, 6, target=str(number))
    with altered(written) as connection:
        connection.execute("UPDATE audit SET actor = ''")
    found = [sentence for sentence in faults() if "is not as it was written" in sentence]
    assert len(found) == bounds.AUDIT_FAULTS


# --- what may be erased -----------------------------------------------------------------------------------------------


def erased(number: int, by: int, **of: str) -> audit_rows.AuditRow:
    """The entry of this number with other texts, as erased by another one."""
    with directory_database.reading() as connection:
        [entry], _ = audit_rows.page(connection, AuditFilter(), number + 1, 1)
    return replace(entry, erased=by, **of)


def erase(number: int, says: str = "1") -> None:
    """Erase the target of an entry, and record it."""
    with directory_database.writing() as connection:
        append(connection, 6, action=audit_rows.ERASED, detail=json.dumps({"entries": says}))
        by, _ = audit_rows.head(connection)
    with directory_database.writing() as connection:
        audit_rows.erase(connection, erased(number, by, target="erased person 7", detail="{}"))


def test_an_erased_text_leaves_the_chain_as_it_was(written: Path):
    noted = head()[1]
    erase(2)
    assert faults(noted) == []
    with directory_database.reading() as connection:
        assert audit_rows.find_by_hash(connection, noted) == ENTRIES
        [entry], _ = audit_rows.page(connection, AuditFilter(), 3, 1)
    assert (entry.actor, entry.target, entry.detail, entry.salt) == ("operator eva", "erased person 7", "{}", "")


def test_an_erased_text_without_an_entry_that_says_so_is_found(written: Path):
    with directory_database.writing() as connection:
        audit_rows.erase(connection, erased(2, ENTRIES, target="", detail="{}"))
    [sentence] = faults()
    assert "the texts of 1 entries are erased, and entry 5 does not say so" in sentence


def test_more_erased_texts_than_were_recorded_are_found(written: Path):
    erase(2)
    with directory_database.writing() as connection:
        audit_rows.erase(connection, erased(3, ENTRIES + 1, target="", detail="{}"))
    [sentence] = faults()
    assert "more texts are erased than entry 6 says" in sentence


def test_a_text_is_erased_again_with_another_person(written: Path):
    erase(2)
    with directory_database.writing() as connection:
        append(connection, 7, action=audit_rows.ERASED, detail='{"entries": "1"}')
        audit_rows.erase(connection, erased(2, 7, actor="person erased person 8"))
    assert faults() == []


@pytest.mark.parametrize(
    "change",
    [
        "target = 'Key 9'",
        "actor = 'operator adam'",
        "address = '192.0.2.9'",
        "detail = 'x'",
        "at = ''",
        "action = 'signed-in'",
        "hash = ''",
        "commitment = ''",
        "commitment = NULL",
        "salt = 'x'",
        "erased = 2",
        "erased = 0",
        "id = 99",
    ],
)
def test_sqlite_lets_a_text_be_erased_and_nothing_else(written: Path, change: str):
    name, _, _ = change.partition(" ")
    erasing = {"salt": "salt = ''", "erased": "erased = 5", "target": "target = ''"}
    with (
        closing(sqlite_driver.module.connect(written)) as connection,
        pytest.raises(sqlite_driver.module.IntegrityError, match="append-only"),
    ):
        connection.execute(f"UPDATE audit SET {', '.join((erasing | {name: change}).values())} WHERE id = 2")
    with closing(sqlite_driver.module.connect(written)) as connection:
        connection.execute(f"UPDATE audit SET {', '.join(erasing.values())} WHERE id = 2")


@pytest.mark.parametrize("formers", [FORMS["former"]])
def test_sqlite_erases_no_text_of_the_former_part(written: Path):
    with pytest.raises(sqlite_driver.module.IntegrityError), directory_database.writing() as connection:
        audit_rows.erase(connection, erased(2, ENTRIES, target="", detail="{}"))


# --- a summary --------------------------------------------------------------------------------------------------------

BY = Actor("itself")


def summarize(last: int) -> None:
    with directory_database.writing() as connection:
        audit.summarize(connection, BY, last, "retention")


@pytest.fixture
def hashes(written: Path) -> list[str]:
    """The hash of each entry."""
    with closing(sqlite_driver.module.connect(written)) as connection:
        return [kept for (kept,) in connection.execute("SELECT hash FROM audit ORDER BY id")]


@both_forms
@pytest.mark.parametrize("last", [1, 3, ENTRIES])
def test_a_summary_replaces_the_first_entries(written: Path, hashes: list[str], last: int):
    summarize(last)
    assert faults() == []
    with directory_database.reading() as connection:
        entries, _ = audit_rows.page(connection, AuditFilter(), None, 99)
        summary = audit_rows.summary(connection)
    assert [entry.id for entry in entries] == list(range(ENTRIES + 1, last, -1))
    detail = json.loads(entries[0].detail)
    assert detail["first_hash"] == hashes[0] and detail["last_hash"] == hashes[last - 1]
    assert summary and (summary.last, summary.hash, summary.reason) == (last, hashes[last - 1], "retention")


@both_forms
def test_a_recorded_hash_of_a_summarized_entry_is_recognized(written: Path, hashes: list[str]):
    summarize(2)
    summarize(4)
    for number, kept in enumerate(hashes, 1):
        assert faults(kept) == []
        with directory_database.reading() as connection:
            summarized = audit_rows.find_summarized(connection, kept)
            assert audit_rows.find_by_hash(connection, kept) == (number if number == ENTRIES else 0)
        assert (summarized[0], summarized[1].last) == (number, (2, 2, 4, 4)[number - 1]) if number < 5 else True
    assert len(faults("0" * 64)) == 1, "another hash is still not that of any entry"


def test_the_line_of_a_mapping_and_what_is_older_stay_recorded(written: Path):
    with directory_database.writing() as connection:
        for kind in ("role_mapping", "role_mapping, of an app role"):
            row, entry = ROWS[kind]
            store_row(connection, kind, row)
            append(connection, 6, **entry)
        last, _ = audit_rows.head(connection)
    summarize(last)
    assert faults() == []
    summarize(last + 3)
    assert faults() == []
    with altered(written) as connection:
        connection.execute("INSERT INTO role_mapping VALUES ('group', 'h', 'owner')")
        connection.execute("UPDATE operator SET created = '2126-01-01T00:00:00.000Z'")
    assert [sentence.partition(" says that ")[2] for sentence in faults()] == [
        "operator 'eva' was created",
        "role_mapping 'group h' was created",
    ]


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE audit_summary SET until = '9999-01-01T00:00:00.000Z'", "no entry says that the entries up to 3 were"),
        ("UPDATE audit_summary SET reason = 'x'", "no entry says that the entries up to 3 were"),
        ("UPDATE audit_summary SET hash = 'x'", "entry 4 is not as it was written"),
        ("UPDATE audit_summary SET last = 2", "entry 3 is missing"),
        ("DELETE FROM audit_summary", "entry 1 is missing"),
        ("DELETE FROM audit WHERE id = 4", "entry 4 is missing"),
    ],
)
def test_a_summary_that_was_changed_is_found(written: Path, statement: str, part: str):
    summarize(3)
    with altered(written) as connection:
        connection.execute(statement)
    assert any(part in sentence for sentence in faults()), faults()


@both_forms
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE id = 4",
        "UPDATE audit_summary SET reason = ''",
        "DELETE FROM audit_summary",
        "INSERT INTO audit_summary VALUES (4, '', '', '', 'x', x'')",
        "INSERT INTO audit_summary VALUES (99, '', '', '', NULL, x'')",
        "INSERT OR REPLACE INTO audit_summary SELECT last, at, reason, '', hash, digests FROM audit_summary",
    ],
)
def test_sqlite_refuses_to_change_a_summary(written: Path, statement: str):
    summarize(3)
    with (
        closing(sqlite_driver.module.connect(written)) as connection,
        pytest.raises(sqlite_driver.module.IntegrityError),
    ):
        connection.execute(statement)


# --- what is stored must have an entry --------------------------------------------------------------------------------

EMPTIED = (
    "DELETE FROM audit",
    "UPDATE audit_head SET entries = 0, hash = ''",
    "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'audit'",
)
LATER = "2026-03-01T08:00:07.500Z"
# A row of each table, with the operator "eva" (id "o") there; and the entry of its creation.
ROWS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "operator": ({"id": "p", "user_name": "ö's", "created": LATER}, {"action": "operator-made", "target": "ö's"}),
    "operator, the first": (
        {"id": "p", "user_name": "adam", "created": LATER},
        {"action": "set-up", "actor": "operator adam"},
    ),
    "scim_key": ({"id": "1a", "created": LATER}, {"action": "key-made", "detail": '{"key": "1a"}'}),
    "session": ({"token_hash": "5e", "operator_id": "o", "created": LATER}, {"action": "signed-in"}),
    "session, of a person": (
        {"token_hash": "5f", "user_id": "u", "created": LATER},
        {"action": "signed-in", "actor": "person eva", "detail": '{"person": "u"}'},
    ),
    "strict_attribute": (
        {"type": "User", "attribute": "title", "since": LATER},
        {"action": "strict-set", "target": "title", "detail": '{"of": "User"}'},
    ),
    "second_factor": ({"operator_id": "o", "confirmed": LATER}, {"action": "second-factor-on"}),
    "oauth_client": ({"id": "c", "created": LATER}, {"action": "client-made", "detail": '{"client": "c"}'}),
    "oauth_secret": (
        {"id": "s", "client_id": "c", "created": LATER},
        {"action": "secret-made", "detail": '{"secret": "s"}'},
    ),
    "oauth_trust": (
        {"id": "t", "client_id": "c", "created": LATER},
        {"action": "trust-made", "detail": '{"trust": "t"}'},
    ),
    "allowed_network": (
        {"network": "192.0.2.0/24", "created": LATER},
        {"action": "network-allowed", "target": "192.0.2.0/24"},
    ),
    "source_policy": ({"id": 1, "mode": "enforce", "since": LATER}, {"action": "sources-mode", "target": "enforce"}),
    "identity_provider": (
        {"id": 1, "issuer": "https://i", "saved": LATER},
        {"action": "provider-saved", "target": "https://i"},
    ),
    "role_mapping": (
        {"source": "group", "value": "g", "role": "owner"},
        {"action": "mapping-saved", "target": 'group "G"', "detail": '{"new": "owner", "group": "g"}'},
    ),
    "role_mapping, of an app role": (
        {"source": "app_role", "value": "Admin", "role": "owner"},
        {"action": "mapping-saved", "target": 'app role "Admin"', "detail": '{"new": "owner"}'},
    ),
}


def store_row(connection: Any, kind: str, values: dict[str, Any]) -> None:
    """Insert a row into the table, with something in every other column."""
    table = kind.partition(",")[0]
    columns = connection.exec_driver_sql(f"PRAGMA table_info({table})").all()
    filled = {row.name: 0 if row.type == "INTEGER" else f"{row.name} {kind}" for row in columns if row.notnull}
    names = ", ".join(filled | values)
    marks = ", ".join("?" * len(filled | values))
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple((filled | values).values()))


@pytest.mark.parametrize("moment", [LATER, "1970-01-01T00:00:00.000Z", "2127-01-01T00:00:00.000Z"])
@pytest.mark.parametrize("kind", ROWS)
def test_what_is_stored_needs_an_entry_of_its_own_moment(written: Path, kind: str, moment: str):
    row, entry = ROWS[kind]
    row = {name: moment if value == LATER else value for name, value in row.items()}
    others = [dict(audit) for name, (_, audit) in ROWS.items() if name != kind]
    with directory_database.file.transaction("BEGIN IMMEDIATE") as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for other in others:
            append(connection, 6, **{"at": moment, "target": "", "detail": "{}"} | other)
        store_row(connection, kind, row)
        [sentence] = audit_rows.faults(connection)
        assert f"no entry says that {kind.partition(',')[0]} " in sentence
        append(connection, 6, **{"at": "2026-02-01T00:00:00.000Z", "target": "", "detail": "no JSON"} | entry)
        assert len(list(audit_rows.faults(connection))) == ("role_mapping" not in kind), "long ago is not then"
        append(connection, 6, **{"at": moment, "target": "", "detail": "{}"} | entry)
        assert list(audit_rows.faults(connection)) == []


def test_one_harmless_act_after_an_audit_was_emptied_does_not_hide_it(written: Path):
    with altered(written) as connection:
        for statement in EMPTIED:
            connection.execute(statement)
    with directory_database.writing() as connection:
        append(connection, 9, action="setup-link")
    [sentence] = faults()
    assert "no entry says that operator 'eva'" in sentence


@pytest.mark.parametrize("began_as", [1, 2])
def test_only_an_audit_that_begins_so_is_younger_than_what_is_stored(written: Path, began_as: int):
    with altered(written) as connection:
        for statement in EMPTIED:
            connection.execute(statement)
    with directory_database.writing() as connection:
        for number in range(1, began_as):
            append(connection, number)
        append(connection, 9, actor="itself", action="audit-began", target="", detail="{}")
    assert len(faults()) == began_as - 1
    with directory_database.writing() as connection:
        store_row(connection, "allowed_network", {"created": AT.format(1)})
    assert len(faults()) == began_as, "what is no older than the audit always has an entry"


@pytest.mark.parametrize("value", ["NULL", "x'ff00'", "1e300", "CAST(x'ff' AS TEXT)"])
@pytest.mark.parametrize("column", ["user_name", "created"])
def test_no_value_of_what_is_stored_ends_it(written: Path, column: str, value: str):
    with altered(written) as connection:
        made_again(connection, "operator")
        connection.execute(f"UPDATE operator SET {column} = {value}")
    [sentence] = faults()
    assert "no entry says that operator" in sentence


def test_looking_through_many_entries_takes_no_memory(app: Flask):
    many = 5_000
    with directory_database.writing() as connection:
        for number in range(many):
            append(connection, 1, target=f"{number:0400}")
    with directory_database.reading() as connection:
        assert list(audit_rows.faults(connection)) == []  # everything that is made once is made
        tracemalloc.start()
        assert list(audit_rows.faults(connection)) == []
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < many * 400 / 4


# --- reading ----------------------------------------------------------------------------------------------------------


def pages(wanted: AuditFilter, limit: int = 2) -> list[list[int]]:
    """The ids of each page until there is none."""
    found, before = [], None
    with directory_database.reading() as connection:
        while True:
            entries, before = audit_rows.page(connection, wanted, before, limit)
            found.append([entry.id for entry in entries])
            if before is None:
                return found


def test_pages_are_newest_first(written: Path):
    assert pages(AuditFilter()) == [[5, 4], [3, 2], [1]]
    assert pages(AuditFilter(), ENTRIES) == [[5, 4, 3, 2, 1]]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (AuditFilter(actions=("key-made",)), [4, 3, 2, 1]),
        (AuditFilter(actions=("key-stopped",)), []),
        (AuditFilter(actor="EVA"), [5, 4, 3, 2, 1]),
        (AuditFilter(actor="%"), []),
        (AuditFilter(target="key 3"), [3]),
        (AuditFilter(target="_"), []),
        (AuditFilter(since=AT.format(4)), [5, 4]),
        (AuditFilter(until=AT.format(2)), [1]),
        (AuditFilter(since=AT.format(2), until=AT.format(4)), [3, 2]),
        (AuditFilter(since="2027"), []),
        (AuditFilter(until="2025"), []),
    ],
)
def test_filters(written: Path, wanted: AuditFilter, ids: list[int]):
    assert [id for page in pages(wanted) for id in page] == ids


def test_a_clock_that_was_set_back_loses_nothing(written: Path):
    with directory_database.writing() as connection:
        append(connection, 6, at=AT.format(2))
        append(connection, 7)
    assert pages(AuditFilter(until=AT.format(3)), 9) == [[6, 2, 1]]
    assert pages(AuditFilter(since=AT.format(5)), 9) == [[7, 5]]
    assert faults() == []


def test_a_page_looks_at_so_many_rows_and_goes_on(written: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "AUDIT_ROWS_READ", 2)
    assert pages(AuditFilter(target="key 1")) == [[], [], [1]]
    assert pages(AuditFilter()) == [[5, 4], [3, 2], [1]]


def test_it_is_read_along_the_ids(written: Path):
    with directory_database.reading() as connection:
        with recorded() as statements:
            audit_rows.page(connection, AuditFilter(("key-made",), "eva", "key", AT.format(1), AT.format(9)), 99, 2)
        seen = [
            " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters))
            for sql, parameters in statements
        ]
    assert "USING INTEGER PRIMARY KEY" in seen[-1] and "TEMP B-TREE" not in seen[-1], seen


def test_what_is_no_text_is_shown_all_the_same(written: Path):
    with altered(written) as connection:
        connection.execute("UPDATE audit SET target = CAST(x'61ff' AS TEXT) WHERE id = 5")
    with directory_database.reading() as connection:
        [entry], _ = audit_rows.page(connection, AuditFilter(), None, 1)
    assert entry.target == "a\ufffd"
