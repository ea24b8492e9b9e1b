"""The Problems pages over HTTP: every kind is provoked, shows what it should, and closes itself."""

import csv
import html
import io
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app import bounds
from app.observation.problem_kinds.kind_catalog import BY_NAME, KINDS
from tests.conftest import Appliance
from tests.custom.conftest import make, resource, with_schemas
from tests.web.request_log_rows import forget, past, write
from tests.web.test_console import HOSTILE, USER, provision_group, provision_user, words
from tests.web.visitor import Visitor, set_up

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOBODY = "00000000-0000-4000-8000-000000000000"

Provoke = Callable[[Appliance, str], Any]


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def replaced(path: str, value: Any) -> dict[str, Any]:
    return patched({"op": "Replace", "path": path, "value": value})


def person(name: str, **values: Any) -> dict[str, Any]:
    return {"schemas": [USER], "userName": name, "externalId": name} | values


def refused(appliance: Appliance, *of: Any, **more: Any) -> None:
    assert appliance.request(*of, **more).status >= 400


def changing(body: Any, status: int = 400, headers: dict[str, str] | None = None) -> Provoke:
    """A PATCH of somebody that is refused; the same one is changed well later."""

    def provoke(appliance: Appliance, somebody: str) -> None:
        answer = appliance.request("PATCH", f"/scim/Users/{somebody}", body, headers)
        assert answer.status == status, answer.text

    return provoke


def with_token(token: str | None) -> Provoke:
    return lambda appliance, _: refused(appliance, "GET", "/scim/Users", headers={"Authorization": token})


def asking(path: str, method: str = "GET", **more: Any) -> Provoke:
    return lambda appliance, _: refused(appliance, method, path, **more)


def _stopped_key(appliance: Appliance, _: str) -> None:
    first = appliance.key
    [first_id] = re.findall(r"\b[0-9a-f]{8}\b", appliance.command("key", "list").stdout)
    appliance.make_key("other")
    assert appliance.command("key", "stop", first_id).returncode == 0
    refused(appliance, "GET", "/scim/Users", headers={"Authorization": f"Bearer {first}"})


def _group_twice(appliance: Appliance, _: str) -> None:
    provision_group(appliance, "Taken", [])
    free = provision_group(appliance, "Free", [])
    assert appliance.request("PATCH", f"/scim/Groups/{free}", replaced("displayName", "TAKEN")).status == 409


def _name_twice(appliance: Appliance, somebody: str) -> None:
    provision_user(appliance, userName="taken@recnice.example")
    answer = appliance.request("PATCH", f"/scim/Users/{somebody}", replaced("userName", "Taken@recnice.example"))
    assert answer.status == 409


SEARCH = "/scim/Users?filter="
PROVOKED: dict[str, Provoke] = {
    "token-refused": asking("/oauth/token", "POST", body="grant_type=client_credentials", headers=FORM),
    "key-missing": with_token(None),
    "key-stopped": _stopped_key,
    "key-cut": with_token("Bearer rcn_scim_cut"),
    "key-bearer": with_token("Bearer Bearer rcn_scim_abc"),
    "entra-token": with_token("Bearer eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"),
    "key-wrong": with_token("Bearer nonsense"),
    "host-unknown": asking("/scim/Users", headers={"Host": "other.example"}),
    "path-unknown": asking("/scim/Nothing"),
    "method-not-allowed": asking("/scim/Users", "DELETE"),
    "not-offered": asking("/scim/Me"),
    "user-name-taken": _name_twice,
    "group-name-taken": _group_twice,
    "gone": asking(f"/scim/Users/{NOBODY}", "PATCH", body=replaced("title", "x")),
    "value-missing": asking("/scim/Users", "POST", body={"schemas": [USER], "externalId": "nameless"}),
    "value-too-long": changing(replaced("title", "x" * (bounds.TEXT_LENGTH + 1))),
    "value-wrong": changing(replaced("active", "perhaps")),
    "read-only": changing(replaced("id", "other")),
    "no-target": changing(patched({"op": "Remove"})),
    "version-conflict": changing(replaced("title", "x"), 412, {"If-Match": 'W/"no"'}),
    "filter-not-understood": asking(SEARCH + "nonsense+eq+1"),
    "paging": asking("/scim/Users?startIndex=first"),
    "path-not-understood": changing(replaced("name..givenName", "x")),
    "body-not-understood": changing("{"),
    "too-many": changing(patched(*[{"op": "Add", "path": "title", "value": "x"}] * (bounds.PATCH_OPERATIONS + 1))),
    "body-too-large": changing("[" + " " * bounds.BODY_BYTES + "]", 413),
    "media-type": changing("a=b", 415, FORM),
    "not-http": asking("/scim/Users", headers={"Transfer-Encoding": "chunked", "Content-Length": "1"}),
}
"""How each kind comes about over HTTP. `{"op": "Remove"}` without a path: what leads nowhere."""

ELSEWHERE = {"value-taken", "value-strict", "source-refused"}
"""Provoked in tests of their own: those need a schema of one's own, a switch of the Attributes page, a list of
addresses (test_ip_allow_list.py)."""
NOT_HERE = {"too-often", "unavailable", "internal", "token-expired"}
"""Those need a second minute of wrong keys (of the first one no more is written down than comes before the answer 429),
a full disk, a fault in the program, a token whose hour is over: see test_problem_kinds.py."""


@pytest.fixture(scope="module")
def operator(console: Appliance) -> Visitor:
    """The operator of the appliance that all tests of this file share."""
    visitor = Visitor(console.url)
    assert visitor.sign_in().status == 303
    return visitor


@pytest.fixture
def visitor(console: Appliance, operator: Visitor) -> Visitor:
    """The same, and nobody has knocked."""
    assert operator.get("/").status == 200, "all that was noted is written"
    forget(console)
    return operator


@pytest.fixture
def name() -> str:
    """A userName that nobody else has."""
    return f"{uuid.uuid4().hex}@recnice.example"


@pytest.fixture
def somebody(console: Appliance, name: str) -> str:
    """The id of a user. A test that names it before `visitor` has a log in which no user has arrived."""
    return provision_user(console, userName=name, displayName="Ana Ruiz")


def shown(visitor: Visitor, path: str = "/problems") -> str:
    page = visitor.get(path)
    assert page.status == 200, (path, page.status)
    return words(page.text)


def rows(visitor: Visitor, tab: str = "open") -> list[dict[str, Any]]:
    """The export of a tab."""
    answer = visitor.get(f"/problems?tab={tab}&format=json")
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.text)
    return found


def test_every_kind_is_provoked_somewhere():
    assert PROVOKED.keys() | ELSEWHERE | NOT_HERE == BY_NAME.keys()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name in PROVOKED], ids=lambda kind: kind.name)
def test_every_kind_shows_what_was_wrong_and_how_to_mend_it_and_closes_itself(console, somebody, visitor, kind):
    PROVOKED[kind.name](console, somebody)
    mine = [row for row in rows(visitor) if row["kind"] == kind.name]
    assert len(mine) == 1, rows(visitor)
    page = visitor.get(f"/problems?kind={kind.name}")
    text = html.unescape(words(page.text))
    assert kind.title in text and kind.menu in text
    assert all(step in text for step in kind.fix)
    assert mine[0]["attribute"] in text
    assert f'href="/help/problems/{kind.name}"' in page.text
    [details] = re.findall(r'href="/problems/(\d+)"', page.text)
    assert mine[0]["number"] in visitor.get(f"/problems/{details}").text
    mend(console, kind.name, somebody)
    assert kind.name not in {row["kind"] for row in rows(visitor)}
    assert kind.name in {row["kind"] for row in rows(visitor, "closed")}
    assert "Closed less than a minute ago" in shown(visitor, f"/problems/{details}")


def mend(appliance: Appliance, kind: str, somebody: str) -> None:
    """What makes a problem go away: a right key, a success for the same one, or a cycle without it."""
    if kind == "value-missing":
        made = appliance.request("POST", "/scim/Users", person("new@recnice.example", externalId="nameless"))
        assert made.status == 201, made.text
    elif kind == "group-name-taken":
        [group] = [
            one for one in appliance.request("GET", "/scim/Groups").json["Resources"] if one["displayName"] == "Free"
        ]
        assert appliance.request("PATCH", f"/scim/Groups/{group['id']}", replaced("displayName", "Other")).status == 200
    else:
        assert appliance.request("PATCH", f"/scim/Users/{somebody}", replaced("title", "Judge")).status == 200
    waits = {"gone": 3 * 24 * 60}.get(kind, 90)
    write(appliance, [past(-waits / 2), past(-waits)])


def test_requests_without_a_key_turn_status_to_nothing_once_users_have_arrived(console, visitor, somebody):
    assert "notice hero well" in visitor.get("/").text
    refused(console, "GET", "/scim/Users", headers={"Authorization": None})
    refused(console, "GET", "/scim/Users", headers={"Authorization": "Basic YTpi"})
    refused(console, "GET", "/Users?filter=x", headers={"Authorization": None})
    refused(console, "GET", "/scim/Users", headers={"Authorization": None, "Host": "other.example"})
    refused(console, "POST", "/oauth/token", body="", headers=FORM | {"Authorization": None})
    broken = {"Authorization": None, "Transfer-Encoding": "chunked", "Content-Length": "1"}
    refused(console, "GET", "/scim/Users", headers=broken)
    assert rows(visitor) == []
    page = visitor.get("/")
    assert "notice hero well" in page.text and "notice late" not in page.text
    assert "6 requests without a SCIM Key were refused and only counted." in words(page.text)
    refused(console, "GET", "/scim/Users", headers={"Authorization": "Bearer nonsense"})
    broken["Authorization"] = f"Bearer {console.key}"
    refused(console, "GET", "/scim/Users", headers=broken)
    assert {row["kind"] for row in rows(visitor)} == {"key-wrong", "not-http"}


@pytest.mark.parametrize(
    "values",
    [
        {"active": "maybe", "title": "t" * (bounds.TEXT_LENGTH + 1)},
        {"active": "strict here"},
        {"active": "expected at most"},
        {"active": "expected a value, got none; userName: expected"},
    ],
)
def test_what_is_wrong_first_decides_the_kind_and_no_sent_text_does(console, visitor, name, values):
    assert console.request("POST", "/scim/Users", person(name, **values)).status == 400
    [row] = rows(visitor)
    assert (row["kind"], row["attribute"]) == ("value-wrong", "active")
    [details] = re.findall(r'href="/problems/(\d+)"', visitor.get("/problems").text)
    page = html.unescape(shown(visitor, f"/problems/{details}"))
    assert f'Sent "{values["active"]}" Expected true or false Response' in page


def test_a_missing_value_that_is_strict_here_is_a_kind_of_its_own(console, visitor, name):
    visitor.get("/attributes")
    assert visitor.post("/attributes/strict", type="User", attribute="title", strict="yes").status == 303
    try:
        body = person(name, active=True)
        assert console.request("POST", "/scim/Users", body).status == 400
        [row] = rows(visitor)
        assert (row["kind"], row["attribute"], row["reason"]) == (
            "value-strict",
            "title",
            "title: expected a value, since it is strict here, got none",
        )
        assert "Or set it to Recommended on the Attributes page." in shown(visitor)
        assert console.request("POST", "/scim/Users", body | {"title": "Judge"}).status == 201
        assert rows(visitor) == []
    finally:
        assert visitor.post("/attributes/strict", type="User", attribute="title", strict="no").status == 303


def test_a_unique_value_of_ones_own_schema_is_a_kind_of_its_own(new_appliance):
    custom = with_schemas(new_appliance()).start()
    custom.make_key()
    visitor = set_up(custom)
    first = make(custom)
    refused = custom.request("POST", "/scim/TestResources", resource(identifier=first["identifier"]))
    assert refused.status == 409
    [row] = rows(visitor)
    assert (row["kind"], row["attribute"], row["otherId"]) == ("value-taken", "identifier", first["id"])
    assert "Unique value already in use" in shown(visitor)
    assert f'href="/resources/testresources/{first["id"]}"' in visitor.get("/problems").text


def test_one_problem_tells_everything(console, visitor, name):
    first = provision_user(console, userName=name, displayName="Ana Ruiz")
    body = person(name.upper(), displayName="Ana Ruiz-Gil", externalId="7")
    answer = console.request("POST", "/scim/Users", body)
    assert answer.status == 409
    [row] = rows(visitor)
    assert (row["kind"], row["attribute"], row["otherId"]) == ("user-name-taken", "userName", first)
    listed = shown(visitor)
    assert "Ana Ruiz-Gil" in listed and "a value that no other resource has" in listed
    page = visitor.get("/problems/1")
    text = words(page.text)
    number = answer.headers["x-request-id"]
    assert f'href="/users/{first}"' in page.text and f'href="/activity?number={number}"' in page.text
    assert "409 uniqueness" in text and "Provision on demand" in text and "After" not in text
    assert name.upper() in text and console.key not in page.text
    assert visitor.get("/problems/2").status == 404


@pytest.mark.parametrize("way", ["PATCH", "PUT", "Bulk"])
def test_what_was_left_out_beside_a_disable_is_a_problem_until_the_attribute_gets_a_value(console, visitor, name, way):
    other = provision_user(console, userName=name)
    ana = provision_user(console, userName=f"ana.{name}", displayName="Ana Ruiz", title="Clerk")
    path, secret = f"/scim/Users/{ana}", {"password": "never to be seen"}
    long = "x" * (bounds.TEXT_LENGTH + 1)
    values = {"userName": name, "title": long, "nickName": "Ana", "active": "False"}
    body = patched(*({"op": "Replace", "path": path, "value": value} for path, value in values.items()))
    if way == "Bulk":
        operation = {"method": "PATCH", "path": f"/Users/{ana}", "data": body}
        answer = console.request("POST", "/scim/Bulk", {"schemas": [BULK], "Operations": [operation]})
        assert [one["status"] for one in answer.json["Operations"]] == ["200"]
    elif way == "PUT":
        answer = console.request("PUT", path, person(**values | {"name": name}) | {"displayName": "Ana Ruiz"} | secret)
    else:
        answer = console.request("PATCH", path, body)
    assert answer.status == 200, answer.text
    stored = console.request("GET", path).json
    assert way == "Bulk" or answer.json == stored
    assert (stored["userName"], stored["title"], stored["nickName"]) == (f"ana.{name}", "Clerk", "Ana")
    assert stored["active"] is False
    found = {row["attribute"]: row for row in rows(visitor)}
    assert {attribute: row["kind"] for attribute, row in found.items()} == {
        "userName": "user-name-taken",
        "title": "value-too-long",
    }
    assert {(row["resourceId"], row["status"]) for row in found.values()} == {(ana, 200)}
    assert found["userName"]["otherId"] == other
    page = visitor.get("/problems").text
    assert "Ana Ruiz" in page and "skipped when the user was disabled" in page and "never to be seen" not in page
    details = [visitor.get(way).text for way in set(re.findall(r'href="(/problems/\d+)"', page))]
    assert len(details) == 2
    assert all("The request disabled this user." in one and answer.headers["x-request-id"] in one for one in details)
    assert console.request("PATCH", path, replaced("nickName", "Anita")).status == 200
    assert len(rows(visitor)) == 2, "another success"
    assert console.request("PATCH", path, replaced("title", "Clerk")).status == 200
    assert [row["attribute"] for row in rows(visitor)] == ["userName"]
    assert console.request("DELETE", path).status == 204
    assert rows(visitor) == []


def test_people_with_the_same_cause_are_one_row(console, visitor, name):
    provision_user(console, userName=name)
    for number in range(3):
        body = person(name, externalId=f"e{number}")
        assert console.request("POST", "/scim/Users", body).status == 409
    page = visitor.get("/problems").text
    assert page.count('<tbody role="rowgroup" id="p') == 1
    assert "userName already in use" in words(page) and "and 1 more" in words(page)
    assert len(rows(visitor)) == 3


def test_problems_are_ignored_and_heeded_again(console, visitor):
    refused(console, "GET", SEARCH + "nonsense+eq+1")
    refused(console, "GET", "/scim/Nothing")
    visitor.get("/problems")
    cause = {"kind": "path-unknown", "attribute": "", "resource_type": ""}
    answer = visitor.post("/problems/ignore", **cause)
    assert (answer.status, answer.location) == (303, "/problems?tab=ignored")
    assert "1 problem is ignored." in shown(visitor, "/problems?tab=ignored")
    assert [row["kind"] for row in rows(visitor)] == ["filter-not-understood"]
    assert [row["kind"] for row in rows(visitor, "ignored")] == ["path-unknown"]
    answer = visitor.post("/problems/stop-ignoring", **cause)
    assert answer.location == "/problems" and "1 problem is open again." in shown(visitor)
    assert len(rows(visitor)) == 2
    assert visitor.post("/problems/1/ignore").location == "/problems/1"
    assert "Ignored since" in shown(visitor, "/problems/1")
    assert visitor.post("/problems/1/stop-ignoring").status == 303
    assert "Ignored since" not in shown(visitor, "/problems/1")
    assert visitor.post("/problems/99/ignore").status == 404
    assert visitor.post("/problems/ignore", kind="nonsense").status == 400


def test_the_list_is_searched_and_filtered_by_its_address(console, visitor, name):
    provision_user(console, userName=name)
    for called in ("Ana Two", "Eva Two"):
        body = person(name, displayName=called, externalId=called)
        assert console.request("POST", "/scim/Users", body).status == 409
    refused(console, "GET", "/scim/Nothing")
    assert "Eva Two" in shown(visitor, "/problems?q=eva") and "Ana Two" not in shown(visitor, "/problems?q=eva")
    assert "Ana Two" not in shown(visitor, "/problems?kind=path-unknown")
    assert "No open problem matches." in shown(visitor, "/problems?q=nobody")
    for wrong in ("tab=nonsense", "kind=nonsense", "format=xml", "page=0"):
        assert visitor.get(f"/problems?{wrong}").status == 404, wrong


def test_empty_lists_say_what_will_be_there(visitor):
    assert "No open problems. Refused requests appear here" in shown(visitor)
    assert "No closed problems." in shown(visitor, "/problems?tab=closed")
    assert "No ignored problems." in shown(visitor, "/problems?tab=ignored")


def test_the_export_is_safe_for_spreadsheets(console, visitor, name):
    provision_user(console, userName=name)
    body = person(name, displayName="=cmd()", externalId="e")
    assert console.request("POST", "/scim/Users", body).status == 409
    answer = visitor.get("/problems?format=csv")
    assert re.search(r'filename="?problems-open-\d{4}-\d\d-\d\d\.csv', answer.headers["content-disposition"])
    [row] = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert row["Affected"] == "'=cmd()" and row["Kind"] == "user-name-taken"


def test_hostile_names_break_nothing(console, visitor, name):
    provision_user(console, userName=name)
    for number, called in enumerate(HOSTILE):
        body = person(name, displayName=called, externalId=f"e{number}")
        assert console.request("POST", "/scim/Users", body).status == 409
    for path in ("/problems", *(f"/problems/{number + 1}" for number in range(len(HOSTILE)))):
        page = visitor.get(path)
        assert page.status == 200
        assert "<script>alert" not in page.text and "<img src=x" not in page.text and ">49<" not in page.text


def test_pages_need_an_operator(console):
    stranger = Visitor(console.url)
    for path in ("/problems", "/problems/1", "/problems?format=csv"):
        assert stranger.get(path).status == 303
    assert stranger.post("/problems/ignore", kind="gone").status == 401


def test_who_is_told_by_name_also_when_the_request_had_only_an_id(appliance: Appliance) -> None:
    visitor = set_up(appliance)
    ana = appliance.request("POST", "/scim/Users", {"userName": "ana", "displayName": "Ana Ruiz"}).json["id"]
    too_long = {"op": "replace", "path": "title", "value": "x" * (bounds.TEXT_LENGTH + 1)}
    assert appliance.request("PATCH", f"/scim/Users/{ana}", {"Operations": [too_long]}).status == 400
    page = visitor.get("/problems?q=ruiz").text
    assert "<bdi>Ana Ruiz</bdi>" in page
    assert f"<bdi>{ana}</bdi>" not in page


def test_groups_with_long_names_are_told_apart_and_the_holder_of_a_name_closes_nothing(console, visitor):
    names = ["SG_APP_Finance_Reporting_Readers_EU", "SG_APP_Purchasing_Contributors_US1"]
    ids = [provision_group(console, called, []) for called in names]
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}
    for called in names:
        assert console.request("POST", "/scim/Groups", body | {"displayName": called}).status == 409
    assert {row["resourceName"] for row in rows(visitor)} == set(names)
    assert console.request("PATCH", f"/scim/Groups/{ids[0]}", replaced("externalId", "e")).status < 300
    assert console.request("GET", f"/scim/Groups/{ids[0]}").status == 200
    assert len(rows(visitor)) == 2, "whoever has the name is another one"
    assert console.request("PATCH", f"/scim/Groups/{ids[0]}", replaced("displayName", "Free now")).status < 300
    assert console.request("POST", "/scim/Groups", body | {"displayName": names[0].lower()}).status == 201
    assert [row["resourceName"] for row in rows(visitor)] == names[1:]


@pytest.mark.parametrize("number", [10**19, 10**30, int("9" * 4_000)], ids=["a little", "much", "very much"])
def test_numbers_that_no_row_has_are_no_page(console, visitor, number):
    assert visitor.get(f"/problems/{number}").status == 404
    for deed in ("ignore", "heed"):
        visitor.get("/problems")
        assert visitor.post(f"/problems/{number}/{deed}").status == 404
