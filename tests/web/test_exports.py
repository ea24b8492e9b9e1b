"""Lists as files: CSV that no spreadsheet takes for formulas, JSON that parses, both while the rows are still read."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from app import bounds
from app.web.console import listing
from app.web.console.listing import Column, Pages, exported

Row = dict[str, Any]
COLUMNS: list[Column[Row]] = [
    Column("name", "Name", lambda row: row["name"]),
    Column("count", "How many", lambda row: row.get("count")),
    Column("isActive", "Active", lambda row: row.get("is_active")),
]
HARMLESS = [
    "",
    "Ana Ruiz",
    'say "hello"',
    "two\nlines",
    "a,b;c\td",
    "مرحبا بالعالم",
    "👩‍🚀 Åsa",
    "x" * 300,
    "'quoted",
    "2-1",
]
FORMULAS = [
    *("=1+1", "+49 30 1234", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x","y")'),
    *("＝1", " =1", "\u00a0=1", "\u200b=1", "\ufeff+1", "﹢1"),
]


def answer(app: Flask, form: str, rows: Any, query: str = "") -> Response:
    with app.test_request_context(f"/users?format={form}{query}"):
        file = exported("users", COLUMNS, rows)
        file.set_data(file.get_data())  # read inside the request, as a server reads it
        return file


def read_csv(file: Response) -> list[list[str]]:
    text = file.get_data().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_csv_has_every_cell_in_quotes_and_comes_back_as_it_was(app: Flask):
    file = answer(app, "csv", [{"name": name, "count": -3, "is_active": True} for name in HARMLESS])
    assert file.get_data().startswith(b'\xef\xbb\xbf"Name","How many","Active"\r\n')
    head, *lines = read_csv(file)
    assert head == ["Name", "How many", "Active"]
    assert lines == [[name, "-3", "true"] for name in HARMLESS]
    assert file.content_type == "text/csv; charset=utf-8"


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_is_a_formula(app: Flask, name: str):
    [_, [cell, *_]] = read_csv(answer(app, "csv", [{"name": name}]))
    assert cell == "'" + name


def test_json_is_an_array_of_what_the_columns_say(app: Flask):
    rows = [{"name": name, "count": 2, "is_active": False} for name in (*HARMLESS, *FORMULAS)]
    file = answer(app, "json", rows)
    assert json.loads(file.get_data()) == [{"name": r["name"], "count": 2, "isActive": False} for r in rows]
    assert file.content_type == "application/json"
    assert json.loads(answer(app, "json", [{"name": "x"}]).get_data()) == [
        {"name": "x", "count": None, "isActive": None}
    ]


def test_an_empty_list_is_a_file_too(app: Flask):
    assert read_csv(answer(app, "csv", [])) == [["Name", "How many", "Active"]]
    assert json.loads(answer(app, "json", []).get_data()) == []


def test_the_file_has_a_name_with_its_day(app: Flask):
    told = answer(app, "json", []).headers["Content-Disposition"]
    assert told.startswith("attachment; filename=users-20") and told.endswith(".json")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_rows_are_sent_while_they_are_read(app: Flask, form: str):
    many = bounds.EXPORT_ROWS_AT_ONCE * 4 + 1
    read = 0

    def rows() -> Iterator[Row]:
        nonlocal read
        for number in range(many):
            read = number + 1
            yield {"name": f"Person {number}", "count": number}

    with app.test_request_context(f"/users?format={form}"):
        parts = exported("users", COLUMNS, rows()).iter_encoded()
        so_far = [next(parts), next(parts)]
        assert read < many / 2, "the second part is there before the list is read"
        whole = b"".join([*so_far, *parts])
    if form == "csv":
        assert len(list(csv.reader(io.StringIO(whole.decode("utf-8-sig"))))) == many + 1
    else:
        assert [one["count"] for one in json.loads(whole)] == list(range(many))


def test_another_form_is_not_there(app: Flask):
    for form in ("xlsx", "", "CSV"):
        with app.test_request_context(f"/users?format={form}"), pytest.raises(NotFound):
            listing.export_wanted()
    with app.test_request_context("/users"):
        assert listing.export_wanted() is None


def test_links_keep_the_rest_of_the_query(app: Flask):
    with app.test_request_context("/users?q=a%26b&kind=x&kind=y&page=3"):
        assert listing.address_with(page=4) == "/users?q=a%26b&kind=x&kind=y&page=4"
        assert listing.address_with(page=None, format="csv") == "/users?q=a%26b&kind=x&kind=y&format=csv"
    with app.test_request_context("/users?page=3"):
        assert listing.address_with(page=None) == "/users"


def test_where_a_page_is_in_its_list():
    assert [(p.start, p.end, p.last) for p in (Pages(120, 1), Pages(120, 3), Pages(0, 1))] == [
        (1, 50, 3),
        (101, 120, 3),
        (1, 0, 1),
    ]
