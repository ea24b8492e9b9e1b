"""What every resource has: schemas, id, externalId, meta, extensions (RFC 7643 §3)."""

import pytest

from tests.conformance.conftest import refusal

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def test_schemas_are_those_of_the_resource_each_once(client):
    made = client.user(schemas=[ENTERPRISE, USER, USER, "urn:example:other"], **{ENTERPRISE: {"department": "R"}})
    assert made["schemas"] == [USER, ENTERPRISE]
    assert client.user(schemas=[USER, ENTERPRISE])["schemas"] == [USER], "an extension without values is not in use"


def test_schemas_are_those_of_the_resource_type(client):
    told = client.get("/ResourceTypes/User")
    allowed = {told["schema"], *(extension["schema"] for extension in told["schemaExtensions"])}
    assert set(client.user(**{ENTERPRISE: {"department": "R"}})["schemas"]) <= allowed


def test_the_order_of_schemas_means_nothing(client):
    first = client.user(schemas=[USER, ENTERPRISE], **{ENTERPRISE: {"department": "R"}})
    second = client.user(schemas=[ENTERPRISE, USER], **{ENTERPRISE: {"department": "R"}})
    assert first["schemas"] == second["schemas"]


def test_an_extension_is_a_container_under_its_urn(client):
    made = client.user(**{ENTERPRISE: {"department": "R"}, "department": "S"})
    assert made[ENTERPRISE] == {"department": "R"}
    assert "department" not in made


def test_an_id_is_issued_here_and_stays(client):
    made = client.user(id="mine")
    assert made["id"] and made["id"] != "mine"
    assert "bulkid" not in made["id"].lower()
    path = f"/Users/{made['id']}"
    assert client.get(path)["id"] == made["id"]
    assert client.send("PUT", path, made | {"id": "other"}).json["id"] == made["id"]
    assert client.patch(path, {"op": "replace", "value": {"id": "other"}}).json["id"] == made["id"]


def test_an_id_belongs_to_one_resource_of_any_type(client):
    user, group = client.user(), client.group()
    assert user["id"] != group["id"]
    assert client.send("GET", f"/Groups/{user['id']}").status == 404


def test_an_id_is_never_used_again(client):
    made = client.user()
    assert client.send("DELETE", f"/Users/{made['id']}").status == 204
    assert client.user(userName=made["userName"])["id"] != made["id"]


def test_external_id_is_the_clients_alone(client):
    first, second, none = client.user(externalId="Key-1"), client.user(externalId="Key-1"), client.user()
    assert first["externalId"] == second["externalId"] == "Key-1"
    assert "externalId" not in none
    assert client.find(f'id eq "{first["id"]}" and externalId eq "key-1"')["totalResults"] == 0


def test_meta_is_ours_alone(client):
    made = client.user(meta={"created": "2001-01-01T00:00:00Z", "version": 'W/"99"', "location": "x"})
    again = client.send("PUT", f"/Users/{made['id']}", made | {"meta": {"created": "2001-01-01T00:00:00Z"}}).json
    assert again["meta"] == made["meta"]
    assert set(made["meta"]) == {"resourceType", "created", "lastModified", "version", "location"}


def test_a_new_resource_was_last_modified_when_it_was_created(client):
    meta = client.user()["meta"]
    assert meta["created"] == meta["lastModified"]
    assert meta["created"].endswith("Z") and "T" in meta["created"]


@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH"])
def test_location_is_the_content_location(client, verb):
    made = client.user()
    body = {"PUT": made, "PATCH": {"Operations": []}}.get(verb)
    answer = client.send(verb, f"/Users/{made['id']}", body)
    assert answer.headers["content-location"] == answer.json["meta"]["location"] == made["meta"]["location"]


def test_version_is_the_weak_entity_tag(client):
    made = client.user()
    answer = client.send("GET", f"/Users/{made['id']}")
    assert answer.headers["etag"] == answer.json["meta"]["version"] == made["meta"]["version"]
    assert made["meta"]["version"].startswith('W/"')


def test_a_required_attribute_must_be_there(client):
    assert "userName" in refusal(client.send("POST", "/Users", {"title": "x"}), 400, "invalidValue")
    assert "displayName" in refusal(client.send("POST", "/Groups", {"externalId": "x"}), 400, "invalidValue")
