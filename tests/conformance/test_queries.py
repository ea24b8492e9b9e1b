"""Searching, sorting, paging and choosing attributes (RFC 7644 §3.4.2, §3.4.3, §3.9, §3.10)."""

import uuid
from typing import Any

import pytest

from tests.conformance.conftest import refusal

LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH_URN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture
def people(client) -> str:
    """A filter that finds three users of this test alone: Ada, bob and cyd; cyd has no title."""
    mark = uuid.uuid4().hex
    two = [{"type": "work", "value": "z@x.example"}, {"type": "home", "value": "a@x.example", "primary": True}]
    client.user(nickName=mark, displayName="Ada", title="b", active=True, emails=two)
    client.user(nickName=mark, displayName="bob", title="A", active=False, emails=[{"value": "m@x.example"}])
    client.user(nickName=mark, displayName="cyd", **{ENTERPRISE: {"department": "R"}})
    return f'nickName eq "{mark}"'


def names(found: Any) -> list[str]:
    return [resource["displayName"] for resource in found["Resources"]]


def test_an_answer_is_a_list_response(client, people):
    found = client.find(people)
    assert found["schemas"] == [LIST_URN]
    assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (3, 1, 3)
    assert len(found["Resources"]) == 3


def test_nothing_found_is_a_success(client):
    found = client.find('userName eq "nobody at all"')
    assert found["totalResults"] == 0
    assert found.get("Resources", []) == []


def test_parameters_that_nobody_knows_are_ignored(client, people):
    assert client.find(people, color="red", aadOptscim062020="")["totalResults"] == 3


def test_an_endpoint_finds_its_own_type_only(client):
    group = client.group()
    assert client.find(f'id eq "{group["id"]}"')["totalResults"] == 0


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ('title pr and active eq true or displayName eq "cyd"', ["Ada", "cyd"]),
        ('title pr and (active eq true or displayName eq "cyd")', ["Ada"]),
        ("not (active eq true) and title pr", ["bob"]),
        ("not (active eq true and title pr)", ["bob", "cyd"]),
    ],
)
def test_precedence(client, people, where, expected):
    assert names(client.find(f"{people} and ({where})")) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ('displayName eq "ADA"', ["Ada"]),
        ('displayName ne "ada"', ["bob", "cyd"]),
        ('displayName co "d"', ["Ada", "cyd"]),
        ('displayName sw "B"', ["bob"]),
        ('displayName ew "a"', ["Ada"]),
        ("title pr", ["Ada", "bob"]),
        ("emails pr", ["Ada", "bob"]),
        ('title gt "a"', ["Ada"]),
        ('title ge "a"', ["Ada", "bob"]),
        ('title lt "B"', ["bob"]),
        ('title le "B"', ["Ada", "bob"]),
        ('meta.created gt "2001-01-01T00:00:00Z"', ["Ada", "bob", "cyd"]),
        ('meta.created lt "2001-01-01T00:00:00Z"', []),
        ('emails.value eq "a@x.example"', ["Ada"]),
        ('emails[type eq "work" and value eq "a@x.example"]', []),
        ('emails[type eq "home" and value eq "a@x.example"]', ["Ada"]),
        (f'{ENTERPRISE.upper()}:DEPARTMENT EQ "r"', ["cyd"]),
        (f'schemas eq "{ENTERPRISE}"', ["cyd"]),
    ],
)
def test_operators(client, people, where, expected):
    assert names(client.find(f"{people} and {where}")) == expected


@pytest.mark.parametrize("where", ["active gt true", 'x509Certificates.value lt "AAA="', 'active sw "t"'])
def test_booleans_and_binaries_have_no_order(client, where):
    refusal(client.send("GET", "/Users", filter=where), 400, "invalidFilter")


@pytest.mark.parametrize(
    "where", ["", "userName", 'userName regex "a"', "(userName pr", 'userName eq "a" xor title pr']
)
def test_what_is_no_filter_is_refused(client, where):
    refusal(client.send("GET", "/Users", filter=where), 400, "invalidFilter")


def test_an_unknown_operator_is_named(client):
    detail = refusal(client.send("GET", "/Users", filter='userName regex "a"'), 400, "invalidFilter")
    assert '"regex"' in detail and "position 9" in detail


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"sortBy": "displayName"}, ["Ada", "bob", "cyd"]),
        ({"sortBy": "DISPLAYNAME", "sortOrder": "descending"}, ["cyd", "bob", "Ada"]),
        ({"sortBy": "title"}, ["bob", "Ada", "cyd"]),
        ({"sortBy": "title", "sortOrder": "descending"}, ["cyd", "Ada", "bob"]),
        ({"sortBy": "emails"}, ["Ada", "bob", "cyd"]),
        ({"sortBy": "emails.value", "sortOrder": "ascending"}, ["Ada", "bob", "cyd"]),
        ({"sortBy": f"{CORE}:active"}, ["bob", "Ada", "cyd"]),
        ({"sortBy": "meta.created", "sortOrder": "descending"}, ["cyd", "bob", "Ada"]),
    ],
)
def test_sorting(client, people, order, expected):
    assert names(client.find(people, **order)) == expected


def test_case_exact_text_is_sorted_by_its_letters(client):
    mark = uuid.uuid4().hex
    for external in ("b", "B", "a"):
        client.user(nickName=mark, externalId=external)
    found = client.find(f'nickName eq "{mark}"', sortBy="externalId")["Resources"]
    assert [one["externalId"] for one in found] == ["B", "a", "b"]


@pytest.mark.parametrize("start", [1, 0, -5])
def test_a_start_below_one_is_one(client, people, start):
    found = client.find(people, startIndex=start, count=1)
    assert (found["startIndex"], found["totalResults"], names(found)) == (1, 3, ["Ada"])


def test_pages_follow_each_other(client, people):
    pages = [client.find(people, startIndex=start, count=2) for start in (1, 3, 5)]
    assert [names(page) for page in pages] == [["Ada", "bob"], ["cyd"], []]
    assert [(page["startIndex"], page["itemsPerPage"], page["totalResults"]) for page in pages] == [
        (1, 2, 3), (3, 1, 3), (5, 0, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, -1])
def test_no_or_fewer_than_no_results(client, people, count):
    found = client.find(people, count=count)
    assert (found["totalResults"], found["Resources"]) == (3, [])


def test_never_more_than_asked_for(client, people):
    assert [len(client.find(people, count=count)["Resources"]) for count in (1, 2, 3, 9)] == [1, 2, 3, 3]


def test_a_page_has_a_limit_that_is_published(client):
    limit = client.get("/ServiceProviderConfig")["filter"]["maxResults"]
    assert client.get("/Users", count=10**6, attributes="id")["itemsPerPage"] <= limit


def test_search_by_post_is_search_by_get(client, people):
    asked = {"filter": people, "sortBy": "displayName", "sortOrder": "descending", "startIndex": 1, "count": 2}
    body = {"schemas": [SEARCH_URN], "attributes": ["displayName"]} | asked
    answer = client.send("POST", "/Users/.search", body)
    assert answer.status == 200
    assert answer.json == client.get("/Users", attributes="displayName", **asked)
    assert names(answer.json) == ["cyd", "bob"]


@pytest.mark.parametrize("body", [[], {"schemas": ["urn:x"]}, {"filter": 5}, {"count": "many"}])
def test_a_search_message_that_is_none(client, body):
    answer = client.send("POST", "/Users/.search", body)
    assert answer.status == 400
    assert answer.json["scimType"] in ("invalidSyntax", "invalidValue")


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "list", "search"])
def test_attributes_are_chosen_wherever_a_resource_is_answered(client, verb):
    made = client.user(title="x", nickName="y", name={"givenName": "A", "familyName": "B"})
    path, chosen = f"/Users/{made['id']}", {"attributes": "NAME.givenName,nothing"}
    match verb:
        case "get":
            answer = client.send("GET", path, **chosen).json
        case "post":
            body = made | {"userName": f"user-{uuid.uuid4()}"}
            answer = client.send("POST", "/Users", body, **chosen).json
        case "put":
            answer = client.send("PUT", path, made, **chosen).json
        case "patch":
            answer = client.patch(path, {"op": "add", "path": "title", "value": "z"}, **chosen).json
        case "list":
            answer = client.find(f'id eq "{made["id"]}"', **chosen)["Resources"][0]
        case _:
            body = {"filter": f'id eq "{made["id"]}"', "attributes": ["name.givenName"]}
            answer = client.send("POST", "/Users/.search", body).json["Resources"][0]
    assert set(answer) == {"id", "schemas", "name"}
    assert answer["name"] == {"givenName": "A"}


def test_attributes_are_left_out(client):
    made = client.user(title="x", name={"givenName": "A", "familyName": "B"})
    left = client.get(f"/Users/{made['id']}", excludedAttributes=f"title,{CORE}:name.familyName,id")
    assert left == {**{name: value for name, value in made.items() if name != "title"}, "name": {"givenName": "A"}}


def test_of_both_lists_the_one_that_asks_counts(client):
    made = client.user(title="x", nickName="y")
    answer = client.get(f"/Users/{made['id']}", attributes="title", excludedAttributes="title,nickName")
    assert answer == {"schemas": made["schemas"], "id": made["id"], "title": "x"}


@pytest.mark.parametrize("name", [f"{ENTERPRISE}:department", f"{ENTERPRISE.upper()}:Department", ENTERPRISE])
def test_extended_attributes_are_chosen_by_their_urn(client, name):
    made = client.user(**{ENTERPRISE: {"department": "R"}})
    answer = client.get(f"/Users/{made['id']}", attributes=name)
    assert answer == {"schemas": made["schemas"], "id": made["id"], ENTERPRISE: {"department": "R"}}
