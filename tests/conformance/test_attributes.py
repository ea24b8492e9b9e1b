"""Attributes and their values as a client meets them (RFC 7643 §2)."""

import re

import pytest

from tests.conformance.conftest import definitions, refusal

NAME = re.compile(r"\$?[A-Za-z][A-Za-z0-9$_-]*\Z")


@pytest.fixture
def declared(client):
    """Every published attribute and sub-attribute, by schema name and path."""
    schemas = client.get("/Schemas")["Resources"]
    return {f"{s['name']} {path}": a for s in schemas for path, a in definitions(s["attributes"])}


def test_names_follow_the_grammar(declared):
    assert all(NAME.match(attribute["name"]) for attribute in declared.values())


def test_names_are_taken_in_any_letter_case(client):
    made = client.user(NICKNAME="Ada", Name={"GIVENNAME": "Ada"})
    assert made["nickName"] == "Ada"
    assert made["name"] == {"givenName": "Ada"}


def test_what_is_not_said_has_the_default_characteristics(declared):
    title = declared["User title"]
    assert (title["type"], title["required"], title["caseExact"]) == ("string", False, False)
    assert (title["mutability"], title["returned"], title["uniqueness"]) == ("readWrite", "default", "none")
    assert "canonicalValues" not in title


def test_a_complex_attribute_has_no_complex_parts(declared):
    parts = [part for a in declared.values() for part in a.get("subAttributes", [])]
    assert parts and all(part["type"] != "complex" for part in parts)


@pytest.mark.parametrize("text", ["Zoë 😀 \u0646", "e\u0301", " a\tb\n", '"\\/'])
def test_text_comes_back_as_it_was_sent(client, text):
    made = client.user(title=text)
    assert client.get(f"/Users/{made['id']}")["title"] == text


@pytest.mark.parametrize("value", ["AAEC", "AAEC/+8=", "AAEC_-8=", "AAE="])
def test_binary_is_base64_and_comes_back_as_it_was_sent(client, value):
    assert client.user(x509Certificates=[{"value": value}])["x509Certificates"] == [{"value": value}]


def test_the_padding_of_binary_may_be_left_out(client):
    assert client.user(x509Certificates=[{"value": "AAE"}])["x509Certificates"] == [{"value": "AAE"}]


def test_binary_that_is_no_base64_is_refused(client):
    answer = client.send("POST", "/Users", {"userName": "nobody", "x509Certificates": [{"value": "?"}]})
    assert "x509Certificates[0].value" in refusal(answer, 400, "invalidValue")


def test_a_reference_leads_to_its_resource(client):
    user = client.user()
    group = client.group(members=[{"value": user["id"]}])
    ref = group["members"][0]["$ref"]
    assert ref == f"Users/{user['id']}", "relative to the root, with nothing of the endpoint"
    assert client.get(f"/{ref}")["id"] == user["id"]
    back = client.get(f"/Users/{user['id']}")["groups"][0]["$ref"]
    assert client.get(f"/{back}")["id"] == group["id"]


def test_a_member_has_the_name_of_its_resource(client):
    named, unnamed, inner = client.user(displayName="Ada"), client.user(), client.group()
    names = {named["id"]: "Ada", unnamed["id"]: unnamed["userName"], inner["id"]: inner["displayName"]}
    sent = [{"value": one, "display": "ignored, since it is read-only"} for one in (*names, "nobody")]
    group = client.group(members=sent)
    assert {one["value"]: one.get("display") for one in group["members"]} == {**names, "nobody": None}
    path = f"/Groups/{group['id']}"
    only = client.get(path, attributes="members.display")["members"]
    assert sorted(one["display"] for one in only) == sorted(names.values())
    for where in ('members.display eq "ADA"', 'members[display sw "a" and type eq "User"]'):
        found = client.get("/Groups", filter=f'id eq "{group["id"]}" and {where}')
        assert found["totalResults"] == 1, where
    client.patch(f"/Users/{named['id']}", {"op": "replace", "path": "displayName", "value": "Ada L"})
    client.patch(path, {"op": "remove", "path": 'members[display eq "ada l"]'})
    assert {one["value"] for one in client.get(path)["members"]} == {unnamed["id"], inner["id"], "nobody"}


def test_a_reference_keeps_its_letter_case(client):
    made = client.user(profileUrl="https://x.example/A")
    assert client.find(f'id eq "{made["id"]}" and profileUrl eq "https://x.example/A"')["totalResults"] == 1
    assert client.find(f'id eq "{made["id"]}" and profileUrl eq "https://x.example/a"')["totalResults"] == 0


def test_the_order_of_parts_means_nothing(client):
    made = client.user(emails=[{"type": "work", "value": "a@x.example", "primary": True}])
    path = f"/Users/{made['id']}"
    turned = {name: made[name] for name in reversed(made)}
    turned["emails"] = [{"primary": True, "value": "a@x.example", "type": "work"}]
    assert client.send("PUT", path, turned).json == made


def test_primary_is_true_at_most_once(client):
    made = client.user(emails=[{"value": "a@x.example", "primary": True}, {"value": "b@x.example", "primary": True}])
    assert [email.get("primary", False) for email in made["emails"]] == [True, False]


def test_no_primary_means_false(client):
    made = client.user(emails=[{"value": "a@x.example"}])
    one = f'id eq "{made["id"]}"'
    assert client.find(f"{one} and not (emails[primary eq true])")["totalResults"] == 1


def test_type_and_value_stand_once(client):
    twice = {"type": "work", "value": "a@x.example"}
    made = client.user(emails=[twice, twice, twice | {"type": "home"}])
    assert made["emails"] == [twice, twice | {"type": "home"}]


@pytest.mark.parametrize("nothing", [None, []])
def test_null_and_no_values_are_unassigned(client, nothing):
    made = client.user(emails=[{"value": "a@x.example"}], title="Chief")
    cleared = client.send(
        "PUT", f"/Users/{made['id']}", {"userName": made["userName"], "emails": nothing, "title": None}
    )
    assert {"emails", "title"}.isdisjoint(cleared.json)
    assert client.find(f'id eq "{made["id"]}" and not (emails pr) and not (title pr)')["totalResults"] == 1
