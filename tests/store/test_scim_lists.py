"""Lists: totals, pages and order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import bounds
from app.scim.attribute import Attribute
from app.scim.errors import ScimError
from app.scim.resource_types import GROUP, USER, ResourceType
from app.scim.search_request import Search, TypeSearch
from app.store.database import directory_database
from app.store.directory import console_lists, membership_rows, resource_rows, scim_lists
from app.store.directory.scim_lists import Page
from app.store.directory.tables import resource
from tests.statements import recorded
from tests.store.conftest import delete, group, insert, user, where

NAMES = ["Éa", "zoe", "Adam", "adam2", "eb", "ZZ", "éc"]


@dataclass(frozen=True)
class Order:
    """`sortBy` and `sortOrder`."""

    path: tuple[Attribute, ...]
    is_descending: bool


def page(
    text: str | None, start_index: int, count: int, order: Order | None = None, resource_type: ResourceType = USER
) -> Page:
    sought = TypeSearch(resource_type, where(text) if text else None, order.path if order else None)
    with directory_database.reading() as connection:
        return scim_lists.find(
            connection, Search((sought,), order is not None and order.is_descending, count, start_index)
        )


def titles(found: Page) -> list[Any]:
    return [json.loads(record.document).get("title") for record in found.records]


@pytest.fixture
def seven(app: Flask) -> None:
    """Users with titles 0 to 6, of which the even ones are active, and a group."""
    for number in range(7):
        insert(USER, user(title=str(number), active=number % 2 == 0, userName=NAMES[number]))
    insert(GROUP, group())


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize(
    ("text", "start_index", "count", "total", "expected"),
    [
        (None, 1, 100, 7, list("0123456")),
        (None, 1, 3, 7, list("012")),
        (None, 4, 3, 7, list("345")),
        (None, 7, 3, 7, ["6"]),
        (None, 8, 3, 7, []),
        (None, 2**53, 200, 7, []),
        (None, 0, 2, 7, list("01")),
        (None, -5, 2, 7, list("01")),
        (None, 1, 0, 7, []),
        ("active eq true", 1, 100, 4, list("0246")),
        ("active eq true", 1, 4, 4, list("0246")),
        ("active eq true", 2, 2, 4, list("24")),
        ("active eq true", 4, 9, 4, ["6"]),
        ("active eq true", 5, 9, 4, []),
        ("active eq true", 1, 0, 4, []),
        ('title eq "none"', 1, 10, 0, []),
        ('title eq "none"', 3, 10, 0, []),
        ('title eq "none"', 1, 0, 0, []),
    ],
)
def test_a_page_and_its_total(text: str | None, start_index: int, count: int, total: int, expected: list[str]) -> None:
    found = page(text, start_index, count)
    assert (found.total, titles(found)) == (total, expected)


def order(path: str, descending: bool = False, resource_type: ResourceType = USER) -> Order:
    found = resource_type.tree.find(path)
    assert found
    return Order(found, descending)


def test_a_page_in_the_middle_reads_only_rows_after_the_last_mark_before_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when rows are added, and when any of them are deleted."""
    monkeypatch.setattr(bounds, "ROWS_BETWEEN_MARKS", 3)
    people = []
    for number in range(16):
        people.append(insert(USER, user(title=str(number))))
        insert(GROUP, group())

    def check_every_page() -> None:
        for skipped in range(len(people) + 2):
            with recorded() as statements:
                found = page(None, skipped + 1, 2)
            assert found.records == people[skipped : skipped + 2]
            assert found.total == len(people)
            [offset] = [parameters[-1] for sql, parameters in statements if "resource.document" in sql]
            assert offset <= 3 + 2
            with directory_database.reading() as connection:
                listed = console_lists.page(connection, USER, "", console_lists.Order(), skipped, 2)
            assert listed == (len(people), [record.position for record in found.records])

    check_every_page()
    people.append(insert(USER, user(title="last")))
    check_every_page()
    for place in (-1, 7, 0, 4):
        record = people.pop(place)
        with directory_database.writing() as connection:
            delete(connection, USER, record)
        check_every_page()
    people.extend(insert(USER, user()) for _ in range(4))
    check_every_page()


def test_marks_made_in_a_newer_state_are_not_used_in_an_older_one(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although both have as many rows before the last mark: one was deleted, and one was added."""
    monkeypatch.setattr(bounds, "ROWS_BETWEEN_MARKS", 3)
    people = [insert(USER, user(title=str(number))) for number in range(6)]
    search = Search((TypeSearch(USER, None, None),), False, 1, 5)
    with directory_database.reading() as older:
        older.execute(select(resource)).close()  # the state is that of the first read
        with directory_database.writing() as connection:
            delete(connection, USER, people[0])
        insert(USER, user(title="last"))
        assert titles(page(None, 5, 1)) == ["5"]
        assert titles(scim_lists.find(older, search)) == ["4"]
    assert titles(page(None, 5, 1)) == ["5"]


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("descending", [False, True])
def test_text_sorts_without_regard_to_letter_case(descending: bool) -> None:
    found = page(None, 1, 100, order("userName", descending))
    names = [json.loads(record.document)["userName"] for record in found.records]
    assert names == sorted(NAMES, key=str.lower, reverse=descending)
    assert titles(page(None, 3, 2, order("userName", descending))) == titles(found)[2:4]


@pytest.mark.usefixtures("seven")
def test_equal_values_keep_the_order_of_creation() -> None:
    assert titles(page(None, 1, 100, order("active"))) == list("1350246")
    assert titles(page(None, 1, 100, order("active", True))) == list("0246135")
    assert titles(page("active eq true", 2, 2, order("title", True))) == list("42")


def test_what_is_missing_comes_last_and_first_when_descending(app: Flask) -> None:
    for title, values in {
        "none": {},
        "b": {"name": {"familyName": "b"}},
        "a": {"name": {"familyName": "A"}},
        "part": {"name": {"givenName": "x"}},
    }.items():
        insert(USER, user(title=title, **values))
    assert titles(page(None, 1, 9, order("name.familyName"))) == ["a", "b", "none", "part"]
    assert titles(page(None, 1, 9, order("name.familyName", True))) == ["none", "part", "b", "a"]


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("text", [None, "active pr", "userName pr and id pr"])
@pytest.mark.parametrize("by", [None, "title"])
def test_a_page_ends_early_when_its_documents_are_large(
    monkeypatch: pytest.MonkeyPatch, text: str | None, by: str | None
) -> None:
    first_two = page(text, 1, 2).records
    monkeypatch.setattr(bounds, "PAGE_BYTES", sum(len(record.document.encode()) for record in first_two) + 50)
    found = page(text, 1, 7, order(by) if by else None)
    assert (found.total, titles(found)) == (7, ["0", "1"])
    sought = TypeSearch(USER, where(text) if text else None, order(by).path if by else None)
    seen: list[str] = []
    place = None
    while place or not seen:
        with directory_database.reading() as connection:
            found = scim_lists.find(connection, Search((sought,), False, 7, None, after=place))
        assert found.total == 7 and 1 <= len(found.records) <= 3
        seen += titles(found)
        place = found.end
    assert seen == list("0123456"), "by cursor nothing is left out"
    monkeypatch.setattr(bounds, "PAGE_BYTES", 1)
    assert titles(page(text, 3, 7)) == ["2"], "one at least"


@pytest.mark.parametrize("sort_by", ["emails.value", "emails"])
def test_multi_valued_attributes_sort_by_the_primary_value_else_the_first(app: Flask, sort_by: str) -> None:
    for title, emails in {
        "primary m": [{"value": "a"}, {"value": "M", "primary": True}, {"value": "z"}],
        "first c": [{"value": "c"}, {"value": "a"}, {"value": "b", "primary": False}],
        "none": [],
        "primary without value is none": [{"value": "a"}, {"type": "work", "primary": True}],
        "first x": [{"value": "X"}],
    }.items():
        insert(USER, user(title=title, emails=emails))
    ascending = ["primary without value is none", "first c", "primary m", "first x"]
    assert titles(page(None, 1, 9, order(sort_by))) == [*ascending, "none"]
    assert titles(page(None, 1, 9, order(sort_by, True))) == ["none", *ascending[::-1]]


def test_columns_memberships_and_plain_lists_give_an_order_too(app: Flask) -> None:
    first, second, third = (insert(USER, user(title=title)) for title in "123")
    staff, board = insert(GROUP, group(displayName="Staff")), insert(GROUP, group(displayName="board"))
    with directory_database.writing() as connection:
        membership_rows.add_members(connection, staff.id, [first.id])
        membership_rows.add_members(connection, board.id, [second.id, "0"])
        resource_rows.relate(connection, second, 0)
    assert titles(page(None, 1, 9, order("id"))) == [
        json.loads(record.document)["title"] for record in sorted([first, second, third], key=lambda record: record.id)
    ]
    assert titles(page(None, 1, 9, order("meta.lastModified", True)))[0] == "2"
    assert titles(page(None, 1, 9, order("meta.created"))) == ["1", "2", "3"]
    assert titles(page(None, 1, 9, order("groups.display"))) == ["2", "1", "3"]
    assert titles(page(None, 1, 9, order("groups.display", True))) == ["3", "1", "2"]
    assert titles(page(None, 1, 9, order("schemas"))) == ["1", "2", "3"]
    found = page(None, 1, 9, order("members", False, GROUP), GROUP)
    assert [record.id for record in found.records] == [board.id, staff.id]


@pytest.mark.parametrize("sort_by", ["name", "meta"])
def test_a_complex_attribute_without_a_value_gives_no_order(app: Flask, sort_by: str) -> None:
    with pytest.raises(ScimError) as refused:
        page(None, 1, 9, order(sort_by))
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
    assert sort_by in refused.value.detail
