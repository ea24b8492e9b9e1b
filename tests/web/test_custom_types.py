"""Bulk, the root and cursors with a resource type of one's own: they know no type by name."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.conftest import Appliance
from tests.custom.conftest import resource, with_schemas

INTEGERS = [3, None, 2**53, -7, 3, None, 0]
DECIMALS = [0.1, 0.30000000000000004, None, 1e300, -0.5, 0.1, 2]


@pytest.fixture(scope="module")
def own(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance with a user, a group of that user, and resources of a type of its own that name the user."""
    appliance = with_schemas(Appliance(program, tmp_path_factory.mktemp("own") / "recnice")).start()
    appliance.make_key()
    things = [
        resource(referenceAttr="Users/" + "bulkId:ada", integerAttr=integer, decimalAttr=decimal, multiStrings=[text])
        for integer, decimal, text in zip(INTEGERS, DECIMALS, "gfedcba", strict=True)
    ]
    operations = [
        *({"method": "POST", "path": "/TestResources", "bulkId": f"t{n}", "data": one} for n, one in enumerate(things)),
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Team", "members": [
            {"value": "bulkId:ada"}]}},
        {"method": "POST", "path": "/Users", "bulkId": "ada", "data": {"userName": "ada", "displayName": "Ada"}},
    ]  # fmt: skip
    answer = appliance.request("POST", "/scim/Bulk", {"Operations": operations})
    assert {result["status"] for result in answer.json["Operations"]} == {"201"}, answer.text
    yield appliance
    assert appliance.stop() == 0, appliance.output


def ask(appliance: Appliance, path: str, **query: Any) -> Any:
    text = urlencode({name: str(value) for name, value in query.items()}, quote_via=quote)
    answer = appliance.request("GET", f"/scim{path}?{text}")
    assert answer.status == 200, answer.text
    return answer.json


def test_references_of_bulk_in_them(own: Appliance) -> None:
    ada = ask(own, "/Users")["Resources"][0]["id"]
    found = ask(own, "/TestResources", filter=f'referenceAttr eq "Users/{ada}"')
    assert found["totalResults"] == len(INTEGERS)


@pytest.mark.parametrize(
    ("where", "types"),
    [
        ("id pr", ["TestResource"] * 7 + ["Group", "User"]),
        ("integerAttr eq 3", ["TestResource"] * 2),
        ("not (integerAttr pr)", ["TestResource"] * 2 + ["Group", "User"]),
        ('userName eq "ADA" or integerAttr gt 3', ["TestResource", "User"]),
        ('meta.resourceType eq "TestResource" and decimalAttr lt 0', ["TestResource"]),
    ],
)
def test_they_are_among_all_types(own: Appliance, where: str, types: list[str]) -> None:
    assert sorted(one["meta"]["resourceType"] for one in ask(own, "", filter=where)["Resources"]) == sorted(types)


@pytest.mark.parametrize("path", ["/TestResources", ""])
@pytest.mark.parametrize("sort_by", ["integerAttr", "decimalAttr", "multiStrings", "booleanAttr", "displayName"])
@pytest.mark.parametrize("direction", ["ascending", "descending"])
def test_numbers_and_lists_give_an_order_by_cursor_too(own: Appliance, path: str, sort_by: str, direction: str) -> None:
    if path and sort_by == "displayName":
        sort_by = "meta.version"
    query = {"sortBy": sort_by, "sortOrder": direction}
    whole = [one["id"] for one in ask(own, path, **query)["Resources"]]
    for count in (1, 2, 4):
        ids, cursor = [], ""
        while cursor is not None:
            page = ask(own, path, **query, count=count, cursor=cursor)
            ids += [one["id"] for one in page["Resources"]]
            cursor = page.get("nextCursor")
        assert ids == whole


def test_numbers_are_in_the_order_of_numbers(own: Appliance) -> None:
    found = ask(own, "", sortBy="integerAttr", filter='meta.resourceType eq "TestResource"')["Resources"]
    assert [one.get("integerAttr") for one in found] == [-7, 0, 3, 3, 2**53, None, None]
