"""The Activity pages: real requests, then what the pages say of them."""

import csv
import html
import io
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from app import bounds
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.observation.request_list import ACTION_GROUPS
from app.web.console.monitoring.activity_rows import REQUEST_COLUMNS
from tests.conftest import Answer, Appliance
from tests.web.request_log_rows import past, start_unknocked, write
from tests.web.simulated_entra import play_entra
from tests.web.test_audit_of_every_action import BASE, World, world
from tests.web.visitor import Visitor, set_up

__all__ = ["world"]

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
HOSTILE = "\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}مرحبا👩‍🚀" + "x" * 200


def create(appliance: Appliance, kind: str, **values: object) -> str:
    schemas = [USER, ENTERPRISE] if kind == "Users" else [GROUP]
    made = appliance.request("POST", f"/scim/{kind}", {"schemas": schemas} | values)
    assert made.status == 201, made.text
    return str(made.json["id"])


def patch(appliance: Appliance, path: str, *operations: dict[str, object]) -> Answer:
    answer = appliance.request("PATCH", f"/scim/{path}", {"schemas": [PATCH], "Operations": list(operations)})
    assert answer.status in (200, 204), answer.text
    return answer


def put(path: str, value: object, op: str = "Replace") -> dict[str, object]:
    return {"op": op, "path": path, "value": value}


def words(page: str) -> str:
    """The text of a page's main part, without tags and entities."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(
        html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</?(p|div|li|dt|dd|td|th|br)\b", r" \g<0>", main))).split()
    )


def sentences(page: str) -> list[str]:
    """The lines of a page as plain texts, newest first."""
    found = re.findall(r'<div class="long">\s*((?:<p>.*?</p>.*?)+?)</div>\s*</li>', page, re.DOTALL)
    lines = [line for lines in found for line in re.findall(r"<p>(.*?)</p>", lines, re.DOTALL)]
    return [html.unescape(re.sub(r"<[^>]+>", "", line)) for line in lines]


def number_of(answer: Answer) -> str:
    return answer.headers["x-request-id"]


@dataclass
class Told:
    """An appliance after a short story, its operator, and who played in it."""

    appliance: Appliance
    eva: Visitor
    ids: dict[str, str]
    numbers: dict[str, str]

    def page(self, query: str = "") -> str:
        """The flat list, newest first."""
        return self.eva.get(f"/activity?view=events&{query}").text

    def lines(self, query: str = "") -> list[str]:
        """Its lines."""
        return sentences(self.page(query))


@pytest.fixture(scope="module")
def told(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Each kind of line comes true once, by the requests that Entra would send."""
    appliance = Appliance(program, tmp_path_factory.mktemp("activity") / "recnice").start()
    eva = set_up(appliance)
    appliance.make_key()
    ids, numbers = {}, {}
    appliance.request("GET", f'/scim/Users?filter=userName+eq+"{uuid.uuid4()}"'.replace('"', "%22"))
    appliance.request("GET", "/scim/Schemas")
    appliance.request("GET", "/scim/Users?filter=userName+eq+%22ana%40recnice.example%22")
    ana = {"userName": "ana@recnice.example", "displayName": "Ana Ruiz", "title": "Engineer", "active": True}
    ids["ana"] = create(appliance, "Users", **ana | {ENTERPRISE: {"department": "Sales"}})
    ids["bo"] = create(appliance, "Users", userName="bo@recnice.example", displayName="Bo Chen", active=False)
    ids["cy"] = create(appliance, "Users", userName="cy@recnice.example", displayName="Cy Ode", active=True)
    ids["dee"] = create(appliance, "Users", userName="dee@recnice.example", displayName=HOSTILE, active=True)
    ids["team"] = create(appliance, "Groups", displayName="Editors")
    appliance.request("GET", "/scim/Users?filter=userName+eq+%22ANA%40recnice.example%22")
    appliance.request("GET", f"/scim/Users/{ids['ana']}")
    person, group = f"Users/{ids['ana']}", f"Groups/{ids['team']}"
    numbers["moved"] = number_of(
        patch(appliance, person, put(f"{ENTERPRISE}:department", "Legal"), put("title", "Lead"), put("nickName", "Ani"))
    )
    patch(appliance, person, put("displayName", "Ana Ruiz-Lopez"))
    patch(appliance, person, put("userName", "ana.lopez@recnice.example"))
    patch(appliance, person, put(f"{ENTERPRISE}:manager", ids["bo"]))
    patch(appliance, person, put("active", "False"))
    patch(appliance, person, put("active", "True"))
    patch(appliance, person, put("active", "True"))
    patch(appliance, group, put("members", [{"value": ids["ana"]}], "Add"))
    patch(appliance, group, put("members", [{"value": ids[who]} for who in ("bo", "cy", "dee")], "Add"))
    patch(appliance, group, put("members", [{"value": ids["bo"]}], "Remove"))
    taken = {"schemas": [USER], "userName": "ANA.LOPEZ@recnice.example"}
    refused = appliance.request("POST", "/scim/Users", taken)
    assert refused.status == 409
    numbers["refused"] = number_of(refused)
    numbers["no key"] = number_of(appliance.request("GET", "/scim/Users", headers={"Authorization": None}))
    assert appliance.request("DELETE", f"/scim/Users/{ids['cy']}").status == 204
    yield Told(appliance, eva, ids, numbers)
    assert appliance.stop() == 0, appliance.output


def test_before_entra_came_the_page_says_what_will_appear(new_appliance):
    fresh = start_unknocked(new_appliance())
    eva = set_up(fresh)
    shown = words(eva.get("/activity").text)
    assert "Syncs appear here, with their changes" in shown and "Connect Entra" in shown
    assert "Requests from Entra appear here" in words(eva.get("/activity?view=events").text)
    assert fresh.stop() == 0, fresh.output


def test_cycles_newest_first_and_visits_without_anything_folded(new_appliance):
    fresh = start_unknocked(new_appliance())
    eva = set_up(fresh)
    visits = [past(minutes, action="probe") for minutes in (400, 360, 320, 200)]
    made = {"method": "POST", "status": 201, "action": "create", "resource_type": "User"}
    busy = [past(280, **made), past(275, **made, resource_name="Bo"), past(274.5, status=500)]
    write(fresh, sorted((*visits, *busy), key=lambda request: request.at))
    page = eva.get("/activity").text
    expected = (
        "only 1 connection check",
        "5 min, 3 requests, 2 new, 1 refused",
        "3 syncs with only connection checks, since",
    )
    shown = words(page)
    assert [part for part in expected if part in shown] == list(expected)
    assert sorted(expected, key=shown.index) == list(expected)
    folded = page.partition("<details")[2].partition("</details>")[0]
    assert (
        folded.count("only 1 connection check") == 3 and page.count("only 1 connection check") == 5
    )  # once more for who listens
    assert f'since <time datetime="{visits[0].at}">' in page
    assert re.findall(r'href="/activity/([0-9]+)"', page) == ["5", "4", "3", "2", "1"]
    assert fresh.stop() == 0, fresh.output


def test_each_line_comes_true(told: Told):
    lines = told.lines()[::-1]
    assert lines.pop(0).startswith("Refused: no key was sent")  # the tests ask so whether the appliance has started
    expected = [
        "Connection check (Test Connection or the start of a sync)",
        "Entra asked what this service offers (Schemas)",
        "Entra looked up a user: no match",
        "Ana Ruiz was created",
        "Bo Chen was created",
        "Cy Ode was created",
        f"{HOSTILE} was created",
        "Editors was created",
        "Entra looked up Ana Ruiz",
        "Entra read Ana Ruiz",
        "Ana Ruiz moved from Sales to Legal; title: Engineer → Lead; and 1 more change",
        "Ana Ruiz is now called Ana Ruiz-Lopez",
        "Ana Ruiz-Lopez has a new sign-in name: ana.lopez@recnice.example",
        "Ana Ruiz-Lopez has a new manager: Bo Chen",
        "Ana Ruiz-Lopez was disabled",
        "Ana Ruiz-Lopez was enabled again",
        "Ana Ruiz-Lopez already had these values, so nothing changed",
        "Ana Ruiz-Lopez joined Editors",
        "3 users joined Editors",
        "Bo Chen left Editors",
    ]
    assert lines[: len(expected)] == expected
    rest = lines[len(expected) :]
    assert rest[0].startswith("Refused: creating ") and "userName" in rest[0] and rest[0].endswith(" Problem")
    assert rest[1].startswith("Refused: no key was sent")
    assert rest[2:] == ["Cy Ode left 1 group", "Cy Ode was deleted"]


def test_several_changes_are_told_in_whole_behind_a_disclosure(told: Told):
    page = told.eva.get("/activity?kind=changed").text
    shown = words(page)
    assert "3 attributes before and after" in shown
    assert f"{ENTERPRISE}:department Sales → Legal" in shown
    assert "nickName nothing → Ani" in shown and "title Engineer → Lead" in shown


def test_a_line_leads_to_who_is_here_or_was(told: Told):
    page = told.eva.get("/activity?view=events").text
    for who, path in (("ana", "users"), ("team", "groups"), ("bo", "users"), ("cy", "users")):
        assert f'<a href="/{path}/{told.ids[who]}"><bdi>' in page
        assert told.eva.get(f"/{path}/{told.ids[who]}").status == 200


def test_a_refusal_leads_to_its_problem(told: Told):
    taken, *_ = re.findall(r'Refused: creating.*?href="(/problems/[0-9]+)">Problem', told.page("result=refused"))
    no_key, *_ = re.findall(r'Refused: no key.*?href="(/problems/[0-9]+)">Problem', told.page("cycle=0"))
    assert taken != no_key
    assert told.eva.get(taken).status == told.eva.get(no_key).status == 200
    assert "userName" in told.eva.get(taken).text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kind=created", {"was created"}),
        ("kind=changed", {"moved from", "is now called", "sign-in name", "manager", "joined Editors", "left Editors"}),
        ("kind=disabled", {"was disabled"}),
        ("kind=enabled", {"was enabled again"}),
        ("kind=deleted", {"was deleted", "left 1 group"}),
        ("kind=memberships", {"joined Editors", "left Editors", "was deleted", "left 1 group"}),
        ("kind=reads", {"looked up", "Entra read", "already had these values", "what this service offers"}),
        ("kind=probes", {"Connection check"}),
        ("kind=refused", {"Refused"}),
        ("result=refused", {"Refused"}),
        (
            "result=done&kind=refused",
            {"was", "joined", "left", "Entra", "is now", "has a new", "moved", "Connection", "already"},
        ),
        ("cycle=0", {"Refused: no key"}),
        ("to=2026-01-31", set()),
        ("from=2999-01-31T08:00", set()),
        ("key=00000000", set()),
        ("kind=created&q=nobody-has-this-name", set()),
    ],
)
def test_filters(told: Told, query: str, expected: set[str]):
    lines = told.lines(query)
    assert {part for part in expected if any(part in line for line in lines)} == expected
    assert all(any(part in line for part in expected) for line in lines)
    if not expected:
        assert "No request in the log matches" in told.eva.get(f"/activity?{query}").text


def test_every_kind_of_the_form_is_a_filter(told: Told):
    page = told.eva.get("/activity").text
    for name, group in ACTION_GROUPS.items():
        assert f'<option value="{name}">{group.title}</option>' in page
        assert told.eva.get(f"/activity?kind={name}").status == 200
        assert f'<option value="{name}" selected>' in told.eva.get(f"/activity?kind={name}").text


def test_by_key_and_by_time(told: Told):
    [key_id] = re.findall(r"\b[0-9a-f]{8}\b", told.appliance.command("key", "list").stdout)
    everything = told.lines()
    by_key = told.lines(f"key={key_id}")
    assert by_key == [line for line in everything if "no key was sent" not in line]
    assert told.lines("from=2026-01-31&to=2999-01-01") == everything
    moments = re.findall(r'datetime="([^"]+)"', told.eva.get("/activity?kind=created").text)
    assert told.lines(f"to={moments[0][:10]}") == everything
    shown = told.eva.get("/activity?from=2026-01-31&to=2026-02-01").text
    assert 'value="2026-01-31T00:00"' in shown and 'value="2026-02-01T23:59"' in shown
    assert 'value="2026-02-01T08:30"' in told.eva.get("/activity?to=2026-02-01T08:30").text
    assert "is not a time" in words(told.eva.get("/activity?from=yesterday").text)
    assert "is not a time" in words(told.eva.get("/activity?to=9999-12-31").text)


@pytest.mark.parametrize("sought", ["id", "Ruiz-Lopez", "ruiz", "ana.lopez@recnice.example"])
def test_a_persons_activity_has_the_groups_and_who_was_refused_because_of_it(told: Told, sought: str):
    lines = told.lines(f"q={told.ids['ana'] if sought == 'id' else sought}")
    assert "Ana Ruiz was created" in lines and "Ana Ruiz-Lopez joined Editors" in lines
    assert "About Ana Ruiz-Lopez" in words(told.page(f"q={told.ids['ana'] if sought == 'id' else sought}"))
    assert any(line.startswith("Refused") for line in lines)
    assert not any("Bo Chen was created" in line or "Cy Ode" in line for line in lines)


def test_among_several_the_person_is_named(told: Told):
    assert "Cy Ode and 2 others joined Editors" in told.lines(f"q={told.ids['cy']}")
    assert "Bo Chen and 2 others joined Editors" in told.lines(f"q={told.ids['bo']}")


def test_who_is_gone_is_found_by_name(told: Told):
    assert "Cy Ode was deleted" in told.lines("q=cy%20OD")


def test_a_groups_activity(told: Told):
    lines = told.lines(f"q={told.ids['team']}")
    expected = [
        "Bo Chen left Editors",
        "3 users joined Editors",
        "Ana Ruiz-Lopez joined Editors",
        "Editors was created",
    ]
    assert lines == expected


def test_one_request_by_its_number(told: Told):
    page = told.eva.get(f"/activity?number={told.numbers['refused']}")
    shown = words(page.text)
    assert page.status == 200 and "How to fix it" in shown
    for told_of in ("Method POST", "Status 409", "scimType uniqueness", "Attribute userName", "Action create"):
        assert told_of in shown, told_of
    assert f"Other resource ID Ana Ruiz-Lopez {told.ids['ana']}" in shown
    assert f'href="/users/{told.ids["ana"]}"' in page.text and "Body, redacted" in shown
    moved = words(told.eva.get(f"/activity?number={told.numbers['moved'].upper()}").text)
    assert "Ana Ruiz moved from Sales to Legal" in moved and "nickName nothing → Ani" in moved
    assert told.eva.get("/activity?number=00000000").status == 404


def test_the_raw_view_has_every_column(told: Told):
    page = told.eva.get("/activity?view=requests").text
    assert re.findall(r'<th scope="col">([^<]+)</th>', page) == [column.title for column in REQUEST_COLUMNS]
    assert page.count("<tr id=") == len(json.loads(told.eva.get("/activity?view=requests&format=json").text))
    assert '<details id="body-' in page and told.numbers["refused"] in page


def test_what_is_shown_is_what_is_exported(told: Told):
    for query in ("kind=created", "result=refused", f"q={told.ids['ana']}", "view=events"):
        exported = told.eva.get(f"/activity?{query}&format=json")
        rows = json.loads(exported.text)
        assert list(rows[0]) == [column.name for column in REQUEST_COLUMNS]
        numbers = re.findall(r"/activity\?number=([0-9a-f]{16})", told.eva.get(f"/activity?{query}").text)
        assert [row["number"] for row in rows] == numbers
        as_csv = told.eva.get(f"/activity?{query}&format=csv")
        assert as_csv.headers["content-disposition"].startswith("attachment; filename=activity-")
        lines = list(csv.reader(io.StringIO(as_csv.text.removeprefix("\ufeff"))))
        assert lines[0] == [column.title for column in REQUEST_COLUMNS] and len(lines) == len(rows) + 1
    [cycle] = json.loads(told.eva.get("/activity?format=json").text)
    assert (cycle["created"], cycle["disabled"], cycle["deleted"], cycle["probes"]) == (5, 1, 1, 1)
    assert told.eva.get("/activity?format=xml").status == 404


def test_a_cycle_has_its_counts_and_opens_to_its_lines(told: Told):
    page = told.eva.get("/activity").text
    [path] = re.findall(r'href="(/activity/[0-9]+)"', page)
    summary = words(page)
    assert "5 new" in summary and "1 disabled" in summary and "1 enabled again" in summary and "1 refused" in summary
    opened = told.eva.get(path).text
    lines = sentences(opened)
    assert lines[-1] == "Ana Ruiz was created" and "Bo Chen left Editors" in lines
    assert not any(line.startswith(("Entra ", "Connection check")) for line in lines)
    assert not any("no key was sent" in line for line in lines)
    [left_out] = re.findall(r"([0-9]+) connection checks and lookups are hidden", words(opened))
    everything = sentences(told.eva.get(f"{path}?kind=all").text)
    assert len(everything) - len(lines) == int(left_out) == 6
    assert (
        everything[-1].startswith("Connection check")
        and "lookups are hidden" not in told.eva.get(f"{path}?kind=all").text
    )
    assert {row["number"] for row in json.loads(told.eva.get(f"{path}?kind=created&format=json").text)} < {
        row["number"] for row in json.loads(told.eva.get(f"{path}?format=json").text)
    }
    for path in ("/activity/99999", "/activity/x", f"/activity/{10**20}", f"/activity/{'9' * 5_000}"):
        assert told.eva.get(path).status == 404, path


@pytest.mark.parametrize(
    "query",
    ["kind=x", "result=x", "view=x", "before=x", "before=-1", "cycle=x", "cycle=%C2%B2", "format=xml"],
)
def test_what_no_form_of_ours_sends(told: Told, query: str):
    assert told.eva.get(f"/activity?view=events&{query}".replace("view=events&view", "view")).status == 404


def test_hostile_names_are_text(told: Told):
    escaped = html.escape(HOSTILE, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    for query in ("view=events", "view=requests", f"q={told.ids['dee']}", f"q={quote(HOSTILE)}"):
        page = told.eva.get(f"/activity?{query}").text
        assert "<img" not in page and f"<bdi>{escaped}" in page, query
    assert "so it was ignored" in told.eva.get("/activity?q=" + "x" * (bounds.SEARCH_TEXT_LENGTH + 1)).text


def test_a_stranger_is_sent_to_the_sign_in_page(told: Told):
    for path in ("/activity", "/activity/1", "/activity?format=csv"):
        page = Visitor(told.appliance.url).get(path)
        assert (page.status, page.location.partition("?")[0]) == (303, "/login")


def test_pages_follow_each_other_without_a_gap(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    fresh.make_key()
    number = bounds.CONSOLE_PAGE_SIZE * 2 + 3
    names = [f"Person {n:03}" for n in range(number)]
    for name in names:
        create(fresh, "Users", userName=name, displayName=name)
    path, seen, sizes = "/activity?kind=created", [], []
    while path:
        page = eva.get(path).text
        lines = sentences(page)
        seen += lines
        sizes.append(len(lines))
        older = re.findall(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(older[0]) if older else ""
    assert seen == [f"{name} was created" for name in reversed(names)]
    assert sizes == [bounds.CONSOLE_PAGE_SIZE, bounds.CONSOLE_PAGE_SIZE, 3]
    assert len(json.loads(eva.get("/activity?kind=created&format=json").text)) == number
    few = eva.get("/activity?kind=memberships").text
    assert "No request in the log matches" in few
    assert fresh.stop() == 0, fresh.output


def test_each_operation_of_a_bulk_request_has_its_own_line(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    fresh.make_key()
    person = {"schemas": [USER], "displayName": "Ana Ruiz", "userName": "ana@recnice.example"}
    group = {"schemas": [GROUP], "displayName": "Editors", "members": [{"value": "bulkId:1"}]}
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": person},
        {"method": "POST", "path": "/Users", "bulkId": "2", "data": person},
        {"method": "POST", "path": "/Groups", "bulkId": "3", "data": group},
    ]
    answer = fresh.request("POST", "/scim/Bulk", {"schemas": [BULK], "Operations": operations})
    assert [one["status"] for one in answer.json["Operations"]] == ["201", "409", "201"]
    shown = words(eva.get(f"/activity?number={number_of(answer)}").text)
    for line in ("A bulk request", "Ana Ruiz was created", "Refused: creating", "Editors was created"):
        assert shown.count(line) == 1, (line, shown)
    assert "Ana Ruiz joined Editors" in shown
    [path] = re.findall(r'href="(/activity/[0-9]+)"', eva.get("/activity").text)
    assert "A bulk request" not in sentences(eva.get(path).text)
    assert fresh.stop() == 0, fresh.output


def test_a_rehearsal_reads_like_one(new_appliance):
    """The simulator as Entra: what it did is told, and nothing that the page says is empty."""
    fresh = new_appliance().start()
    eva = set_up(fresh)
    fresh.make_key()
    play_entra(fresh, people=3, dialect="default")
    rows = json.loads(eva.get("/activity?view=events&format=json").text)
    texts = [row["what"] for row in rows]
    for part in (
        *(
            "Connection check",
            " was created",
            " was disabled",
            " was enabled again",
            " was deleted",
            " joined ",
            " left ",
        ),
        *("Entra looked up ", ": no match", " has a new sign-in name: ", " is now called ", "Refused: "),
    ):
        assert any(part in text for text in texts), part
    assert all(texts) and len(texts) > 100
    assert all(row["deed"] or row["status"] >= 400 for row in rows)
    for rest in ("", "?view=events", "?view=requests", "/1", "/1?kind=all"):
        assert eva.get(f"/activity{rest}").status == 200, rest
    assert fresh.stop() == 0, fresh.output


def test_a_large_bulk_request_is_shown_whole_and_each_operation_has_its_own_changes(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    fresh.make_key()
    ana = create(fresh, "Users", userName="ana@recnice.example", displayName="Ana Ruiz", title="Clerk")
    titles = ("Editor", "Editor", "Author")
    changes = [{"schemas": [PATCH], "Operations": [put("title", title)]} for title in titles]
    operations = [{"method": "PATCH", "path": f"/Users/{ana}", "data": change} for change in changes]
    gone = {"method": "DELETE", "path": f"/Users/{uuid.uuid4()}"}
    answer = fresh.request("POST", "/scim/Bulk", {"schemas": [BULK], "Operations": [*operations, *[gone] * 210]})
    assert len(answer.json["Operations"]) == 213
    page = eva.get(f"/activity?number={number_of(answer)}").text
    sections = [words(f"<main{one}</main>") for one in page.split("<section")[1:]]
    assert len(sections) == 214 and "A bulk request" in sections[0] and "Operation 213" in sections[-1]
    assert "Operation 1 " in sections[1] and "Clerk" in sections[1] and "Author" not in sections[1]
    assert "Editor" not in sections[2], "it changed nothing"
    assert "Author" in sections[3] and "Clerk" not in sections[3]
    [path] = re.findall(r'href="(/activity/[0-9]+)"', eva.get("/activity").text)
    opened = words(eva.get(path).text)
    assert "1 connection check or lookup is hidden" in opened, "that is the second operation"
    assert fresh.stop() == 0, fresh.output


@dataclass
class Entra:
    """A SCIM client of the application in this process."""

    world: World
    key: str

    def send(self, method: str, path: str, body: object = None) -> str:
        """Send a request that succeeds, and return the id in its answer."""
        answer = self.world.app.test_client().open(
            f"/sub/scim/{path}",
            method=method,
            base_url=BASE,
            headers={"Authorization": f"Bearer {self.key}"},
            json=body,
        )
        assert answer.status_code < 300, answer.text
        return str(answer.json["id"]) if answer.json else ""

    def put(self, path: str, attribute: str, value: object) -> None:
        self.send("PATCH", path, {"schemas": [PATCH], "Operations": [put(attribute, value)]})

    def page(self, query: str = "view=events") -> str:
        """The Activity page."""
        return self.world.eva.get(f"/sub/activity?{query}", base_url=BASE).text


@pytest.fixture
def entra(world: World) -> Entra:
    return Entra(world, world.ask(lambda: scim_keys.create_key("", HOST)).text)


def test_an_older_line_has_the_names_of_its_time(entra: Entra):
    bo = entra.send("POST", "Users", {"userName": "bo", "displayName": "Bo Old"})
    ana = entra.send("POST", "Users", {"userName": "ana", "displayName": "Ana Old"})
    team = entra.send("POST", "Groups", {"displayName": "Old team"})
    entra.put(f"Users/{ana}", f"{ENTERPRISE}:manager", bo)
    entra.put(f"Groups/{team}", "members", [{"value": ana}, {"value": bo}])
    for path, name in ((f"Users/{bo}", "Bo New"), (f"Users/{ana}", "Ana New"), (f"Groups/{team}", "New team")):
        entra.put(path, "displayName", name)
    entra.send("PATCH", f"Groups/{team}", {"schemas": [PATCH], "Operations": [{"op": "Remove", "path": "members"}]})
    page = entra.page()
    lines = sentences(page)
    assert "Ana Old has a new manager: Bo Old" in lines
    assert {"Ana Old and Bo Old joined Old team", "Bo Old and Ana Old joined Old team"} & set(lines)
    assert {"Ana New and Bo New left New team", "Bo New and Ana New left New team"} & set(lines)
    assert f'<a href="/sub/users/{bo}"><bdi>Bo Old</bdi></a>' in page
