"""Who is in which group."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask

from app import bounds
from app.observation.directory import group_members
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.grammar import parse_path
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER
from app.store import integrity_check
from app.store.database import directory_database, sqlite_driver
from app.store.directory import console_members, membership_rows
from app.store.directory.tables import membership
from tests.statements import recorded
from tests.store.conftest import group, insert, user

MANY = 1_007


@pytest.fixture
def staff(app: Flask) -> str:
    """The id of a group without members."""
    return insert(GROUP, group(displayName="Staff")).id


def values(portions: Iterable[str]) -> list[Any]:
    """The values that portions of JSON text have."""
    return [value for portion in portions for value in json.loads(f"[{portion}]")]


def ids_of(group_id: str) -> list[str]:
    with directory_database.reading() as connection:
        return [member["value"] for member in values(membership_rows.members_of(connection, group_id))]


def test_members_are_told_as_they_really_change(staff: str) -> None:
    with directory_database.writing() as connection:
        assert membership_rows.add_members(connection, staff, ["b", "a", "b"]) == {"a", "b"}
        assert membership_rows.add_members(connection, staff, ["a", "c"]) == {"c"}
        assert membership_rows.add_members(connection, staff, []) == set()
        assert membership_rows.remove_members(connection, staff, ["a", "nobody", "a"]) == {"a"}
        assert membership_rows.remove_members(connection, staff, []) == set()
    assert ids_of(staff) == ["b", "c"]


def test_replacing_touches_only_what_differs(staff: str) -> None:
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, staff, ["a", "b", "c"])
        assert membership_rows.replace_members(connection, staff, ["c", "d", "b", "d"]) == ({"d"}, {"a"})
        assert membership_rows.replace_members(connection, staff, ["b", "c", "d"]) == (set(), set())
    assert ids_of(staff) == ["b", "c", "d"]
    with directory_database.writing() as connection:
        assert membership_rows.replace_members(connection, staff, []) == (set(), {"b", "c", "d"})
    assert ids_of(staff) == []


def test_many_members_at_once(staff: str) -> None:
    ids = [f"{number:05}" for number in range(MANY)]
    with directory_database.writing() as connection:
        assert membership_rows.add_members(connection, staff, iter(ids)) == set(ids)
        with recorded() as statements:
            assert membership_rows.replace_members(connection, staff, ids[1:] + ["x"]) == ({"x"}, {ids[0]})
        assert len(statements) == 2
        assert membership_rows.remove_members(connection, staff, ids) == set(ids[1:])
    assert ids_of(staff) == ["x"]


def test_removal_by_filter_is_about_this_group_only(staff: str) -> None:
    person, other = insert(USER, user()), insert(GROUP, group())
    inner = insert(GROUP, group())
    with directory_database.writing() as connection:
        for id in (staff, other.id):
            membership_rows.add_members(connection, id, [person.id, inner.id, "nobody"])

    def remove(path: str | None) -> int:
        target = parse_path(path, GROUP.tree) if path else None
        with directory_database.writing() as connection:
            return len(membership_rows.remove_members_where(connection, staff, target.where if target else None))

    assert remove('members[value eq "somebody"]') == 0
    assert remove('members[type eq "user"]') == 1
    assert remove("members[not (type pr)]") == 1
    assert remove(f'members[$ref ew "{inner.id}" and value sw ""]') == 1
    assert ids_of(staff) == []
    assert len(ids_of(other.id)) == 3
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, staff, ["a", "b"])
    assert remove(None) == 2
    assert len(ids_of(other.id)) == 3


def test_members_are_told_by_type_where_they_are_known(staff: str) -> None:
    person, inner = insert(USER, user(displayName="Ada")), insert(GROUP, group())
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, staff, ["~unknown", inner.id, person.id])
    expected = sorted([(person.id, "User"), (inner.id, "Group")]) + [("~unknown", None)]
    names = {"User": "Ada", "Group": json.loads(inner.document)["displayName"], None: None}
    with directory_database.reading() as connection:
        assert values(membership_rows.members_of(connection, staff)) == [
            {"value": id, "$ref": f"{type}s/{id}", "display": names[type], "type": type} if type else {"value": id}
            for id, type in expected
        ]
        first, last, beyond = (console_members.page(connection, staff, offset, 2) for offset in (0, 2, 8))
    assert [(member.id, member.type) for member in first + last] == expected
    assert last[0].name is None
    assert [member.name for member in first if member.type == "User"] == ["Ada"]
    assert beyond == []


def test_members_and_their_names_are_one_query_for_each_portion(
    app: Flask, staff: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = sorted(insert(USER, user(displayName=str(number))).id for number in range(4))
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, staff, people, absolute={people[0]})
    for at_once, statements in ((500, 1), (3, 2), (2, 3)):
        monkeypatch.setattr(bounds, "MEMBERS_AT_ONCE", at_once)
        with directory_database.reading() as connection, recorded() as asked:
            members = values(membership_rows.members_of(connection, staff))
        assert len(asked) == statements
        assert [member["value"] for member in members] == people
        assert {member["display"] for member in members} == {"0", "1", "2", "3"}
        assert [member["$ref"][0] for member in members] == ["/", "U", "U", "U"]


def test_members_that_nobody_is_are_counted(staff: str) -> None:
    person, empty, inner = insert(USER, user()), insert(GROUP, group()), insert(GROUP, group())
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, staff, [person.id, inner.id, "nobody", "somebody", "told before"])
        membership_rows.add_members(connection, inner.id, [person.id, "nobody"])
        asked = [staff, empty.id, inner.id]
        assert membership_rows.count_unresolved(connection, asked) == {staff: 3, inner.id: 1}
        membership_rows.remove_members(connection, staff, [person.id, "nobody"])
        membership_rows.resolve(connection, "told before")
        assert membership_rows.count_unresolved(connection, [staff, empty.id]) == {staff: 1}


def test_an_id_that_is_told_before_is_unresolved_until_its_resource_is_made(app: Flask) -> None:
    """Bulk does so for resources that refer to each other."""
    author, person_id = Author("request", "key"), resource_operations.new_id()
    body = {"displayName": "Board", "members": [{"value": person_id}]}
    board = resource_operations.create(GROUP, body, author).record.id
    assert group_members.count_unresolved([board]) == {board: 1}
    resource_operations.create(USER, {"userName": "ada"}, author, resource_id=person_id)
    assert group_members.count_unresolved([board]) == {}
    with directory_database.writing() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
        connection.execute(membership.update().values(is_unresolved=True))
        assert integrity_check.check(connection, RESOURCE_TYPES) == [
            f"Group {board}: a member is noted as unresolved and is here, or the other way round"
        ]


def test_counting_them_reads_no_other_members(app: Flask, staff: str) -> None:
    with directory_database.reading() as connection:
        with recorded() as asked:
            membership_rows.count_unresolved(connection, [staff])
        ((statement, parameters),) = asked
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert plan[0] == "SEARCH membership USING COVERING INDEX membership_unresolved (group_id=?)"


def test_groups_are_told_with_their_names_as_they_were_sent(staff: str) -> None:
    person, lonely = insert(USER, user()), insert(USER, user())
    board = insert(GROUP, group(displayName="BÖARD")).id
    with directory_database.writing() as connection:
        for id in (staff, board):
            membership_rows.add_members(connection, id, [person.id])
    with directory_database.reading() as connection:
        found = membership_rows.groups_of(connection, [lonely.id, person.id])
        assert membership_rows.groups_of(connection, []) == {}
    assert list(found) == [person.id]
    assert values([found[person.id]]) == [
        {"value": id, "$ref": f"Groups/{id}", "display": name, "type": "direct"}
        for id, name in sorted([(staff, "Staff"), (board, "BÖARD")])
    ]


def test_only_a_group_that_is_here_has_members(app: Flask) -> None:
    with pytest.raises(sqlite_driver.module.IntegrityError), directory_database.writing() as connection:
        membership_rows.add_members(connection, "nowhere", ["a"])
