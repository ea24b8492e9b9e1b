"""Bulk over HTTP (RFC 7644 §3.7): each operation by itself, references in any order, the bounds."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from app import bounds
from app.settings import Settings
from app.web.scim import request_response
from tests.conftest import Answer, Appliance

URN = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADA, EVE = "bulkId:ada", "bulkId:eve"
NOBODY = "00000000-0000-4000-8000-000000000000"

Operation = dict[str, Any]


def name() -> str:
    return f"bulk-{uuid.uuid4()}"


def post(endpoint: str, bulk_id: str, **values: Any) -> Operation:
    data = {"userName": name()} if endpoint == "/Users" else {"displayName": name()}
    return {"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data | values}


def members(*values: str) -> list[dict[str, str]]:
    return [{"value": value} for value in values]


def send(appliance: Appliance, *operations: Any, root: str = "/scim", **message: Any) -> Answer:
    return appliance.request("POST", f"{root}/Bulk", {"schemas": [URN], "Operations": operations, **message})


def results(appliance: Appliance, *operations: Any, **message: Any) -> list[dict[str, Any]]:
    answer = send(appliance, *operations, **message)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]
    return list(answer.json["Operations"])


def statuses(found: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in found]


def path_of(result: dict[str, Any]) -> str:
    """The path of a result's location on the appliance."""
    return "/scim" + result["location"].partition("/scim")[2]


def member_ids(appliance: Appliance, result: dict[str, Any]) -> set[str]:
    return {member["value"] for member in appliance.request("GET", path_of(result)).json.get("members", [])}


def id_of(result: dict[str, Any]) -> str:
    return str(result["location"].rpartition("/")[2])


def test_every_method_once(shared_appliance: Appliance) -> None:
    made = results(shared_appliance, post("/Users", "a"), post("/Users", "b"), post("/Users", "c"))
    assert statuses(made) == ["201"] * 3
    a, b, c = map(id_of, made)
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "Boss"}]}
    found = results(
        shared_appliance,
        {"method": "PUT", "path": f"/Users/{a}", "data": {"userName": name(), "title": "Cook"}},
        {"method": "patch", "path": f"/Users/{b}", "data": patch, "bulkId": "mine"},
        {"method": "DELETE", "path": f"/Users/{c}"},
    )
    assert found == [
        {"method": "PUT", "location": made[0]["location"], "version": 'W/"2"', "status": "200"},
        {"method": "PATCH", "bulkId": "mine", "location": made[1]["location"], "version": 'W/"2"', "status": "200"},
        {"method": "DELETE", "location": made[2]["location"], "status": "204"},
    ]
    assert shared_appliance.request("GET", path_of(made[0])).json["title"] == "Cook"
    assert shared_appliance.request("GET", path_of(made[1])).json["title"] == "Boss"
    assert shared_appliance.request("GET", path_of(made[2])).status == 404


def test_a_result_tells_what_a_request_of_its_own_would(shared_appliance: Appliance) -> None:
    made = results(shared_appliance, post("/Users", "a"), root="/scim/v2")[0]
    alone = shared_appliance.request("GET", path_of(made))
    assert made["location"] == alone.json["meta"]["location"] and "/scim/v2/Users/" in made["location"]
    assert made["version"] == alone.headers["etag"]
    assert (made["method"], made["bulkId"], made["status"]) == ("POST", "a", "201")


@pytest.mark.parametrize("is_group_first", [True, False])
def test_references_are_resolved_in_any_order(shared_appliance: Appliance, is_group_first: bool) -> None:
    operations = [post("/Users", "ada"), post("/Groups", "team", members=members("bulkId:ada"))]
    found = results(shared_appliance, *(reversed(operations) if is_group_first else operations))
    user, group = reversed(found) if is_group_first else found
    assert statuses(found) == ["201", "201"]
    assert member_ids(shared_appliance, group) == {id_of(user)}


def test_a_long_chain_of_references_that_come_last(shared_appliance: Appliance) -> None:
    chain = [post("/Groups", str(number), members=members(f"bulkId:{number + 1}")) for number in range(60)]
    found = results(shared_appliance, *chain, post("/Users", "60"))
    assert statuses(found) == ["201"] * 61
    for above, below in zip(found, found[1:], strict=False):
        assert member_ids(shared_appliance, above) == {id_of(below)}


def test_references_in_paths_in_patches_and_in_extensions(shared_appliance: Appliance) -> None:
    remove = {"Operations": [{"op": "remove", "path": 'members[value eq "bulkId:ada"]'}]}
    replace = {"Operations": [{"op": "replace", "path": "title", "value": "Boss"}]}
    boss = {ENTERPRISE: {"manager": {"value": ADA, "$ref": f"../Users/{ADA}"}}}
    found = results(
        shared_appliance,
        {"method": "PATCH", "path": "/Groups/bulkId:team", "data": remove},
        {"method": "PATCH", "path": f"/Users/{ADA}", "data": replace},
        post("/Users", "bob", **boss),
        post("/Groups", "team", members=members("bulkId:ada", "bulkId:bob")),
        post("/Users", "ada"),
        {"method": "DELETE", "path": f"/Users/{EVE}"},
        post("/Users", "eve"),
    )
    assert statuses(found) == ["200", "200", "201", "201", "201", "204", "201"]
    assert found[0]["location"] == found[3]["location"] and found[1]["location"] == found[4]["location"]
    assert member_ids(shared_appliance, found[3]) == {id_of(found[2])}
    manager = shared_appliance.request("GET", path_of(found[2])).json[ENTERPRISE]["manager"]
    assert manager == {"value": id_of(found[4]), "$ref": f"../Users/{id_of(found[4])}"}
    assert shared_appliance.request("GET", path_of(found[4])).json["title"] == "Boss"
    assert shared_appliance.request("GET", path_of(found[6])).status == 404


def test_groups_in_a_circle_are_made_whole_at_once(shared_appliance: Appliance) -> None:
    """RFC 7644 §3.7.1. Nothing shows that they were made one after the other: all have their first version."""
    found = results(
        shared_appliance,
        post("/Groups", "all", members=members("bulkId:one")),
        post("/Groups", "one", members=members("bulkId:two", "bulkId:ada")),
        post("/Groups", "two", members=members("bulkId:three")),
        post("/Groups", "three", members=members("bulkId:one", "bulkId:three")),
        post("/Users", "ada"),
    )
    assert statuses(found) == ["201"] * 5
    ids = {result["bulkId"]: id_of(result) for result in found}
    assert member_ids(shared_appliance, found[0]) == {ids["one"]}
    assert member_ids(shared_appliance, found[1]) == {ids["two"], ids["ada"]}
    assert member_ids(shared_appliance, found[2]) == {ids["three"]}
    assert member_ids(shared_appliance, found[3]) == {ids["one"], ids["three"]}
    for result in found:
        alone = shared_appliance.request("GET", path_of(result)).json
        assert result["version"] == alone["meta"]["version"] == 'W/"1"'
        assert all(member["type"] in ("User", "Group") for member in alone.get("members", []))


def test_of_a_circle_with_a_fault_nothing_stays(shared_appliance: Appliance) -> None:
    taken = name()
    assert shared_appliance.request("POST", "/scim/Groups", {"displayName": taken}).status == 201
    first, last = name(), name()
    found = results(
        shared_appliance,
        post("/Groups", "one", members=members("bulkId:two"), displayName=first),
        post("/Groups", "two", members=members("bulkId:three"), displayName=taken),
        post("/Groups", "three", members=members("bulkId:one"), displayName=last),
        post("/Groups", "above", members=members("bulkId:one")),
        post("/Users", "ada"),
    )
    assert statuses(found) == ["409", "409", "409", "409", "201"]
    assert [result["response"].get("scimType") for result in found[:4]] == [None, "uniqueness", None, None]
    assert "location" not in found[0]
    for display_name in (first, last):
        wanted = shared_appliance.request("GET", f"/scim/Groups?filter=displayName%20eq%20%22{display_name}%22")
        assert wanted.json["totalResults"] == 0


def test_an_operation_fails_alone(shared_appliance: Appliance) -> None:
    found = results(
        shared_appliance,
        post("/Users", "a"),
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"title": "nameless"}},
        {"method": "DELETE", "path": f"/Users/{NOBODY}"},
        {"method": "POST", "path": "/Users", "data": {"userName": name()}},
        {"method": "PUT", "path": "/Users", "data": {"userName": name()}},
        {"method": "POST", "path": f"/Users/{NOBODY}", "bulkId": "c", "data": {}},
        {"method": "POST", "path": "/Bulk", "bulkId": "d", "data": {}},
        {"method": "GET", "path": f"/Users/{NOBODY}"},
        {"method": "POST", "path": "/Users", "bulkId": "e"},
        {"method": "PATCH", "path": f"/Users/{NOBODY}", "bulkId": "f"},
        {"method": "POST", "path": "/Users", "bulkId": 5, "data": {"userName": name()}},
        {"path": "/Users"},
        "nonsense",
        post("/Users", "a"),
        post("/Groups", "g", members=members("bulkId:never")),
        post("/Groups", "h", members=members("bulkId:b")),
        post("/Users", "z"),
    )
    assert statuses(found) == ["201", "400", "404", *["400"] * 11, "409", "409", "201"]
    for result in found:
        assert isinstance(result["status"], str)
        if result["status"] != "201":
            assert result["response"]["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
            assert result["response"]["status"] == result["status"] and result["response"]["detail"]
    assert found[2]["location"].endswith(f"/scim/Users/{NOBODY}")
    assert "bulkId" not in found[3] and found[15]["bulkId"] == "h"
    assert "bulkId: expected" in found[14]["response"]["detail"] and '"never"' in found[14]["response"]["detail"]


def test_a_path_may_be_a_full_url_of_ours(shared_appliance: Appliance) -> None:
    url = shared_appliance.url
    operations = [
        post(f"{url}/scim/Users", "a", userName=name()),
        post(f"{url.upper().replace('HTTP', 'Http')}/scim/v2/Users/", "b", userName=name()),
        {"method": "DELETE", "path": f"{url}/scim/v2/Users/bulkId:a"},
        post(f"{url}0/scim/Users", "c"),
        post("https://other.example/scim/Users", "d"),
        post(f"{url}/Users", "e"),
        post(f"{url}/scim/scim/Users", "f"),
        post(f"{url}/scim", "g"),
    ]
    found = results(shared_appliance, *operations)
    assert statuses(found) == ["201", "201", "204", *["400"] * 5]
    assert {result["response"]["scimType"] for result in found[3:]} == {"invalidPath"}


PATHS = ("Users", "/Users", "//Users", "/scim/Users", "/scim//Users", "/scim/v2/Users", "/scim/v2//Users", "/v2/Users")


def test_a_path_is_what_http_answers(shared_appliance: Appliance) -> None:
    disable = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    paths = [*PATHS, f"{shared_appliance.url}/scim//Users"]
    made = results(shared_appliance, *(post(path, path, userName=name()) for path in paths))
    assert statuses(made) == ["201"] * len(paths)
    operations = [
        {"method": "PATCH", "path": f"{path}/{id_of(user)}", "data": disable}
        for path, user in zip(paths, made, strict=True)
    ]
    assert statuses(results(shared_appliance, *operations)) == ["200"] * len(paths)
    assert not any(shared_appliance.request("GET", path_of(user)).json["active"] for user in made)
    for path in (
        "/scim",
        "/scimUsers",
        "//scim/Users",
        "/other/scim/Users",
        "/scim/v2/v2/Users",
        "https://x/scim/Users",
    ):
        (found,) = results(shared_appliance, {"method": "DELETE", "path": f"{path}/{id_of(made[0])}"})
        assert (found["status"], found["response"]["scimType"]) == ("400", "invalidPath"), path


def test_the_rest_is_left_undone_after_enough_failures(shared_appliance: Appliance) -> None:
    bad = {"method": "DELETE", "path": f"/Users/{NOBODY}"}
    operations = (post("/Users", "a"), bad, post("/Users", "b"), bad, post("/Users", "c"), bad)
    assert statuses(results(shared_appliance, *operations, failOnErrors=1)) == ["201", "404"]
    again = tuple({**one, "data": {"userName": name()}} if "data" in one else one for one in operations)
    assert statuses(results(shared_appliance, *again, failOnErrors=2)) == ["201", "404", "201", "404"]
    again = tuple({**one, "data": {"userName": name()}} if "data" in one else one for one in operations)
    assert statuses(results(shared_appliance, *again)) == ["201", "404", "201", "404", "201", "404"]


def test_a_version_is_a_precondition(shared_appliance: Appliance) -> None:
    made = results(shared_appliance, post("/Users", "a"))[0]
    path = f"/Users/{id_of(made)}"
    change = {"method": "PUT", "path": path, "version": made["version"], "data": {"userName": name()}}
    found = results(shared_appliance, change, change, {"method": "DELETE", "path": path, "version": 'W/"1"'})
    assert statuses(found) == ["200", "412", "412"]
    assert found[1]["location"] == made["location"]


def test_a_group_with_many_members_in_one_request(shared_appliance: Appliance) -> None:
    users = [post("/Users", str(number)) for number in range(bounds.BULK_OPERATIONS - 1)]
    group = post("/Groups", "all", members=members(*(f"bulkId:{number}" for number in range(len(users)))))
    found = results(shared_appliance, group, *users)
    assert statuses(found) == ["201"] * bounds.BULK_OPERATIONS
    assert member_ids(shared_appliance, found[0]) == {id_of(result) for result in found[1:]}


def test_what_is_advertised_is_the_bound(shared_appliance: Appliance) -> None:
    bulk = shared_appliance.request("GET", "/scim/ServiceProviderConfig").json["bulk"]
    assert bulk == {"supported": True, "maxOperations": 1000, "maxPayloadSize": 2 * 1024 * 1024}
    too_many = send(shared_appliance, *[{"method": "DELETE", "path": f"/Users/{NOBODY}"}] * 1001)
    assert (too_many.status, too_many.json["status"]) == (413, "413") and "1000" in too_many.json["detail"]
    message = '{"Operations": []' + " " * (bulk["maxPayloadSize"] - 18) + "}"
    assert shared_appliance.request("POST", "/scim/Bulk", message).status == 200
    too_large = shared_appliance.request("POST", "/scim/Bulk", message + " ")
    assert too_large.status == 413 and str(bulk["maxPayloadSize"]) in too_large.json["detail"]


@pytest.mark.parametrize(
    "message",
    [
        [],
        {},
        {"Operations": None},
        {"Operations": {}},
        {"Operations": [], "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]},
        {"Operations": [], "failOnErrors": "one"},
        {"Operations": [], "failOnErrors": -1},
        {"Operations": [], "failOnErrors": True},
        {"Operations": [], "failOnErrors": 1, "FailOnErrors": 1},
    ],
)
def test_what_is_no_bulk_request(shared_appliance: Appliance, message: Any) -> None:
    refused = shared_appliance.request("POST", "/scim/Bulk", message)
    assert (refused.status, refused.json["scimType"]) == (400, "invalidSyntax")


def test_names_in_any_letter_case(shared_appliance: Appliance) -> None:
    body = {"operations": [{"Method": "Post", "Path": "/Users", "BulkId": "a", "Data": {"userName": name()}}]}
    answer = shared_appliance.request("POST", "/scim/Bulk", body)
    assert [one["status"] for one in answer.json["Operations"]] == ["201"]


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("https://x.example/base/scim/Users/1", "/Users/1"),
        ("HTTPS://X.example/base/scim/v2//Users", "/Users"),
        ("/base/scim/Users", "/Users"),
        ("/base/Users", "/base/Users"),
        ("/scim/v2/Users", "/Users"),
        ("//Users", "/Users"),
        ("", "/"),
        ("https://x.example/scim/Users", "/https://x.example/scim/Users"),
        ("https://x.example/baseline/scim/Users", "/https://x.example/baseline/scim/Users"),
        ("https://x.example/base/Users", ""),
    ],
)
def test_a_path_below_a_sub_path(monkeypatch: pytest.MonkeyPatch, path: str, below: str) -> None:
    public = Settings(Path(), ("127.0.0.1", 0), "https://x.example/base")
    monkeypatch.setattr(request_response, "settings", lambda: public)
    assert request_response.below_root(path) == below
