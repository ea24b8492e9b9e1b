"""Rows of resources: what is written, when it is not, and what goes with them."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import bounds, clock
from app.scim.errors import ScimError
from app.scim.projection import compact
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER
from app.store import integrity_check
from app.store.access import audit_rows
from app.store.database import directory_database, sqlite_driver
from app.store.directory import history_rows, membership_rows, resource_counts, resource_rows
from app.store.directory.history_rows import Author, Moves
from app.store.directory.tables import lookup, membership, resource
from tests.store.conftest import Find, delete, group, insert, make_app, save, user


def lookups_of(position: int) -> set[tuple[str, str]]:
    with directory_database.reading() as connection:
        rows = connection.execute(select(lookup.c.attribute, lookup.c.value).where(lookup.c.position == position))
        return {(path, value) for path, value in rows}


def test_a_document_is_kept_as_it_was_given(app: Flask) -> None:
    document = user(userName="Ädä@Recnice.com", displayName="Ädä", emails=[{"value": "A@b.c", "type": "work"}])
    inserted = insert(USER, document)
    with directory_database.reading() as connection:
        record = resource_rows.load(connection, USER, document["id"])
    assert record == inserted
    assert json.loads(record.document) == document
    assert list(json.loads(record.document)) == list(document)
    assert "Ädä@Recnice.com" in record.document, "no escapes: the text goes out as it stands"
    assert (record.version, record.created) == (1, record.last_modified)
    assert lookups_of(record.position) == {
        ("userName", "ädä@recnice.com"),
        ("displayName", "ädä"),
        ("emails.value", "a@b.c"),
    }


def test_a_document_may_not_grow_over_its_bound(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    document = user(title="é" * 100)
    monkeypatch.setattr(bounds, "DOCUMENT_BYTES", len(compact(document).encode()))
    record = insert(USER, document)
    larger = document | {"title": "é" * 100 + "e"}
    with pytest.raises(ScimError) as saved, directory_database.writing() as connection:
        save(connection, record, larger)
    with pytest.raises(ScimError) as inserted:
        insert(USER, larger | {"id": document["id"][::-1], "userName": document["userName"][::-1]})
    for caught in (saved, inserted):
        assert (caught.value.status, caught.value.scim_type) == (400, "invalidValue")
        assert f"at most {bounds.DOCUMENT_BYTES} bytes" in caught.value.detail


def test_load_refuses_unknown_ids_and_ids_of_another_type(app: Flask) -> None:
    stored = insert(USER, user())
    with directory_database.reading() as connection:
        for resource_type, id in ((USER, "nobody"), (GROUP, stored.id)):
            with pytest.raises(ScimError) as refused:
                resource_rows.load(connection, resource_type, id)
            assert refused.value.status == 404
            assert id not in refused.value.detail


def test_uniqueness_names_attribute_and_value_whatever_the_letter_case(app: Flask) -> None:
    insert(USER, user(userName="Ädä"))
    with pytest.raises(ScimError) as refused:
        insert(USER, user(userName="äDÄ"))
    assert (refused.value.status, refused.value.scim_type) == (409, "uniqueness")
    assert "userName" in refused.value.detail
    assert json.dumps("äDÄ") in refused.value.detail
    with directory_database.reading() as connection:
        assert resource_counts.count(connection, USER) == 1


def test_a_name_may_be_taken_by_another_type_or_in_an_attribute_that_is_not_unique(app: Flask, find: Find) -> None:
    first = insert(USER, user(displayName="Ada"))
    second = insert(USER, user(displayName="ADA"))
    insert(GROUP, group(displayName="Ada"))
    assert find('displayName eq "ada"') == [first.id, second.id]
    with pytest.raises(ScimError, match="displayName"):
        insert(GROUP, group(displayName="ada"))


def test_save_writes_only_what_differs(app: Flask) -> None:
    document = user(userName="ada", title="Countess", emails=[{"value": "a@b.c"}, {"value": "d@e.f"}])
    record = insert(USER, document)
    with directory_database.writing() as connection:
        assert save(connection, record, document) == record
    changed = document | {"userName": "Ada", "emails": [{"value": "D@e.f"}, {"value": "g@h.i"}]}
    with directory_database.writing() as connection:
        saved = save(connection, record, changed)
        assert resource_rows.load(connection, USER, record.id) == saved
    assert (saved.version, saved.created, saved.position) == (2, record.created, record.position)
    assert saved.last_modified > record.last_modified
    assert json.loads(saved.document)["userName"] == "Ada"
    assert lookups_of(record.position) == {
        ("userName", "ada"),
        ("emails.value", "d@e.f"),
        ("emails.value", "g@h.i"),
    }


def test_save_refuses_a_taken_name_and_leaves_everything_as_it_was(app: Flask) -> None:
    insert(USER, user(userName="grace"))
    document = user(userName="ada")
    record = insert(USER, document)
    with pytest.raises(ScimError) as refused, directory_database.writing() as connection:
        save(connection, record, document | {"userName": "GRACE", "title": "Admiral"})
    assert refused.value.scim_type == "uniqueness"
    with directory_database.reading() as connection:
        assert resource_rows.load(connection, USER, record.id) == record
    assert lookups_of(record.position) == {("userName", "ada")}


def test_a_freed_name_can_be_taken(app: Flask) -> None:
    document = user(userName="ada")
    record = insert(USER, document)
    with directory_database.writing() as connection:
        save(connection, record, document | {"userName": "lovelace"})
    second = insert(USER, user(userName="ada"))
    with directory_database.writing() as connection:
        delete(connection, USER, second)
    insert(USER, user(userName="Ada"))


def test_time_never_goes_back(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "utc_now", lambda: noon)
    document = user()
    record = insert(USER, document)
    monkeypatch.setattr(clock, "utc_now", lambda: noon.replace(hour=10))
    with directory_database.writing() as connection:
        saved = save(connection, record, document | {"title": "x"})
        touched = resource_rows.relate(connection, saved, 0)
        assert resource_rows.load(connection, USER, record.id) == touched
    assert record.last_modified == "2026-01-31T12:00:00.000Z"
    assert saved.last_modified == "2026-01-31T12:00:00.001Z"
    assert touched.last_modified == "2026-01-31T12:00:00.002Z"
    assert touched.version == 3


def test_delete_takes_everything_along(app: Flask) -> None:
    member = insert(USER, user(emails=[{"value": "a@b.c"}]))
    inner, outer, other = (insert(GROUP, group()) for _ in range(3))
    with directory_database.writing() as connection:
        for record, ids in ((inner, [member.id]), (outer, [inner.id, inner.id, member.id]), (other, ["somebody"])):
            joined = membership_rows.add_members(connection, record.id, ids)
            resource_rows.relate(connection, record, len(joined), is_written=True)
        inner, outer, other = (resource_rows.load(connection, GROUP, one.id) for one in (inner, outer, other))
    with directory_database.writing() as connection:
        delete(connection, GROUP, inner)
    with directory_database.reading() as connection:
        (left,) = membership_rows.members_of(connection, outer.id)
        assert json.loads(left)["value"] == member.id
        assert resource_rows.load(connection, GROUP, outer.id).version == 2
        assert resource_rows.load(connection, USER, member.id).version == 1
    with directory_database.writing() as connection:
        delete(connection, USER, member)
    with directory_database.reading() as connection:
        lost = resource_rows.load(connection, GROUP, outer.id)
        assert (lost.version, lost.last_modified > outer.last_modified) == (3, True)
        assert resource_rows.load(connection, GROUP, other.id) == other
        assert connection.execute(select(membership.c.member_id)).scalars().all() == ["somebody"]
        assert (resource_counts.count(connection, USER), resource_counts.count(connection, GROUP)) == (0, 2)
        assert not connection.execute(select(lookup).where(lookup.c.position == member.position)).all()
        assert integrity_check.check(connection, RESOURCE_TYPES) == []


def test_positions_are_never_used_again(app: Flask) -> None:
    first = insert(USER, user())
    with directory_database.writing() as connection:
        delete(connection, USER, first)
    assert insert(USER, user()).position > first.position


def test_a_number_that_a_cursor_or_a_feed_may_remember_is_not_given_again(path: Any) -> None:
    """Also after the newest rows are gone and the program was started again."""

    def numbers() -> tuple[int, int, int]:
        with make_app(directory_database.address(path)).app_context():
            record = insert(USER, user())
            with directory_database.writing() as connection:
                audit_rows.append(connection, record.created, "x", "", "x", "", "{}")
                row = {
                    "at": record.created,
                    "resource_type": "User",
                    "resource_id": record.id,
                    "name": "x",
                    "version": 1,
                }
                event = history_rows.record(connection, Author("", "x"), "create", row, (), Moves())
                audited = connection.exec_driver_sql("SELECT max(id) FROM audit").scalar_one()
            directory_database.file.close()
        return record.position, event.id, audited

    first, second = numbers(), numbers()
    with closing(sqlite_driver.module.connect(path, isolation_level=None)) as driver:
        driver.execute("DROP TRIGGER audit_is_kept")
        for table in ("resource", "event", "audit"):
            driver.execute(f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")
    assert all(before < then < after for before, then, after in zip(first, second, numbers(), strict=True))


COLUMNS = "id, at, request, actor, verb, resource_type, resource_id, name, version, joined, departed, changes"
EVENT = f"INSERT INTO event ({COLUMNS}) VALUES (9, '', '', '', 'change', 'User', 'x', 'ada', 1, 0, 0,"


TWIN = """
    INSERT INTO resource SELECT 9, 'x', type, document, version, created, last_modified, shelf, members, active, filled
    FROM resource;
    INSERT INTO lookup SELECT type, attribute, value, 9 FROM lookup
"""


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE population SET total = 7", "population: 7 User"),
        ("UPDATE population SET active = 7", "population: 1 User resources are active"),
        ("UPDATE resource SET active = 0", "the column active"),
        ("UPDATE resource SET filled = 7", "the column filled"),
        ("UPDATE resource SET members = 7", "the number of members"),
        ("UPDATE resource SET document = replace(document, 'ada', 'eve')", "lookups"),
        ("DELETE FROM lookup", "lookups"),
        ("INSERT INTO lookup VALUES ('User', 'userName', 'eve', 9)", "lookup: 2 rows of User are there, 1 follow"),
        (TWIN, "x has the same userName, which must be unique"),
        ("INSERT INTO membership_event VALUES ('g', 9, 'm', 1)", "membership_event: 1 rows belong to no event"),
        ("UPDATE resource SET type = 'Printer'", "no resource type is called Printer"),
        ("INSERT INTO membership (group_id, member_id) VALUES ('nobody', 'somebody')", "missing row of resource"),
        ("UPDATE resource SET document = json_set(document, '$.id', 'x')", "another id"),
        ("UPDATE resource SET document = json_remove(document, '$.id')", "another id"),
        (f"{EVENT} 'no JSON')", "event: 1 rows have changes that cannot be read"),
        (f"{EVENT} '[]')", "event: 1 rows have changes that cannot be read"),
        (f"{EVENT} '{{\"title\": 1}}')", "event: 1 rows have changes that cannot be read"),
        (f"{EVENT} '{{\"title\": [1]}}')", "event: 1 rows have changes that cannot be read"),
        (f"{EVENT} '{{\"name\": [1, null, 2]}}')", "event: 1 rows have changes that cannot be read"),
    ],
)
def test_check_finds(app: Flask, path: Any, statement: str, finding: str) -> None:
    insert(USER, user(userName="ada"))
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
    with closing(sqlite_driver.connect(sqlite_driver.address(path))) as driver:
        driver.execute("PRAGMA foreign_keys = OFF")
        driver.executescript(statement)
    with directory_database.reading() as connection:
        findings = integrity_check.check(connection, RESOURCE_TYPES)
        assert any(finding in line for line in findings), findings


def test_rows_are_really_text(app: Flask) -> None:
    insert(USER, user())
    with directory_database.reading() as connection:
        (kinds,) = connection.exec_driver_sql("SELECT DISTINCT typeof(document) FROM resource").one()
        assert kinds == "text"
        assert connection.execute(select(resource.c.type)).scalar_one() == "User"
