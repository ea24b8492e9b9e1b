"""The lists of people and groups: columns, views, orders, words, exports, and the search over all of them."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from app import bounds
from tests.conftest import Appliance
from tests.web.visitor import Page, Visitor, set_up

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LONG_AGO = "2025-01-31T08:00:00.000Z"
HOSTILE = [
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "\"'><img src=x onerror=alert(1)>",
    "مرحبا بالعالم",
    "👩‍🚀 Åsa",
    "x" * 300,
    "=HYPERLINK(1)",
]


@dataclass(frozen=True)
class Staff:
    """Ids by userName, and those of the groups by displayName."""

    users: dict[str, str]
    groups: dict[str, str]


def words(text: str) -> str:
    """A page's text without its tags, entities left as they are."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def provision(appliance: Appliance, path: str, body: dict[str, Any]) -> str:
    made = appliance.request("POST", path, body)
    assert made.status == 201, made.text
    return str(made.json["id"])


def rows_of(page: Page) -> list[list[str]]:
    """The cells of a list, as text."""
    body = page.text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [words(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
    ]


def names_of(page: Page) -> list[str]:
    return [row[0] for row in rows_of(page)]


def in_log(appliance: Appliance, statement: str, *values: str) -> None:
    """Changes the request log of a running appliance, as time would."""
    with closing(sqlite3.connect(appliance.data / "recnice-requests.sqlite3", timeout=10)) as connection, connection:
        assert connection.execute(statement, values).rowcount


@pytest.fixture(scope="module")
def staff(console: Appliance) -> Staff:
    """Four people: one disabled, one silent, one both, one with an open problem; and two groups."""
    people = {
        "ana@recnice.example": {"displayName": "Ana Ruiz", "name": {"givenName": "Ana", "familyName": "Ruiz"}},
        "bo@recnice.example": {"displayName": "Bo Ångström", "active": False},
        "cy@recnice.example": {"displayName": "Cy Silent"},
        "di@recnice.example": {"displayName": "Di Leftover", "active": False},
    }
    users = {
        name: provision(console, "/scim/Users", {"userName": name, "active": True, **values})
        for name, values in people.items()
    }
    provision(console, "/scim/Users", {"userName": "no-name@recnice.example", ENTERPRISE: {"department": "Legal"}})
    members = [{"value": id} for id in users.values()]
    groups = {
        "Legal": provision(console, "/scim/Groups", {"displayName": "Legal", "members": members}),
        "Sales": provision(console, "/scim/Groups", {"displayName": "Sales"}),
    }
    refused = console.request("PUT", f"/scim/Users/{users['ana@recnice.example']}", {"userName": "bo@recnice.example"})
    assert refused.status == 409, refused.text
    visitor = Visitor(console.url)
    visitor.sign_in()
    visitor.get("/users")  # what was noted so far is written before a page is drawn
    for name in ("cy@recnice.example", "di@recnice.example"):
        in_log(console, "UPDATE mention SET at = ? WHERE resource_id = ?", LONG_AGO, users[name])
    with closing(sqlite3.connect(console.data / "recnice.sqlite3", timeout=10)) as connection, connection:
        for name in ("cy@recnice.example", "di@recnice.example"):
            connection.execute("UPDATE resource SET last_modified = ? WHERE id = ?", (LONG_AGO, users[name]))
    return Staff(users, groups)


@pytest.mark.usefixtures("staff")
def test_people_have_their_columns(eva: Visitor):
    page = eva.get("/users")
    by_name = {row[1]: row for row in rows_of(page)}
    ana, bo, nameless = (by_name[f"{name}@recnice.example"] for name in ("ana", "bo", "no-name"))
    assert ana[:5] == ["Ana Ruiz", "ana@recnice.example", "active", "", "Entra"]
    assert ana[6] == "1 problem" and 'href="/problems/' in page.text
    assert (bo[2], bo[6]) == ("disabled", "none")
    assert nameless[:4] == ["no-name@recnice.example", "no-name@recnice.example", "not set", "Legal"]
    assert by_name["cy@recnice.example"][5] == "2025-01-31 08:00 UTC", "last confirmed"


@pytest.mark.parametrize(
    ("view", "names"),
    [
        ("", ["ana", "bo", "cy", "di", "no-name"]),
        ("active", ["ana", "cy", "no-name"]),
        ("disabled", ["bo", "di"]),
        ("silent", ["cy", "di"]),
        ("problems", ["ana"]),
        ("leftovers", ["di"]),
    ],
)
@pytest.mark.usefixtures("staff")
def test_saved_views(eva: Visitor, view: str, names: list[str]):
    page = eva.get(f"/users?view={view}&sort=userName")
    assert [row[1].partition("@")[0] for row in rows_of(page)] == names
    assert f"{len(names)} user" in words(page.text)
    with_words = eva.get(f"/users?view={view}&sort=userName&q=recnice.ex")
    assert rows_of(with_words) == rows_of(page)
    assert rows_of(eva.get(f"/users?view={view}&q=zzz")) == []


@pytest.mark.usefixtures("staff")
def test_whoever_the_log_has_not_heard_of_is_judged_by_the_last_change(console: Appliance, eva: Visitor, staff: Staff):
    in_log(console, "DELETE FROM mention WHERE resource_id = ?", staff.users["di@recnice.example"])
    try:
        assert names_of(eva.get("/users?view=leftovers")) == ["Di Leftover"]
        assert names_of(eva.get("/users?view=silent&q=di")) == ["Di Leftover"]
        assert [row[5] for row in rows_of(eva.get("/users?q=leftover"))] == ["2025-01-31 08:00 UTC"]
    finally:
        at = "INSERT INTO mention (resource_id, resource_type, at) VALUES (?, 'User', ?)"
        in_log(console, at, staff.users["di@recnice.example"], LONG_AGO)


@pytest.mark.usefixtures("staff")
def test_groups_have_their_columns_and_views(eva: Visitor):
    rows = {row[0]: row for row in rows_of(eva.get("/groups"))}
    assert (rows["Legal"][1], rows["Sales"][1], rows["Legal"][3]) == ("4", "0", "none")
    assert names_of(eva.get("/groups?view=silent")) == names_of(eva.get("/groups?view=problems")) == []
    assert "No group is in this view" in words(eva.get("/groups?view=problems").text)
    assert eva.get("/groups?view=disabled").status == 404


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("userName", ["ana", "bo", "cy", "di", "no-name"]),
        ("-userName", ["no-name", "di", "cy", "bo", "ana"]),
        ("displayName", ["ana", "bo", "cy", "di", "no-name"]),
        ("-displayName", ["di", "cy", "bo", "ana", "no-name"]),
        ("meta.created", ["ana", "bo", "cy", "di", "no-name"]),
        ("-meta.created", ["no-name", "di", "cy", "bo", "ana"]),
        ("-meta.lastModified", ["no-name", "bo", "ana", "di", "cy"]),
    ],
)
@pytest.mark.usefixtures("staff")
def test_orders(eva: Visitor, sort: str, names: list[str]):
    for more in ("", "&q=recnice"):
        page = eva.get(f"/users?sort={sort}{more}")
        assert [row[1].partition("@")[0] for row in rows_of(page)] == names, more
    if not sort.endswith("created"):
        assert 'aria-sort="descending"' in page.text if sort.startswith("-") else 'aria-sort="ascending"' in page.text


def test_what_no_form_sends_is_not_there(eva: Visitor):
    for wrong in ("sort=title", "sort=-", "sort=userName,x", "view=local", "view=%00", "format=xml", "page=0"):
        assert eva.get(f"/users?{wrong}").status == 404, wrong


@pytest.mark.usefixtures("staff")
def test_an_order_has_the_name_of_its_attribute(eva: Visitor):
    offered = eva.get("/users").text
    assert ">e-mail, A to Z<" in offered and ">userName, Z to A<" in offered
    assert ">value," not in offered


def test_links_keep_view_order_and_words(eva: Visitor):
    page = eva.get("/users?view=active&sort=-userName&q=recnice").text
    assert 'href="/users?view=disabled' not in page
    for link in (
        "sort=-userName&amp;q=recnice&amp;view=disabled",
        "view=active&amp;sort=-userName&amp;q=recnice&amp;format=csv",
    ):
        assert f'href="/users?{link}"' in page, link
    assert 'name="view" value="active"' in page and 'value="-userName" selected' in page


@pytest.mark.usefixtures("staff")
def test_exports_have_the_whole_list_of_the_view(eva: Visitor, staff: Staff):
    file = eva.get("/users?view=disabled&format=csv")
    assert re.fullmatch(r"attachment; filename=users-20\d\d-\d\d-\d\d\.csv", file.headers["content-disposition"])
    head, *lines = csv.reader(io.StringIO(file.text.lstrip("\ufeff")))
    assert head[:4] == ["ID", "Name", "userName", "State"]
    assert [line[:4] for line in lines] == [
        [staff.users["bo@recnice.example"], "Bo Ångström", "bo@recnice.example", "disabled"],
        [staff.users["di@recnice.example"], "Di Leftover", "di@recnice.example", "disabled"],
    ]
    for query, count in (("", 5), ("?view=silent", 2), ("?view=problems", 1), ("?q=ana", 1), ("?q=zzz", 0)):
        path = f"/users{query}{'&' if query else '?'}format=json"
        assert len(json.loads(eva.get(path).text)) == count, query
    [legal, sales] = json.loads(eva.get("/groups?format=json").text)
    assert (legal["name"], legal["members"], sales["members"]) == ("Legal", 4, 0)


def test_hostile_names_in_lists_exports_and_search(console: Appliance, eva: Visitor):
    ids = [
        provision(
            console, "/scim/Users", {"userName": f"hostile{n}@recnice.example", "displayName": name, "title": name}
        )
        for n, name in enumerate(HOSTILE)
    ]
    try:
        for page in (eva.get("/users?q=hostile"), eva.get("/search?q=hostile")):
            for name in HOSTILE:
                escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                escaped = escaped.replace('"', "&#34;").replace("'", "&#39;")
                assert f"<bdi>{escaped}</bdi>" in page.text, name
            assert "<script>alert" not in page.text and "<img" not in page.text and ">49<" not in page.text
        exported = json.loads(eva.get("/users?q=hostile&format=json").text)
        assert [one["name"] for one in exported] == HOSTILE
        lines = list(csv.reader(io.StringIO(eva.get("/users?q=hostile&format=csv").text.lstrip("\ufeff"))))
        assert [line[1] for line in lines[1:]] == [*HOSTILE[:-1], "'=HYPERLINK(1)"]
        for sought in ("<script>alert", '"', "مرحبا", "👩‍🚀", "x" * 256, "' OR 1=1 --", "{{7*7}}"):
            for path in ("/users", "/search", "/groups"):
                page = eva.get(f"{path}?q={quote(sought)}")
                assert page.status == 200 and "<script>alert" not in page.text, (path, sought)
    finally:
        for id in ids:
            assert console.request("DELETE", f"/scim/Users/{id}").status == 204


def test_a_search_that_finds_too_many_says_so(console: Appliance, eva: Visitor, staff: Staff):
    """The bound is the server's own, so it is met with as many people as it says."""
    many = bounds.LISTED_RESOURCES + 5
    ids: list[str] = []

    def crowd(n: int) -> dict[str, Any]:
        return {"userName": f"crowd{n:05}@recnice.example", "active": False}

    for first in range(0, many, bounds.BULK_OPERATIONS):
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": str(n), "data": crowd(n)}
            for n in range(first, min(many, first + bounds.BULK_OPERATIONS))
        ]
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
        answer = console.request("POST", "/scim/Bulk", body)
        assert answer.status == 200, answer.text
        ids += [one["location"].rpartition("/")[2] for one in answer.json["Operations"]]
    try:
        page = eva.get("/users?q=crowd&page=20")
        assert f"951 to 1,000 of more than {bounds.LISTED_RESOURCES:,} users" in words(page.text)
        assert "there are more" in page.text and len(rows_of(page)) == 50
        assert "after the last" in eva.get("/users?q=crowd&page=21").text
        assert len(json.loads(eva.get("/users?q=crowd&format=json").text)) == many, "an export has all"
        assert "More than" not in words(eva.get("/users?q=ana").text)
        assert f"All more than {bounds.LISTED_RESOURCES:,} users" in words(eva.get("/search?q=crowd").text)
        assert f"of {many + 5:,} users" in words(eva.get("/users").text), "all of a type are counted exactly"
        for id in (ids[0], ids[-1]):
            in_log(console, "UPDATE mention SET at = ? WHERE resource_id = ?", LONG_AGO, id)
        for asked, names in {
            "view=silent&q=crowd": ["crowd00000", "crowd01004"],
            "view=silent&q=recnice.ex": ["crowd00000", "crowd01004", "cy", "di"],
            "view=leftovers": ["crowd00000", "crowd01004", "di"],
            "view=leftovers&q=crowd": ["crowd00000", "crowd01004"],
            "view=problems&q=crowd": [],
            "view=problems&q=recnice.ex": ["ana"],
        }.items():
            shown = rows_of(eva.get(f"/users?sort=userName&{asked}"))
            assert [row[1].partition("@")[0] for row in shown] == names, asked
    finally:
        for first in range(0, len(ids), bounds.BULK_OPERATIONS):
            operations = [
                {"method": "DELETE", "path": f"/Users/{id}"} for id in ids[first : first + bounds.BULK_OPERATIONS]
            ]
            body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
            assert console.request("POST", "/scim/Bulk", body).status == 200


def test_one_search_for_all(console: Appliance, eva: Visitor, staff: Staff):
    assert "Results appear here" in words(eva.get("/search").text)
    page = eva.get("/search?q=le")
    assert f'href="/groups/{staff.groups["Legal"]}"' in page.text
    assert f'href="/users/{staff.users["di@recnice.example"]}"' in page.text
    assert "<script" not in page.text.partition("<main")[2]
    assert "No match." in eva.get("/search?q=zzz").text
    assert "at most 256 characters" in eva.get("/search?q=" + "x" * 257).text
    found = eva.get(f"/search?q={staff.users['ana@recnice.example']}")
    assert (found.status, found.location) == (302, f"/users/{staff.users['ana@recnice.example']}")
    group = eva.get(f"/search?q=%20{staff.groups['Sales']}%20")
    assert group.location == f"/groups/{staff.groups['Sales']}"


def test_a_request_number_leads_to_the_request(console: Appliance, eva: Visitor):
    refused = console.request("GET", "/scim/Users/nobody-here")
    number = refused.headers["x-request-id"]
    found = eva.get(f"/search?q={number.upper()}")
    assert (found.status, found.location) == (302, f"/activity?number={number}")
    assert eva.get(found.location).status == 200
    unknown = f"{(int(number, 16) + 1) % 2**32:08x}"
    assert eva.get(f"/search?q={unknown}").status == 200


def test_a_log_that_was_lost_makes_nobody_heard_of(new_appliance: Any):
    """Silence is counted from the last change, where no request is known any more."""
    fresh = new_appliance().start()
    visitor = set_up(fresh)
    fresh.make_key()
    ids = [
        provision(fresh, "/scim/Users", {"userName": f"{name}@recnice.example", "active": name != "left"})
        for name in ("left", "silent", "present")
    ]
    assert fresh.stop() == 0
    (fresh.data / "recnice-requests.sqlite3").unlink()
    with closing(sqlite3.connect(fresh.data / "recnice.sqlite3")) as connection, connection:
        for id in ids[:2]:
            connection.execute("UPDATE resource SET last_modified = ? WHERE id = ?", (LONG_AGO, id))
    fresh.start()
    assert [row[1] for row in rows_of(visitor.get("/users?view=silent"))] == [
        "left@recnice.example",
        "silent@recnice.example",
    ]
    assert [row[1] for row in rows_of(visitor.get("/users?view=leftovers"))] == ["left@recnice.example"]
    assert fresh.request("GET", f"/scim/Users/{ids[0]}").status == 200
    assert rows_of(visitor.get("/users?view=leftovers")) == [], "it was spoken of just now"
    assert fresh.stop() == 0


def test_lists_are_for_operators_only(console: Appliance, stranger: Visitor):
    for path in ("/users", "/users?format=csv", "/groups?format=json", "/search?q=x"):
        page = stranger.get(path)
        assert page.status == 303 and page.location.startswith("/login"), path
