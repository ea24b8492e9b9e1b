"""A DELETE ends everything for clients (RFC 7644 §3.6); owners see what was deleted, and put it back."""

import html
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.resource_types import USER
from app.store.database import directory_database
from app.web.console.directory import deleted
from tests.conftest import Answer, Appliance
from tests.web.test_audit_of_every_action import BASE, World, world
from tests.web.visitor import Visitor, set_up

__all__ = ["world"]

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def scim(appliance: Appliance, method: str, path: str, body: Any = None) -> Answer:
    return appliance.request(method, f"/scim/{path}", body)


def make(appliance: Appliance, endpoint: str, **values: Any) -> str:
    answer = scim(appliance, "POST", endpoint, values)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def words(visitor: Visitor, path: str, status: int = 200) -> str:
    """The page's text inside main, with the texts of messages."""
    page = visitor.get(path)
    assert page.status == status, page.text
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def ids_of(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [one["id"] for one in answer.json.get("Resources", [])]


def test_a_deleted_resource_is_absent_everywhere(console: Appliance) -> None:
    name, external_id = str(uuid.uuid4()), str(uuid.uuid4())
    user = {"userName": name, "externalId": external_id, "displayName": "Deleted Dora"}
    ids = [make(console, "Users", userName=str(uuid.uuid4())) for _ in range(3)]
    dora = make(console, "Users", **user)
    group = make(console, "Groups", displayName=name, members=[{"value": dora}, {"value": ids[0]}])
    total = scim(console, "GET", "Users?count=0").json["totalResults"]
    version = scim(console, "GET", f"Groups/{group}").json["meta"]["version"]
    cursor = scim(console, "GET", "Users?cursor&count=1").json["nextCursor"]
    gone = scim(console, "DELETE", f"Users/{dora}")
    assert (gone.status, gone.text) == (204, "")
    patch = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "x"}]}
    path = f"Users/{dora}"
    for method, body in (("GET", None), ("PATCH", patch), ("PUT", user), ("DELETE", None)):
        assert scim(console, method, path, body).status == 404, method
    for sought in (f'userName eq "{name}"', f'externalId eq "{external_id}"', f'id eq "{dora}"', 'title eq "x"'):
        for query in ({}, {"count": 0}):
            search = {"schemas": [SEARCH], "filter": sought, **query}
            for endpoint in ("Users/.search", ".search"):
                answer = scim(console, "POST", endpoint, search)
                assert ids_of(answer) == [] and answer.json["totalResults"] == 0, answer.text
    assert dora not in ids_of(scim(console, "GET", "Users?count=1000"))
    assert scim(console, "GET", "Users?count=0").json["totalResults"] == total - 1
    walked: list[str] = []
    while cursor:
        page = scim(console, "GET", f"Users?cursor={cursor}&count=1")
        walked += ids_of(page)
        cursor = page.json.get("nextCursor")
    assert ids[-1] in walked and dora not in walked
    seen = scim(console, "GET", f"Groups/{group}").json
    assert [one["value"] for one in seen["members"]] == [ids[0]]
    assert seen["meta"]["version"] != version
    assert ids_of(scim(console, "GET", f'Groups?filter=members.value%20eq%20"{dora}"')) == []
    operations = [
        {"method": "DELETE", "path": f"/{path}"},
        {"method": "PATCH", "path": f"/{path}", "data": patch},
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": user},
    ]
    bulk = scim(console, "POST", "Bulk", {"schemas": [BULK], "Operations": operations})
    assert [one["status"] for one in bulk.json["Operations"]] == ["404", "404", "201"], bulk.text
    [again] = ids_of(scim(console, "POST", ".search", {"schemas": [SEARCH], "filter": f'userName eq "{name}"'}))
    assert again != dora
    assert scim(console, "GET", "Me").status == 501


@pytest.fixture(scope="module")
def console(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    appliance = Appliance(program, tmp_path_factory.mktemp("deleted") / "recnice").start()
    set_up(appliance)
    appliance.make_key()
    yield appliance
    checked = appliance.command("check")
    assert checked.returncode == 0, checked.stdout
    assert appliance.stop() == 0, appliance.output


def test_an_owner_puts_a_user_back_from_the_page(console: Appliance, eva: Visitor) -> None:
    ana = make(console, "Users", userName="ana<b>", externalId="e-ana")
    staff = make(console, "Groups", displayName="Staff<b>", members=[{"value": ana}])
    assert "Put back" not in words(eva, f"/users/{ana}")
    scim(console, "DELETE", f"Users/{ana}")
    said = words(eva, "/deleted?q=ana")
    assert "They can be put back for 30 days" in said and "ana<b> user 20" in said and "by Entra" not in said
    assert said.count("Put back ana<b>") == 1
    assert "ana<b>" in words(eva, "/search?q=ana%3Cb"), "found by search, too"
    assert "The history is kept. Put back" in words(eva, f"/users/{ana}")
    exported = eva.get("/deleted?format=json").text
    assert f'"id": "{ana}"' in exported and '"memberships": 1' in exported
    said = words(eva, f"/deleted/{ana}")
    assert "It is a member again of: Staff<b> ." in said and "Disabled, until Entra enables" in said
    done = eva.post(f"/deleted/{ana}", state="disabled")
    assert (done.status, done.location) == (303, f"/search?q={ana}")
    assert eva.get(done.location).location == f"/users/{ana}"
    assert "ana<b> is put back." in words(eva, f"/users/{ana}")
    user = scim(console, "GET", f"Users/{ana}").json
    assert (user["active"], [one["value"] for one in user["groups"]]) == (False, [staff])
    said = words(eva, f"/users/{ana}?tab=history")
    assert "Put back, 1 membership again" in said and "operator eva" in said
    assert "put back the deleted ana<b>" in words(eva, "/audit")
    assert "here again, or was purged" in words(eva, f"/deleted/{ana}", 404)
    assert eva.post(f"/deleted/{ana}").status == 409


def test_who_is_here_again_is_named_before(console: Appliance, eva: Visitor) -> None:
    old = make(console, "Users", userName="ben", externalId="e-ben")
    scim(console, "DELETE", f"Users/{old}")
    new = make(console, "Users", userName="ben2", externalId="e-ben")
    assert "Here again with the same externalId : ben2 , created 20" in words(eva, "/deleted?q=ben")
    said = words(eva, f"/deleted/{old}")
    assert "ben2 has the same externalId . It was created 20" in said and "Entra then finds two" in said
    assert eva.post(f"/deleted/{old}", state=deleted.AS_BEFORE).status == 409
    scim(console, "DELETE", f"Users/{new}")
    third = make(console, "Users", userName="BEN")
    said = words(eva, f"/deleted/{old}")
    assert "BEN has the same userName" in said and "when no other has this value" in said
    refused = eva.post(f"/deleted/{old}", same_external_id="yes")
    assert refused.status == 409 and "BEN, created" in refused.text
    scim(console, "DELETE", f"Users/{third}")
    assert eva.post(f"/deleted/{old}", state=deleted.AS_BEFORE).status == 303
    assert "active" not in scim(console, "GET", f"Users/{old}").json


def test_all_that_a_sync_deleted_is_put_back(console: Appliance, eva: Visitor) -> None:
    users = [make(console, "Users", userName=f"sync{number}", active=True) for number in range(3)]
    group = make(console, "Groups", displayName="Sync", members=[{"value": id} for id in users])
    operations = [{"method": "DELETE", "path": f"/Users/{id}"} for id in users[:2]]
    scim(console, "POST", "Bulk", {"schemas": [BULK], "Operations": operations})
    for path in (f"Groups/{group}", f"Users/{users[2]}"):
        assert scim(console, "DELETE", path).status == 204
    make(console, "Users", userName="sync1")
    page = eva.get("/deleted").text
    [path] = re.findall(r'href="(/deleted/sync/[0-9]+)"', page)
    assert "Sync0" not in words(eva, path) and "sync0" in words(eva, path)
    answer = eva.post(path, state=deleted.AS_BEFORE)
    assert (answer.status, answer.location) == (303, "/deleted")
    said = words(eva, "/deleted")
    assert "users and groups are put back." in said
    assert "sync1 is not put back: sync1, created 20" in said and "has the same userName" in said
    members = [one["value"] for one in scim(console, "GET", f"Groups/{group}").json["members"]]
    assert sorted(members) == sorted((users[0], users[2]))
    assert scim(console, "GET", f"Users/{users[0]}").json["active"] is True
    assert words(eva, "/deleted/sync/999999", 404)


# --- how a user was, and what an owner can change ---------------------------------------------------------------------


def patch(appliance: Appliance, path: str, **values: Any) -> dict[str, Any]:
    operations = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
    answer = scim(appliance, "PATCH", path, {"schemas": [PATCH], "Operations": operations})
    assert answer.status in (200, 204), answer.text
    return scim(appliance, "GET", path).json["meta"]  # type: ignore[no-any-return]


def test_a_url_shows_how_a_user_and_a_group_were(console: Appliance, eva: Visitor) -> None:
    cy = make(console, "Users", userName="cy", title="Clerk", emails=[{"type": "work", "value": "cy@recnice.com"}])
    first = scim(console, "GET", f"Users/{cy}").json["meta"]["lastModified"]
    crew = make(console, "Groups", displayName="Crew", members=[{"value": cy}])
    joined = scim(console, "GET", f"Groups/{crew}").json["meta"]["lastModified"]
    second = patch(console, f"Users/{cy}", title="Lead")["lastModified"]
    patch(console, f"Groups/{crew}", displayName="Team", members=[])
    for at, title, groups in ((first, "Clerk", "none"), (joined, "Clerk", "Team"), (second, "Lead", "Team")):
        said = words(eva, f"/users/{cy}?tab=earlier&at={at}")
        assert f"Exactly at {at} , after all changes" in said
        assert f"title {title}" in said and f"groups {groups}" in said and "cy@recnice.com" in said, said
    assert "displayName Crew" in words(eva, f"/groups/{crew}?tab=earlier&at={joined}")
    assert "Members 1 member cy" in words(eva, f"/groups/{crew}?tab=earlier&at={joined}")
    assert "No members." in words(eva, f"/groups/{crew}?tab=earlier&at=2999-01-01T00:00")
    assert "did not exist then" in words(eva, f"/users/{cy}?tab=earlier&at=2020-01-01")
    assert "“ x ” is not a time." in words(eva, f"/users/{cy}?tab=earlier&at=x")
    assert "did not exist then" in words(eva, f"/users/{cy}?tab=earlier&event=1")
    assert eva.get(f"/users/{cy}?tab=earlier&event=x").status == 404
    assert "Select a time" in words(eva, f"/users/{cy}?tab=earlier")
    changed, created = re.findall(r'href="([^"]+tab=earlier&event=[0-9]+)"', eva.get(f"/users/{cy}?tab=history").text)
    assert "title Lead" in words(eva, changed) and "title Clerk" in words(eva, created)
    scim(console, "DELETE", f"Users/{cy}")
    assert "title Clerk" in words(eva, created), "also of a deleted one"
    assert "did not exist then" in words(eva, f"/users/{cy}?tab=earlier&at=2999-01-01T00:00")


def test_an_earlier_time_than_the_history_shows_the_state_since_which_it_is_complete(world: World) -> None:
    author = Author("0a1b2c3d4e5f6071", "key 1a2b3c4d")
    with world.app.app_context():
        user_id = resource_operations.create(USER, {"userName": "ana"}, author).record.id
        with directory_database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO job (name, done) VALUES ('history', ?)", [4_000_000_000])
    shown = world.eva.get(f"/sub/users/{user_id}?tab=earlier&at=2020-01-01T00:00", base_url=BASE).text
    assert "Exactly at <code>2096-10-02T07:06:40.000Z</code>" in shown
    assert "For an earlier time, the state of that time is shown." in shown


def test_an_owner_undoes_a_change_from_the_history(console: Appliance, eva: Visitor) -> None:
    di = make(console, "Users", userName="di", name={"givenName": "Di"}, active=True)
    patch(console, f"Users/{di}", **{"name.givenName": "Diana"})
    patch(console, f"Users/{di}", active=False)
    links = re.findall(r'href="(/history/[^"]+/undo[^"]+)"', eva.get(f"/users/{di}?tab=history").text)
    active, name = map(html.unescape, links)
    said = words(eva, name)
    assert "Entra does not know of this. It overwrites the value" in said and '{"givenName": "Diana"}' in said
    fields = dict(re.findall(r'name="(event|attribute|version)" value="([^"]*)"', eva.get(name).text))
    undo = name.partition("?")[0]
    done = eva.post(undo, **fields)
    assert (done.status, done.location) == (303, f"/users/{di}?tab=history")
    assert "name has the former value again." in words(eva, done.location)
    assert eva.post(undo, **fields).status == 409, "it has the value already"
    assert scim(console, "GET", f"Users/{di}").json["name"] == {"givenName": "Di"}
    assert "This user may be active again" in words(eva, active)
    fields = dict(re.findall(r'name="(event|attribute|version)" value="([^"]*)"', eva.get(active).text))
    refused = eva.post(undo, **fields)
    assert refused.status == 409 and "This enables the user" in refused.text
    assert eva.post(undo, **fields, enable="yes").status == 303
    assert scim(console, "GET", f"Users/{di}").json["active"] is True
    assert "undid in the console a change of di" in words(eva, "/audit")
    assert words(eva, f"{undo}?event=1&attribute=title", 409)
    assert words(eva, f"{undo}?attribute=title", 404)


def test_an_owner_deletes_a_stale_user_and_its_names_are_free(console: Appliance, eva: Visitor) -> None:
    values = {"userName": "eli", "externalId": "e-eli"}
    eli = make(console, "Users", **values, active=True)
    assert "Delete user" not in words(eva, f"/users/{eli}")
    assert "This user is active." in words(eva, f"/users/{eli}/delete")
    assert eva.post(f"/users/{eli}/delete").status == 409
    patch(console, f"Users/{eli}", active=False)
    assert scim(console, "POST", "Users", values).status == 409
    assert "Delete user" in words(eva, f"/users/{eli}")
    assert "Entra sent the last request about this user 20" in words(eva, f"/users/{eli}/delete")
    done = eva.post(f"/users/{eli}/delete")
    assert (done.status, done.location) == (303, "/deleted")
    said = words(eva, "/deleted")
    assert "eli is deleted. The user name is free." in said and "operator eva" in said
    assert scim(console, "GET", f"Users/{eli}").status == 404
    assert make(console, "Users", **values) != eli
    assert "deleted in the console the user eli" in words(eva, "/audit")
    said = words(eva, f"/users/{eli}")
    assert "This user was deleted 20" in said and "by request" not in said
    assert eva.post("/users/nobody/delete").status == 404
