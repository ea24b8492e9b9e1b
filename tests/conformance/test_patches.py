"""PATCH over HTTP (RFC 7644 §3.5.2); what each operation makes of each value stands in the vectors."""

import pytest

from tests.conformance.conftest import refusal

WORK = {"type": "work", "value": "w@x.example"}
HOME = {"type": "home", "value": "h@x.example"}


def test_operations_follow_each_other(client):
    made = client.user()
    answer = client.patch(
        f"/Users/{made['id']}",
        {"op": "add", "path": "emails", "value": [WORK]},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "n@x.example"},
        {"op": "add", "path": "title", "value": "x"},
        {"op": "remove", "path": "title"},
    )
    assert answer.json["emails"] == [{"type": "work", "value": "n@x.example"}]
    assert "title" not in answer.json


def test_all_or_nothing(client):
    made = client.user(title="Clerk")
    path = f"/Users/{made['id']}"
    answer = client.patch(path, {"op": "replace", "path": "title", "value": "x"}, {"op": "remove", "path": "userName"})
    refusal(answer, 400, "mutability")
    assert client.get(path) == made


def test_all_or_nothing_of_members(client):
    user, group = client.user(), client.group()
    path = f"/Groups/{group['id']}"
    add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    refusal(client.patch(path, add, {"op": "remove"}), 400, "noTarget")
    assert client.get(path) == group


def test_a_new_primary_takes_the_mark(client):
    made = client.user(emails=[WORK | {"primary": True}, HOME])
    answer = client.patch(
        f"/Users/{made['id']}", {"op": "replace", "path": 'emails[type eq "home"].primary', "value": True}
    )
    assert [email["primary"] for email in answer.json["emails"]] == [False, True]


def test_a_user_is_answered_whole(client):
    made = client.user()
    answer = client.patch(f"/Users/{made['id']}", {"op": "add", "path": "title", "value": "x"})
    assert answer.status == 200
    assert answer.json == client.get(f"/Users/{made['id']}")
    assert answer.json["title"] == "x"


def test_a_group_is_answered_without_its_members(client):
    group = client.group(members=[{"value": client.user()["id"]}])
    path = f"/Groups/{group['id']}"
    answer = client.patch(path, {"op": "replace", "path": "externalId", "value": "x"})
    assert answer.status == 200
    assert answer.json == client.get(path, excludedAttributes="members")
    assert answer.json["externalId"] == "x" and "members" not in answer.json
    assert answer.headers["etag"] == answer.json["meta"]["version"] != group["meta"]["version"]
    asked = client.patch(path, {"op": "replace", "path": "externalId", "value": "y"}, attributes="members")
    assert asked.json == {name: group[name] for name in ("schemas", "id", "members")}


def test_a_group_is_answered_when_attributes_are_asked(client):
    group = client.group()
    answer = client.patch(
        f"/Groups/{group['id']}", {"op": "replace", "path": "externalId", "value": "x"}, attributes="externalId"
    )
    assert answer.status == 200
    assert answer.json == {"schemas": group["schemas"], "id": group["id"], "externalId": "x"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "emails", "value": [WORK]},
        {"op": "add", "value": {"title": "Clerk"}},
        {"op": "replace", "path": "name.givenName", "value": "Ada"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "w@x.example"},
        {"op": "remove", "path": "nickName"},
        {"op": "remove", "path": 'emails[type eq "home"]'},
    ],
)
def test_what_is_there_already_changes_nothing(client, operation):
    made = client.user(title="Clerk", emails=[WORK], name={"givenName": "Ada", "familyName": "L"})
    answer = client.patch(f"/Users/{made['id']}", operation)
    assert answer.status == 200
    assert answer.json == made, "not even the version or the time"


def test_a_member_that_is_there_already_changes_nothing(client):
    user = client.user()
    group = client.group(members=[{"value": user["id"]}])
    path = f"/Groups/{group['id']}"
    assert client.patch(path, {"op": "add", "path": "members", "value": [{"value": user["id"]}]}).status == 200
    assert client.get(path) == group


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove"}, "noTarget"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "replace", "path": "userName", "value": None}, "invalidValue"),
        ({"op": "add", "path": "title"}, "invalidValue"),
        ({"op": "replace", "path": "title"}, "invalidValue"),
        ({"op": "move", "path": "title", "value": "x"}, "invalidSyntax"),
        ({"path": "title", "value": "x"}, "invalidSyntax"),
        ({"op": "replace", "path": 'emails[type eq "nonexistent"].value', "value": "x"}, "noTarget"),
        ({"op": "replace", "path": "emails[type is 5]", "value": {}}, "invalidFilter"),
        ({"op": "replace", "path": "a..b", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "title", "value": 5.5}, "invalidValue"),
        ({"op": "replace", "path": "name", "value": "x"}, "invalidValue"),
        ({"op": "add", "value": "x"}, "invalidValue"),
    ],
)
def test_what_cannot_be_is_refused(client, operation, scim_type):
    made = client.user(emails=[WORK])
    refusal(client.patch(f"/Users/{made['id']}", operation), 400, scim_type)
    assert client.get(f"/Users/{made['id']}") == made


@pytest.mark.parametrize("body", [[], {}, {"Operations": {}}, {"schemas": ["urn:x"], "Operations": []}])
def test_what_is_no_patch_message_is_refused(client, body):
    made = client.user()
    refusal(client.send("PATCH", f"/Users/{made['id']}", body), 400, "invalidSyntax")


def test_the_last_value_gone_is_unassigned(client):
    made = client.user(emails=[WORK])
    answer = client.patch(f"/Users/{made['id']}", {"op": "remove", "path": 'emails[type eq "work"]'})
    assert "emails" not in answer.json
    assert client.find(f'id eq "{made["id"]}" and emails pr')["totalResults"] == 0
