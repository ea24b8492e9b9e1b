"""Creating, reading, replacing and deleting (RFC 7644 §3.2, §3.3, §3.4.1, §3.5.1, §3.6, §3.8, §3.11 to §3.14)."""

import http.client
import json
import uuid

import pytest

from tests.conformance.conftest import refusal

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NOBODY = "00000000-0000-0000-0000-000000000000"


def test_put_creates_nothing(client):
    refusal(client.send("PUT", f"/Users/{NOBODY}", {"userName": f"user-{NOBODY}"}), 404)
    assert client.find(f'userName eq "user-{NOBODY}"')["totalResults"] == 0


def test_creating_ignores_what_is_read_only(client):
    made = client.user(id="mine", groups=[{"value": "g"}], meta={"resourceType": "Group"})
    assert made["id"] != "mine"
    assert "groups" not in made
    assert made["meta"]["resourceType"] == "User"


def test_creating_answers_with_the_resource_and_its_address(client):
    answer = client.send("POST", "/Users", {"userName": f"user-{uuid.uuid4()}", "title": "Chief"})
    made = answer.json
    assert answer.status == 201
    assert answer.headers["location"] == made["meta"]["location"]
    assert made["meta"]["location"].endswith(f"/scim/Users/{made['id']}")
    assert client.get(f"/Users/{made['id']}") == made


def test_a_conflict_is_told(client):
    user, group = client.user(), client.group()
    for path, body in (("/Users", {"userName": user["userName"]}), ("/Groups", {"displayName": group["displayName"]})):
        refusal(client.send("POST", path, body), 409, "uniqueness")


@pytest.mark.parametrize(("make", "kind"), [("user", "User"), ("group", "Group")])
def test_resource_type_is_set_by_the_endpoint(client, make, kind):
    assert getattr(client, make)(meta={"resourceType": "x"})["meta"]["resourceType"] == kind


def test_put_replaces_what_can_be_written(client):
    made = client.user(title="Clerk", nickName="Ada", **{ENTERPRISE: {"department": "R"}})
    answer = client.send("PUT", f"/Users/{made['id']}", {"userName": made["userName"], "title": "Chief"})
    assert answer.status == 200
    assert answer.json["title"] == "Chief"
    assert {"nickName", ENTERPRISE}.isdisjoint(answer.json), "what is left out is cleared"
    assert client.get(f"/Users/{made['id']}") == answer.json


def test_put_ignores_what_is_read_only(client):
    made = client.user()
    again = client.send("PUT", f"/Users/{made['id']}", made | {"id": "x", "groups": [{"value": "x"}], "meta": {}})
    assert again.status == 200
    assert again.json == made


def test_put_needs_what_is_required(client):
    made = client.user(title="x")
    refusal(client.send("PUT", f"/Users/{made['id']}", {"title": "y"}), 400, "invalidValue")
    assert client.get(f"/Users/{made['id']}") == made


def test_what_was_deleted_is_gone(client):
    made = client.user()
    path = f"/Users/{made['id']}"
    group = client.group(members=[{"value": made["id"]}])
    answer = client.send("DELETE", path)
    assert (answer.status, answer.text) == (204, "")
    for verb, body in (("GET", None), ("PUT", made), ("PATCH", {"Operations": []}), ("DELETE", None)):
        refusal(client.send(verb, path, body), 404)
    assert client.find(f'id eq "{made["id"]}"')["totalResults"] == 0
    assert client.get(f"/Groups/{group['id']}")["members"] == []


def test_what_was_deleted_is_in_nobodys_way(client):
    made = client.user()
    client.send("DELETE", f"/Users/{made['id']}")
    assert client.user(userName=made["userName"])["userName"] == made["userName"]


@pytest.mark.parametrize("media", ["application/scim+json", "application/json", "application/scim+json; charset=utf-8"])
def test_requests_in_utf_8_are_taken(client, media):
    body = json.dumps({"userName": f"Zoë-{uuid.uuid4()}", "title": "日本 😀"}, ensure_ascii=False).encode()
    answer = client.send("POST", "/Users", body, {"Content-Type": media})
    assert answer.status == 201
    assert answer.json["title"] == "日本 😀"
    assert answer.headers["content-type"] == "application/scim+json"


def test_other_encodings_are_refused(client):
    answer = client.send("POST", "/Users", '{"userName": "Zoë"}'.encode("latin-1"))
    refusal(answer, 400, "invalidSyntax")


@pytest.mark.parametrize("accept", ["application/scim+json", "application/json", "*/*", None])
def test_answers_are_scim_json_in_utf_8(client, accept):
    made = client.user(title="Zoë")
    answer = client.send("GET", f"/Users/{made['id']}", headers={"Accept": accept})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/scim+json"
    assert "Zoë" in answer.text


@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "POST", "DELETE"])
def test_me_is_nobody(client, verb):
    refusal(client.send(verb, "/Me", {} if verb not in ("GET", "DELETE") else None), 501)


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "scim_type"),
    [
        ("POST", "/Users", b"{", 400, "invalidSyntax"),
        ("POST", "/Users", [], 400, "invalidSyntax"),
        ("POST", "/Users", {"userName": 5}, 400, "invalidValue"),
        ("GET", "/Users?filter=x", None, 400, "invalidFilter"),
        ("GET", f"/Users/{NOBODY}", None, 404, None),
        ("GET", "/Nothing", None, 404, None),
        ("PATCH", "/Users", {}, 405, None),
        ("POST", "/Users", b"[" * 3_000_000, 413, None),
        ("GET", "/Me", None, 501, None),
    ],
)
def test_errors_are_scim_errors(client, verb, path, body, status, scim_type):
    refusal(client.send(verb, path, body), status, scim_type)


def test_without_a_key_the_error_is_scims_too(client):
    for headers in ({"Authorization": None}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
        answer = client.send("GET", "/Users", headers=headers)
        refusal(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_version_may_stand_before_the_endpoint(client):
    made = client.user()
    answer = client.send("GET", f"/v2/Users/{made['id']}")
    assert answer.status == 200
    assert answer.json["id"] == made["id"]
    assert answer.json["meta"]["location"].endswith(f"/scim/v2/Users/{made['id']}")
    refusal(client.send("GET", f"/v1/Users/{made['id']}"), 404)


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "DELETE"])
def test_another_version_is_left_alone(client, verb):
    made = client.user()
    path = f"/Users/{made['id']}"
    body = {"PUT": made, "PATCH": {"Operations": [{"op": "replace", "path": "title", "value": "x"}]}}.get(verb)
    refusal(client.send(verb, path, body, {"If-Match": 'W/"99"'}), 412)
    assert client.get(path) == made
    assert client.send(verb, path, body, {"If-Match": made["meta"]["version"]}).status in (200, 204)


def test_a_known_version_is_not_sent_again(client):
    made = client.user()
    path = f"/Users/{made['id']}"
    answer = client.send("GET", path, headers={"If-None-Match": made["meta"]["version"]})
    assert (answer.status, answer.text) == (304, "")
    changed = client.patch(path, {"op": "replace", "path": "title", "value": "x"})
    assert changed.headers["etag"] == changed.json["meta"]["version"] != made["meta"]["version"]
    assert client.send("GET", path, headers={"If-None-Match": made["meta"]["version"]}).status == 200


def test_head_is_get_without_a_body(client):
    made = client.user()
    connection = http.client.HTTPConnection("127.0.0.1", client.appliance.port, timeout=30)
    connection.request("HEAD", f"/scim/Users/{made['id']}", headers={"Authorization": f"Bearer {client.appliance.key}"})
    answer = connection.getresponse()
    assert (answer.status, answer.read(), answer.getheader("ETag")) == (200, b"", made["meta"]["version"])
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/Users", r'{"userName":"half-\ud800"}'),
        ("POST", "/Users", r'{"userName":"half","x\udfff":1}'),
        ("POST", "/Users/.search", r'{"cursor":"\ud800"}'),
        (
            "POST",
            "/Bulk",
            r'{"Operations":[{"method":"POST","path":"/Users","bulkId":"\ud800","data":{"userName":"half"}}]}',
        ),
    ],
)
def test_half_of_a_character_is_no_json(client, method, path, body):
    refusal(client.send(method, path, body), 400, "invalidSyntax")
    assert client.find('userName sw "half"')["totalResults"] == 0


def test_a_whole_character_may_be_written_as_a_pair(client):
    name = f"user-{uuid.uuid4()}"
    answer = client.send("POST", "/Users", rf'{{"userName":"{name}","title":"\ud83d\ude00"}}')
    assert (answer.status, answer.json["title"]) == (201, "😀")
