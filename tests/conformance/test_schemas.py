"""Published schemas, and what they say coming true (RFC 7643 §7, RFC 7644 §4)."""

import pytest

from tests.conformance.conftest import definitions, refusal

DISCOVERY = ("/Schemas", "/ResourceTypes", "/ServiceProviderConfig")


@pytest.fixture
def schemas(client):
    return {schema["id"]: schema for schema in client.get("/Schemas")["Resources"]}


def test_every_schema_has_id_name_description_and_attributes(client, schemas):
    for urn, schema in schemas.items():
        assert urn.startswith("urn:") and schema["name"] and schema["description"] and schema["attributes"]
        assert schema["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:Schema"]
        assert client.get(f"/Schemas/{urn}") == schema


def test_message_schemas_are_not_published(schemas):
    assert not [urn for urn in schemas if ":messages:" in urn]


def test_resource_types_name_published_schemas(client, schemas):
    for told in client.get("/ResourceTypes")["Resources"]:
        assert {told["schema"], *(e["schema"] for e in told["schemaExtensions"])} <= set(schemas)
        assert client.send("GET", told["endpoint"]).status == 200


def test_an_extension_declares_nothing_again(client, schemas):
    for told in client.get("/ResourceTypes")["Resources"]:
        core = {attribute["name"].lower() for attribute in schemas[told["schema"]]["attributes"]}
        for extension in told["schemaExtensions"]:
            assert core.isdisjoint(a["name"].lower() for a in schemas[extension["schema"]]["attributes"])


def test_references_say_to_what(schemas):
    references = [a for s in schemas.values() for _, a in definitions(s["attributes"]) if a["type"] == "reference"]
    assert references and all(attribute["referenceTypes"] for attribute in references)


@pytest.mark.parametrize("path", DISCOVERY)
@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
def test_schemas_are_read_only(client, path, verb):
    answer = client.send(verb, path, {"x": 1} if verb != "DELETE" else None)
    refusal(answer, 405)
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/Schemas", "/ResourceTypes"])
def test_discovery_is_not_filtered(client, path):
    refusal(client.send("GET", path, filter='id eq "x"'), 403)


@pytest.mark.parametrize("path", ["/Schemas/urn:x", "/ResourceTypes/x"])
def test_unknown_names_of_discovery(client, path):
    refusal(client.send("GET", path), 404)


def test_what_is_case_exact_decides_a_filter(client):
    made = client.user(externalId="Key", title="Chief")
    one = f'id eq "{made["id"]}"'
    assert client.find(f'{one} and title eq "CHIEF"')["totalResults"] == 1
    assert client.find(f'{one} and externalId eq "KEY"')["totalResults"] == 0
    assert made["externalId"] == "Key"


@pytest.mark.parametrize(("path", "value"), [("id", "x"), ("meta.created", "x"), ("groups", [{"value": "x"}])])
def test_read_only_is_not_changed(client, path, value):
    made = client.user()
    answer = client.patch(f"/Users/{made['id']}", {"op": "replace", "path": path, "value": value})
    refusal(answer, 400, "mutability")
    assert client.get(f"/Users/{made['id']}") == made


def test_immutable_is_set_once(client):
    user, other = client.user(), client.user()
    group = client.group(members=[{"value": user["id"]}])
    answer = client.patch(
        f"/Groups/{group['id']}",
        {"op": "replace", "path": f'members[value eq "{user["id"]}"].value', "value": other["id"]},
    )
    refusal(answer, 400, "mutability")
    assert client.get(f"/Groups/{group['id']}") == group


def test_write_only_is_taken_and_never_returned(client):
    made = client.user(password="s3cret")
    path = f"/Users/{made['id']}"
    answers = [made, client.get(path), client.get(path, attributes="password"), client.find(f'id eq "{made["id"]}"')]
    answers.append(client.patch(path, {"op": "replace", "path": "password", "value": "s3cret"}).json)
    assert "s3cret" not in str(answers)


def test_always_is_returned_whatever_is_asked(client):
    made = client.user(title="x")
    path = f"/Users/{made['id']}"
    assert set(client.get(path, attributes="title")) == {"id", "schemas", "title"}
    assert {"id", "schemas"} <= set(client.get(path, excludedAttributes="id,schemas,title"))


def test_default_is_returned_unless_others_are_asked(client):
    made = client.user(title="x", nickName="y")
    path = f"/Users/{made['id']}"
    assert {"title", "nickName", "meta"} <= set(client.get(path))
    assert "nickName" not in client.get(path, attributes="title")


def test_server_unique_is_unique_here(client):
    made = client.user()
    answer = client.send("POST", "/Users", {"userName": made["userName"].upper()})
    assert "userName" in refusal(answer, 409, "uniqueness")
