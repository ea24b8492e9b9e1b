"""Lists as files: CSV that no spreadsheet takes for formulas, JSON that parses, both while the rows are still read."""

import csv
import io
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from app import bounds
from app.observation.directory import console_search
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.resource_types import RESOURCE_TYPES, ResourceType
from app.settings import Settings, Threads
from app.store.database import directory_database
from app.store.directory import console_lists
from app.web.console import refuse
from app.web.console.directory import resource_columns
from app.web.console.shared import list_paging
from app.web.console.shared.list_paging import Column, Pages, export
from tests.conftest import Appliance, with_values
from tests.web.visitor import set_up

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
        file = export("users", COLUMNS, rows)
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
        parts = export("users", COLUMNS, rows()).iter_encoded()
        so_far = [next(parts), next(parts)]
        assert read < many / 2, "the second part is there before the list is read"
        whole = b"".join([*so_far, *parts])
    if form == "csv":
        assert len(list(csv.reader(io.StringIO(whole.decode("utf-8-sig"))))) == many + 1
    else:
        assert [one["count"] for one in json.loads(whole)] == list(range(many))


@pytest.fixture
def exporting(tmp_path: Path) -> Flask:
    """An application whose only page is a list that can be exported."""
    app = Flask(__name__)
    app.config["RECNICE_SETTINGS"] = Settings(tmp_path, ("127.0.0.1", 7644), "https://scim.recnice.example")
    list_paging.init_app(app)

    @app.get("/list")
    def view() -> Response | str:
        if list_paging.export_format():
            if request.args.get("fails"):
                raise ZeroDivisionError
            return export("list", COLUMNS, ({"name": str(number)} for number in range(5_000)))
        return "the page"

    app.errorhandler(list_paging.TooManyExports)(lambda _: Response("too many", 503))
    app.errorhandler(ZeroDivisionError)(lambda _: Response("failed", 500))
    return app


def test_so_many_exports_are_sent_at_once_and_no_more(exporting: Flask):
    begun, gone = threading.Semaphore(0), threading.Event()

    def begin() -> None:
        answer = exporting.test_client().get("/list?format=csv")
        begun.release()
        assert gone.wait(30)
        answer.close()

    threads = [threading.Thread(target=begin) for _ in range(bounds.EXPORTS_AT_ONCE)]
    for thread in threads:
        thread.start()
        assert begun.acquire(timeout=30)
    client = exporting.test_client()
    assert client.get("/list?format=json").status_code == 503
    assert client.get("/list").get_data(as_text=True) == "the page"
    gone.set()
    for thread in threads:
        thread.join()
    assert client.get("/list?format=json").get_json()[-1]["name"] == "4999", "whose reader is gone leaves a place"


@pytest.mark.parametrize(("method", "query"), [("GET", ""), ("HEAD", ""), ("GET", "&fails=1")])
def test_every_end_of_an_export_leaves_its_place(exporting: Flask, method: str, query: str):
    for _ in range(bounds.EXPORTS_AT_ONCE + 1):
        answer = exporting.test_client().open(f"/list?format=csv{query}", method=method, buffered=True)
        assert answer.status_code == (500 if query else 200)


def test_an_export_too_many_is_told_to_come_again(app: Flask):
    with app.test_request_context("/users?format=csv"):
        refused = refuse(list_paging.TooManyExports())
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, str(bounds.EXPORT_RETRY_S))
    assert "Wait until one of them is finished" in refused.get_data(as_text=True)


@pytest.mark.parametrize("threads", range(1, bounds.THREADS_MAXIMUM + 1))
def test_exports_leave_a_thread_for_whoever_reads(threads: int):
    shares = Threads.of(threads)
    app = Flask(__name__)
    app.config["RECNICE_SETTINGS"] = Settings(Path("/nowhere"), ("127.0.0.1", 1), "http://127.0.0.1:1", threads=threads)
    list_paging.init_app(app)
    places = app.extensions["recnice_exports"]
    at_once = sum(places.acquire(blocking=False) for _ in range(threads + 2))
    assert 1 <= at_once <= min(bounds.EXPORTS_AT_ONCE, shares.reading - 1)


def test_another_form_is_not_there(app: Flask):
    for form in ("xlsx", "", "CSV"):
        with app.test_request_context(f"/users?format={form}"), pytest.raises(NotFound):
            list_paging.export_format()
    with app.test_request_context("/users"):
        assert list_paging.export_format() is None


def test_links_keep_the_rest_of_the_query(app: Flask):
    with app.test_request_context("/users?q=a%26b&kind=x&kind=y&page=3"):
        assert list_paging.address_with(page=4) == "/users?q=a%26b&kind=x&kind=y&page=4"
        assert list_paging.address_with(page=None, format="csv") == "/users?q=a%26b&kind=x&kind=y&format=csv"
    with app.test_request_context("/users?page=3"):
        assert list_paging.address_with(page=None) == "/users"


def test_where_a_page_is_in_its_list():
    assert [(p.start, p.end, p.last) for p in (Pages(120, 1), Pages(120, 3), Pages(0, 1))] == [
        (1, 50, 3),
        (101, 120, 3),
        (1, 0, 1),
    ]


def test_an_export_that_is_refused_is_no_act(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance(program=with_values(bounds__EXPORTS_AT_ONCE=0)).start()
    eva = set_up(appliance)
    refused = eva.get("/audit?format=csv")
    assert (refused.status, refused.headers["retry-after"]) == (503, str(bounds.EXPORT_RETRY_S))
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM audit WHERE action = 'audit-exported'").fetchone() == (0,)


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES, ids=lambda one: one.name)
def test_an_export_has_the_values_of_the_page_and_parses_no_document(app: Flask, resource_type: ResourceType) -> None:
    """A column whose value depends on an attribute must say so."""
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    bodies: list[dict[str, Any]] = [{"userName": "ada"}, {"userName": "ben", "active": False}, {"userName": "éa"}]
    bodies[2] |= {"displayName": 'Éa "Quote"', "active": True, enterprise: {"department": "Legal"}}
    if resource_type.has_members:
        bodies = [{"displayName": "Staff", "members": [{"value": "unknown"}]}, {"displayName": "Empty"}]
    query = console_search.ResourceQuery(resource_type)
    columns = resource_columns.exported_columns(resource_type)
    with app.app_context():
        for body in bodies:
            resource_operations.create(resource_type, body, Author("", ""))
        names = resource_columns.attributes_read(resource_type)
        excerpts = list(console_search.every(query, names))
        assert console_search.find(query, names, 1, 50).records == excerpts
        with directory_database.reading() as connection:
            _, positions = console_lists.page(connection, resource_type, "", console_lists.Order(), 0, 50)
            records = console_lists.load(connection, resource_type, positions)
        of_records, of_export = (
            [[column.value(line) for column in columns] for line in resource_columns.lines(rows)]
            for rows in (records, excerpts)
        )
    assert of_export == of_records
    assert len(of_records) == len(bodies)
    assert "schemas" not in {name for excerpt in excerpts for name in excerpt.content}
