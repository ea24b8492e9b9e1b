"""Finding by words: what a word is, what a search finds, and that the index stays in step with the documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds, cli
from app.provisioning import resource_operations
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.scim.word_splitting import cut
from app.store import integrity_check
from app.store.database import directory_database
from app.store.directory import console_lists, console_members, membership_rows, rebuild_derived_rows, word_index
from app.store.directory.console_lists import CHANGED, MADE, Order, State
from app.store.directory.history_rows import Author
from app.store.directory.stored_resource import Record
from tests.store.conftest import delete, group, insert, save, user

NAMES = ["Ana Ruiz", "Anabel Ångström-Šmíd", "山田 太郎", "مرحبا بالعالم", "👩‍🚀 Eva", "O'Brien, José", "Straße"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Anabel Ångström-Šmíd", ["anabel", "angstrom", "smid"]),
        ("jose.o'brien+x@recnice.COM", ["jose", "o", "brien", "x", "recnice", "com"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("Ana\u0301 Ανδρέας", ["ana", "ανδρεασ"]),
        ("山田太郎", ["山", "田", "太", "郎"]),
        ("👩‍🚀Eva", ["👩", "🚀", "eva"]),
        ("snake_case 50%", ["snake", "case", "50"]),
        ('"*^:() AND - \x00', ["and"]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_plain_words(text: str, words: list[str]) -> None:
    assert cut(text) == words


@pytest.fixture
def people(app: Flask) -> list[Record]:
    return [
        insert(USER, user(displayName=name, userName=f"{n}.person@recnice.com", active=n != 1))
        for n, name in enumerate(NAMES)
    ]


def found(sought: str, resource_type: ResourceType = USER, state: State = "") -> list[str]:
    """The displayNames that a search finds, in order of creation."""
    with directory_database.reading() as connection:
        positions = console_lists.positions_with(connection, resource_type, sought, state)
        records = console_lists.load(connection, resource_type, positions)
    return [json.loads(record.document)["displayName"] for record in records]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("sought", "names"),
    [
        ("ana", NAMES[:2]),
        ("RUIZ an", NAMES[:1]),
        ("angstrom", NAMES[1:2]),
        ("ÅNG šm", NAMES[1:2]),
        ("太郎", NAMES[2:3]),
        ("مر", NAMES[3:4]),
        ("🚀", NAMES[4:5]),
        ("o'br", NAMES[5:6]),
        ("strasse", NAMES[6:]),
        ("person recnice", NAMES),
        ("2.person@rec", NAMES[2:3]),
        ("2.pers@recnice", []),
        ("uiz", []),
        ("ana nobody", []),
        ('" OR "ana', []),
        ("user", []),
        ("¦user", []),
        ("* %", []),
        ("NEAR(ana ruiz)", []),
        ("text:ana", []),
    ],
)
def test_every_word_is_found_by_its_beginning(sought: str, names: list[str]) -> None:
    assert found(sought) == names


def test_parts_of_a_name_and_addresses_are_words_and_other_attributes_are_not(app: Flask) -> None:
    insert(
        USER,
        user(
            displayName="Shown",
            name={"givenName": "Given", "familyName": "Family"},
            emails=[{"type": "work", "value": "mail@recnice.com"}],
            externalId="External-7",
            title="Engineer",
        ),
    )
    for word in ("given", "family", "mail", "external-7", "shown"):
        assert found(word) == ["Shown"], word
    assert found("engineer") == []


def test_types_are_kept_apart(people: list[Record]) -> None:
    insert(GROUP, group(displayName="Ana's team"))
    assert found("ana", GROUP) == ["Ana's team"]
    assert found("ana") == NAMES[:2]


@pytest.mark.usefixtures("people")
def test_states_narrow_a_search() -> None:
    assert found("ana", state="active") == NAMES[:1]
    assert found("ana", state="disabled") == NAMES[1:2]
    assert found("", state="disabled") == NAMES[1:2]
    assert len(found("", state="active")) == len(NAMES) - 1


def test_words_follow_changes_and_go_with_the_resource(people: list[Record]) -> None:
    with directory_database.writing() as connection:
        document = json.loads(people[0].document) | {"displayName": "Bea Ruiz"}
        changed = save(connection, people[0], document)
    assert (found("ana"), found("bea")) == (NAMES[1:2], ["Bea Ruiz"])
    with directory_database.writing() as connection:
        delete(connection, USER, changed)
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
    assert found("bea") == []


def test_a_start_after_the_migration_fills_the_words(people: list[Record]) -> None:
    with directory_database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM word WHERE rowid > 1")
        connection.exec_driver_sql("UPDATE word SET text = 'x' WHERE rowid = 1")
    assert found("ana") == []
    rebuild_derived_rows.rebuild(RESOURCE_TYPES)
    assert found("ana") == NAMES[:2]
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE word SET text = 'other' WHERE rowid = 2", "the words do not agree"),
        ("DELETE FROM word WHERE rowid = 2", "the words do not agree"),
        ("INSERT INTO word (rowid, text) VALUES (999, 'x')", "word: 1 rows belong to no resource"),
    ],
)
def test_words_that_are_wrong_are_found(people: list[Record], harm: str, said: str) -> None:
    with directory_database.writing() as connection:
        connection.exec_driver_sql(harm)
    with directory_database.reading() as connection:
        (finding,) = integrity_check.check(connection, RESOURCE_TYPES)
    assert said in finding


AUTHOR = Author("0a1b2c3d", "key 1a2b3c4d")


def findings() -> list[str]:
    with directory_database.reading() as connection:
        return integrity_check.check(connection, RESOURCE_TYPES)


def change(user_id: str, value: object, path: str = "displayName") -> None:
    urn = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    sent = {"schemas": [urn], "Operations": [{"op": "replace", "path": path, "value": value}]}
    resource_operations.change(USER, user_id, read_patch(sent), AUTHOR)


@pytest.mark.usefixtures("app")
def test_words_are_written_after_the_request_and_the_check_knows_which_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "EVENTS_PER_BATCH", 2)
    ids = [
        resource_operations.create(USER, {"userName": f"u{n}", "displayName": f"Ana {n}"}, AUTHOR).record.id
        for n in range(3)
    ]
    assert (found("ana"), findings()) == ([], [])
    assert [word_index.write_due(RESOURCE_TYPES) for _ in range(3)] == [True, False, False]
    assert (found("ana"), findings()) == (["Ana 0", "Ana 1", "Ana 2"], [])
    change(ids[0], "Bea 0")
    change(ids[1], "Bea 1")
    resource_operations.delete(USER, ids[1], AUTHOR)
    resource_operations.delete(USER, ids[2], AUTHOR)
    assert found("bea") == findings() == [], "what is due is no fault"
    while word_index.write_due(RESOURCE_TYPES):
        pass
    assert (found("ana"), found("bea"), findings()) == ([], ["Bea 0"], [])


@pytest.mark.usefixtures("app")
def test_only_a_change_of_what_a_search_finds_splits_words(monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = resource_operations.create(USER, {"userName": "u", "externalId": "displayName"}, AUTHOR).record.id
    word_index.write_due(RESOURCE_TYPES)
    split: list[str] = []
    to_words = word_index.to_words
    monkeypatch.setattr(word_index, "to_words", lambda values: split.append(values.name) or to_words(values))
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    for path in ("title", "active", 'addresses[type eq "work"].locality', f"{urn}:department"):
        change(user_id, "False", path)
        word_index.write_due(RESOURCE_TYPES)
        assert split == [], path
    for path in ("displayName", "userName", "externalId", "name.middleName", 'emails[type eq "work"].value'):
        change(user_id, "Ana", path)
        word_index.write_due(RESOURCE_TYPES)
        assert len(split) == 1, path
        split.clear()
    assert (found("ana"), findings()) == (["Ana"], [])


@pytest.mark.usefixtures("app")
def test_words_of_a_resource_that_changes_meanwhile_follow_its_later_event(monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = resource_operations.create(USER, {"userName": "u", "displayName": "Ana"}, AUTHOR).record.id
    writing = directory_database.writing

    def change_first() -> Any:
        monkeypatch.setattr(directory_database, "writing", writing)
        change(user_id, "Bea")
        return writing()

    monkeypatch.setattr(directory_database, "writing", change_first)
    word_index.write_due(RESOURCE_TYPES)
    assert findings() == [], "they are those of the former document, and due again"
    word_index.write_due(RESOURCE_TYPES)
    assert (found("bea"), found("ana")) == (["Bea"], [])


@pytest.mark.parametrize("harm", ["", "UPDATE resource SET document = 'x' WHERE position = 1"])
def test_words_of_what_cannot_be_read_stay_and_do_not_delay_others(people: list[Record], harm: str) -> None:
    """A type that is not declared, or a damaged document."""
    types = RESOURCE_TYPES if harm else [GROUP]
    change(people[0].id, "Bea")
    with directory_database.writing() as connection:
        connection.exec_driver_sql(harm or "SELECT 1")
    made = resource_operations.create(GROUP, {"displayName": "Bees"}, AUTHOR).record
    word_index.write_due(types)
    with directory_database.reading() as connection:
        words = word_index.stored_words(connection, [people[0].position, made.position])
    assert ("ana" in words[people[0].position], "bees" in words[made.position]) == (True, True)


@pytest.mark.parametrize("harm", ["DELETE FROM job", "UPDATE job SET done = 99"])
def test_a_mark_that_cannot_be_is_found(app: Flask, harm: str) -> None:
    with directory_database.writing() as connection:
        connection.exec_driver_sql(harm)
    assert findings() == ["job: the mark of the words is not that of an event"]


def test_the_check_command_completes_what_a_killed_server_left(
    app: Flask, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource_operations.create(USER, {"userName": "u", "displayName": "Ana"}, AUTHOR)
    assert cli.main(["check", "--data", str(path.parent)]) == 0, capsys.readouterr()
    assert found("ana") == ["Ana"]
    with directory_database.reading() as connection:
        assert word_index.due_positions(connection) == set()


def page(order: Order, offset: int = 0, count: int = 50, state: State = "") -> list[str]:
    with directory_database.reading() as connection:
        total, listed = console_lists.page(connection, USER, state, order, offset, count)
        records = console_lists.load(connection, USER, listed)
        positions = console_lists.positions_with(connection, USER, "", state)
        among = console_lists.page_among(connection, USER, positions, order, offset, count)
    assert total == len(positions)
    assert listed == among, "both ways give one order"
    return [json.loads(record.document)["userName"] for record in records]


def test_orders_have_everybody_once_also_those_without_a_value(app: Flask) -> None:
    given = [("d", "Zoe"), ("a", None), ("c", "ada"), ("b", "Ada"), ("e", None)]
    made = []
    for name, shown in given:
        values: dict[str, Any] = {"userName": name, "active": name != "c"}
        made.append(insert(USER, user(**values, **({"displayName": shown} if shown else {}))))
    with directory_database.writing() as connection:
        save(connection, made[1], {**made[1].content, "title": "x"})
    assert page(Order(MADE)) == ["d", "a", "c", "b", "e"]
    assert page(Order(MADE, is_descending=True)) == ["e", "b", "c", "a", "d"]
    assert page(Order("userName")) == ["a", "b", "c", "d", "e"]
    assert page(Order("userName", is_descending=True)) == ["e", "d", "c", "b", "a"]
    assert page(Order(CHANGED))[-1] == page(Order(CHANGED, is_descending=True))[0] == "a"
    by_name = page(Order("displayName"))
    assert sorted(by_name[:2]) == ["b", "c"] and by_name[2:] == ["d", "a", "e"]
    assert page(Order("displayName", is_descending=True))[0] == "d"
    for order in (Order("displayName"), Order("displayName", is_descending=True), Order(CHANGED), Order(MADE)):
        whole = page(order)
        assert [name for offset in range(5) for name in page(order, offset, 1)] == whole
        assert page(order, 5) == []
        assert page(order, state="disabled") == ["c"]
        assert page(order, state="active") == [name for name in whole if name != "c"]


def test_a_list_is_found_in_an_index(app: Flask) -> None:
    """No page of a list sorts all resources or reads each."""
    insert(USER, user(displayName="x"))
    seen: list[str] = []
    with directory_database.reading() as connection:
        connection.driver.set_trace_callback(seen.append)
        states: tuple[State, ...] = ("", "active", "disabled")
        for state in states:
            for path in (MADE, CHANGED, "userName"):
                console_lists.page(connection, USER, state, Order(path, is_descending=path == CHANGED), 0, 50)
        connection.driver.set_trace_callback(None)
        plans = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
            for statement in seen
            if statement.startswith("SELECT") and "ORDER BY" in statement
        }
    assert len(plans) == 9
    for statement, plan in plans.items():
        assert not any("TEMP B-TREE" in step for step in plan), (statement, plan)
        assert not any(step.startswith("SCAN") for step in plan), (statement, plan)


@pytest.fixture(params=[True, False], ids=["small", "large"])
def staff(request: pytest.FixtureRequest, people: list[Record], monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """A group with all people but the last, an inner group and an unknown id; how many that are."""
    if not request.param:
        monkeypatch.setattr("app.bounds.SMALL_GROUP", 1)
    inner, outer = insert(GROUP, group(displayName="Ana's team")), insert(GROUP, group())
    members = [*(one.id for one in people[:-1]), inner.id, "nobody"]
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, outer.id, members)
    return outer.id, len(members)


def test_members_are_found_by_words(staff: tuple[str, int], people: list[Record]) -> None:
    group_id, count = staff

    def sought(words: str, most: int = 50) -> set[str]:
        with directory_database.reading() as connection:
            ids = console_members.with_words(connection, group_id, count, words, most)
            named = console_members.named(connection, ids)
        assert [one.id for one in named] == ids
        return {str(one.name) for one in named}

    assert sought("ana") == {*NAMES[:2], "Ana's team"}
    assert len(sought("ana", 2)) == 2
    assert sought("strasse") == set(), "who has the word, but is no member"
    assert sought("nobody") == sought("%") == set()


def test_members_follow_each_other(staff: tuple[str, int]) -> None:
    group_id, count = staff
    with directory_database.reading() as connection:
        whole = console_members.page(connection, group_id, 0, 50)
        ones = [one for offset in range(count + 1) for one in console_members.page(connection, group_id, offset, 1)]
        followed, after = [], ""
        while portion := console_members.following(connection, group_id, after, 3):
            followed += portion
            after = portion[-1].id
    assert whole == ones == followed and len(whole) == count


def test_the_index_is_sound_after_many_changes(path: Path, app: Flask) -> None:
    for n in range(30):
        record = insert(USER, user(displayName=f"Person {n}"))
        with directory_database.writing() as connection:
            if n % 3 == 0:
                delete(connection, USER, record)
            else:
                save(connection, record, json.loads(record.document) | {"displayName": f"Other {n}"})
    assert len(found("other")) == 20 and found("person") == []
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
