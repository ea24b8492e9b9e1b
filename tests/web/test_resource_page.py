"""The page of one person or group: now, history, groups and members, requests; and what is left after a deletion."""

import csv
import io
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Appliance
from tests.web.visitor import Page, Visitor

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
HOSTILE = ["<script>alert(1)</script>", "x" * 300, "مرحبا بالعالم", "👩‍🚀 Åsa", "{{ 7 * 7 }}"]


@dataclass(frozen=True)
class Done:
    """Who it was done to, and the numbers of the requests: create, change, join, leave, disable."""

    id: str
    group: str
    numbers: dict[str, str]


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def send(appliance: Appliance, method: str, path: str, body: Any = None) -> tuple[Any, str]:
    """The answer's JSON and the request's number."""
    answer = appliance.request(method, path, body)
    assert answer.status < 300, answer.text
    return answer.json if answer.text else None, answer.headers["x-request-id"]


def patched(op: str, path: str, value: Any) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": [{"op": op, "path": path, "value": value}]}


def escaped(name: str) -> str:
    name = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return name.replace('"', "&#34;").replace("'", "&#39;")


def lines_of(page: Page) -> list[str]:
    """The history's or the log's lines, as text."""
    return [words(one) for one in re.findall(r"<li(?: id=\"request-\d+\")?[^>]*>\s*<small>(.*?)</li>", page.text, re.S)]


@pytest.fixture(scope="module")
def ana(console: Appliance) -> Done:
    """Somebody to whom all has happened that can happen."""
    numbers = {}
    user = {
        "userName": "ana@recnice.example",
        "displayName": "Ana Ruiz",
        "active": True,
        "emails": [{"type": "work", "value": "ana@recnice.example"}],
        ENTERPRISE: {"department": "Sales"},
    }
    made, numbers["create"] = send(console, "POST", "/scim/Users", user)
    group, _ = send(console, "POST", "/scim/Groups", {"displayName": "Legal team"})
    person, team = f"/scim/Users/{made['id']}", f"/scim/Groups/{group['id']}"
    _, numbers["change"] = send(console, "PATCH", person, patched("replace", f"{ENTERPRISE}:department", "Legal"))
    _, numbers["join"] = send(console, "PATCH", team, patched("add", "members", [{"value": made["id"]}]))
    leave = patched("remove", f'members[value eq "{made["id"]}"]', None)
    _, numbers["leave"] = send(console, "PATCH", team, leave)
    send(console, "PATCH", team, patched("add", "members", [{"value": made["id"]}]))
    _, numbers["disable"] = send(console, "PATCH", person, patched("replace", "active", False))
    return Done(made["id"], group["id"], numbers)


def test_now_says_who_manages_it_and_when_each_attribute_changed(eva: Visitor, ana: Done):
    page = eva.get(f"/users/{ana.id}")
    shown = words(page.text)
    assert "Disabled by Entra. Entra manages this user; change it there." in shown
    main = page.text.partition("<main")[2].partition("</main>")[0]
    assert "<form" not in main, "nothing can be changed here"
    rows = {
        words(name): words(last)
        for name, last in re.findall(
            r"<tr>\s*<th scope=\"row\"><code>(.*?)</code>.*?<td>(.*?)</td>\s*</tr>", page.text, re.S
        )
    }
    assert ana.numbers["change"] in rows[f"{ENTERPRISE}:department"]
    assert ana.numbers["disable"] in rows["active"]
    assert ana.numbers["create"] in rows["emails"] and ana.numbers["create"] in rows["userName"]
    assert "Last seen" in shown and "less than a minute ago" in shown
    assert f'href="/activity?number={ana.numbers["change"]}"' in page.text


def test_history_has_every_change_with_its_request(eva: Visitor, ana: Done):
    disabled, moved, made = lines_of(eva.get(f"/users/{ana.id}?tab=history"))
    assert "Changed active true → false" in disabled and ana.numbers["disable"] in disabled and "key " in disabled
    assert f"{ENTERPRISE}:department Sales → Legal" in moved and ana.numbers["change"] in moved
    assert "Created" in made and "displayName nothing → Ana Ruiz" in made and ana.numbers["create"] in made


def test_history_as_a_file(eva: Visitor, ana: Done):
    steps = json.loads(eva.get(f"/users/{ana.id}?tab=history&format=json").text)
    assert [steps[0][name] for name in ("request", "what", "attribute", "old", "new")] == [
        ana.numbers["disable"],
        "change",
        "active",
        "true",
        "false",
    ]
    assert {step["attribute"] for step in steps if step["what"] == "create"} >= {"userName", "displayName"}


def test_two_dates_are_compared(eva: Visitor, ana: Done):
    path = f"/users/{ana.id}?tab=history"
    steps = json.loads(eva.get(f"{path}&format=json").text)
    day = datetime.fromisoformat(steps[0]["at"])
    before, after = ((day + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M") for days in (-1, 1))
    page = words(eva.get(f"{path}&from={before}&to={after}").text)
    assert f"{ENTERPRISE}:department nothing Legal" in page and "userName nothing ana@recnice.example" in page
    assert "groups nothing Legal team" in page
    assert "No differences between these two times" in words(eva.get(f"{path}&from={after}&to={after}").text)
    made, moved = (
        next(step["at"] for step in steps if step["request"] == ana.numbers[n]) for n in ("create", "change")
    )
    between = words(eva.get(f"{path}&from={made}&to={moved}").text).partition("Changes")[0]
    assert f"{ENTERPRISE}:department Sales Legal" in between and "displayName" not in between
    wrong = eva.get(f"{path}&from=<b>yesterday</b>")
    assert wrong.status == 200 and "&lt;b&gt;yesterday&lt;/b&gt;</bdi>” is not a time" in wrong.text


def test_groups_and_members_have_a_history(eva: Visitor, ana: Done):
    page = eva.get(f"/users/{ana.id}?tab=groups")
    assert f'href="/groups/{ana.group}"' in page.text
    rows = [words(row) for row in re.findall(r"<tr>(.*?)</tr>", page.text, re.S)][1:]
    assert [row.split(" UTC ")[1].split()[0] for row in rows] == ["joined", "left", "joined"]
    assert ana.numbers["leave"] in rows[1] and "Legal team" in rows[1]
    moves = eva.get(f"/groups/{ana.group}?tab=moves")
    assert moves.text.count(f'href="/users/{ana.id}"') == 3 and "Ana Ruiz" in moves.text
    links = json.loads(eva.get(f"/groups/{ana.group}?tab=moves&format=json").text)
    assert [link["what"] for link in links] == ["joined", "left", "joined"]
    assert {link["member"] for link in links} == {"Ana Ruiz"}
    lines = list(csv.reader(io.StringIO(eva.get(f"/users/{ana.id}?tab=groups&format=csv").text.lstrip("\ufeff"))))
    assert lines[0][:4] == ["Time (UTC)", "Request", "By", "What"] and len(lines) == 4


def test_requests_about_somebody(console: Appliance, eva: Visitor, ana: Done):
    refused = console.request("PATCH", f"/scim/Users/{ana.id}", patched("replace", "active", "perhaps"))
    assert refused.status == 400, refused.text
    page = eva.get(f"/users/{ana.id}?tab=requests")
    for number in (*ana.numbers.values(), refused.headers["x-request-id"]):
        assert f'href="/activity?number={number}"' in page.text, number
    exported = json.loads(eva.get(f"/users/{ana.id}?tab=requests&format=json").text)
    assert {one["number"] for one in exported} >= {*ana.numbers.values(), refused.headers["x-request-id"]}
    now = eva.get(f"/users/{ana.id}")
    assert 'href="/problems/' in now.text.partition("<main")[2], "an open problem stands on the page"


def test_who_was_deleted_has_a_page_still(console: Appliance, eva: Visitor):
    made, _ = send(
        console, "POST", "/scim/Users", {"userName": "gone@recnice.example", "displayName": "Gone <b>Girl</b>"}
    )
    group, _ = send(console, "POST", "/scim/Groups", {"displayName": "Gone too", "members": [{"value": made["id"]}]})
    _, number = send(console, "DELETE", f"/scim/Users/{made['id']}")
    page = eva.get(f"/users/{made['id']}")
    assert page.status == 200 and "Gone &lt;b&gt;Girl&lt;/b&gt;</bdi></h1>" in page.text
    shown = words(page.text)
    assert "This user was deleted" in shown and f"by request Request {number}" in shown
    assert "displayName Gone &lt;b&gt;Girl&lt;/b&gt; → nothing" in shown, "the history is what is shown"
    assert "?tab=now" not in page.text and eva.get(f"/users/{made['id']}?tab=now").status == 404
    assert "No groups." in eva.get(f"/users/{made['id']}?tab=groups").text
    assert f'href="/activity?number={number}"' in eva.get(f"/users/{made['id']}?tab=requests").text
    assert "Gone &lt;b&gt;Girl&lt;/b&gt;" in eva.get(f"/groups/{group['id']}?tab=moves").text
    assert eva.get(f"/search?q={made['id']}").location == f"/users/{made['id']}"
    assert eva.get(f"/groups/{made['id']}").status == 404, "it was no group"
    assert "gone@recnice.example" not in eva.get("/users?q=gone").text
    found = eva.get("/search?q=girl+gone").text
    assert f'<a href="/users/{made["id"]}"><bdi>Gone &lt;b&gt;Girl&lt;/b&gt;</bdi></a>' in found
    assert "Girl&lt;/b&gt; deleted 20" in words(found)
    assert made["id"] not in eva.get("/search?q=gone+boy").text and made["id"] not in eva.get("/search?q=%25").text


def test_large_groups_are_paged_and_searched(console: Appliance, eva: Visitor):
    ids = []
    for n in range(60):
        made, _ = send(
            console, "POST", "/scim/Users", {"userName": f"crew{n:02}@recnice.example", "displayName": f"Crew {n:02}"}
        )
        ids.append(made["id"])
    send(console, "POST", "/scim/Users", {"userName": "crew99@recnice.example", "displayName": "Crew outside"})
    members = [{"value": id} for id in (*ids, "nobody-known")]
    group, _ = send(console, "POST", "/scim/Groups", {"displayName": "Crew", "members": members})
    path = f"/groups/{group['id']}"
    assert "1 to 50 of 61 members" in words(eva.get(path).text)
    second = eva.get(f"{path}?page=2").text
    assert "51 to 61 of 61 members" in words(second)
    found = words(eva.get(f"{path}?q=crew%2007").text)
    assert "1 member " in found and "Crew 07" in found
    assert "Crew outside" not in eva.get(f"{path}?q=crew").text
    assert "1 to 50 of 60 members" in words(eva.get(f"{path}?q=crew").text)
    assert "No member matches" in eva.get(f"{path}?q=zzz").text
    assert 'q=crew&amp;page=2"' in eva.get(f"{path}?q=crew").text
    exported = json.loads(eva.get(f"{path}?format=json").text)
    assert {one["id"] for one in exported} == {*ids, "nobody-known"}
    assert next(one for one in exported if one["id"] == "nobody-known") == {
        "id": "nobody-known",
        "type": "",
        "name": None,
    }
    assert len(json.loads(eva.get(f"{path}?q=crew&format=json").text)) == 60

    # One request made 61 members: their history has pages although it is one event.
    seen: list[str] = []
    address = f"{path}?tab=moves"
    for _ in range(2):
        page = eva.get(address).text
        seen += re.findall(r'<th scope="row" class="long">(?:<a href="/users/([^"]+)"|<bdi>nobody-known)', page)
        older = re.search(r'<a rel="next" href="([^"]+)">Older', page)
        address = older[1].replace("&amp;", "&") if older else ""
    assert address == "" and len(seen) == 61 and set(ids) <= set(seen)
    assert len(json.loads(eva.get(f"{path}?tab=moves&format=json").text)) == 61


def test_a_long_history_has_pages(console: Appliance, eva: Visitor):
    made, _ = send(console, "POST", "/scim/Users", {"userName": "often@recnice.example"})
    for n in range(60):
        send(console, "PATCH", f"/scim/Users/{made['id']}", patched("replace", "title", f"Title {n}"))
    for tab in ("history", "requests"):
        first = eva.get(f"/users/{made['id']}?tab={tab}")
        older = re.search(r'<a rel="next" href="([^"]+)">Older', first.text)
        assert older and len(lines_of(first)) == 50, tab
        second = eva.get(older[1].replace("&amp;", "&"))
        assert len(lines_of(second)) == 11 and "Older</a>" not in second.text, tab
    assert len(json.loads(eva.get(f"/users/{made['id']}?tab=history&format=json").text)) == 61


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_on_every_tab(console: Appliance, eva: Visitor, name: str):
    made, _ = send(console, "POST", "/scim/Users", {"userName": name[:300], "displayName": name, "title": name})
    group, _ = send(console, "POST", "/scim/Groups", {"displayName": name, "members": [{"value": made["id"]}]})
    try:
        for path in (f"/users/{made['id']}", f"/groups/{group['id']}"):
            for tab in ("", "?tab=history", "?tab=requests", "?tab=groups" if "users" in path else "?tab=moves"):
                page = eva.get(path + tab)
                assert page.status == 200 and f"<bdi>{escaped(name)}</bdi></h1>" in page.text, tab
                assert "<script>alert" not in page.text and ">49<" not in page.text
    finally:
        for path in (f"/scim/Users/{made['id']}", f"/scim/Groups/{group['id']}"):
            send(console, "DELETE", path)


def test_what_is_no_tab_is_not_there(eva: Visitor, ana: Done):
    for path in (f"/users/{ana.id}?tab=moves", f"/groups/{ana.group}?tab=groups", f"/users/{ana.id}?tab=x"):
        assert eva.get(path).status == 404, path
    assert eva.get(f"/users/{ana.id}?tab=history&before=x").status == 404
