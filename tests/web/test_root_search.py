"""A search over all resource types at once (RFC 7644 §3.4.2.1), by GET on the root and by POST to `/.search`."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.conftest import Appliance

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass
class Company:
    """Three users and two groups whose names begin with `tag`, and how to search among all."""

    appliance: Appliance
    tag: str
    ids: dict[str, str]

    def search(self, root: str = "/scim", **message: Any) -> dict[str, Any]:
        body = {"schemas": [SEARCH], **message}
        answer = self.appliance.request("POST", f"{root}/.search", body)
        assert answer.status == 200, answer.text
        query = urlencode({name: str(value) for name, value in message.items()}, quote_via=quote)
        by_get = self.appliance.request("GET", f"{root}?{query}")
        assert by_get.json == answer.json
        return dict(answer.json)

    def names(self, where: str, **more: Any) -> list[str]:
        """Who fulfills a filter among the company's own, by their names here."""
        shown = {identifier: name for name, identifier in self.ids.items()}
        found = self.search(filter=f'displayName sw "{self.tag}" and ({where})', **more)
        return [shown[one["id"]] for one in found["Resources"]]


@pytest.fixture(scope="module")
def company(shared_appliance: Appliance) -> Iterator[Company]:
    tag = uuid.uuid4().hex
    ids: dict[str, str] = {}
    for name, title, active in (("ada", "Boss", True), ("bob", None, False), ("cid", "Cook", True)):
        emails = [{"value": f"{name}@{tag}.example.com", "type": "work"}]
        body = {"userName": f"{name}-{tag}", "displayName": f"{tag} {name}", "title": title, "active": active}
        made = shared_appliance.request("POST", "/scim/Users", {**body, "emails": emails})
        ids[name] = made.json["id"]
    for name, inside in (("axle", ["ada"]), ("zoo", ["ada", "bob"])):
        body = {"displayName": f"{tag} {name}", "members": [{"value": ids[one]} for one in inside]}
        ids[name] = shared_appliance.request("POST", "/scim/Groups", body).json["id"]
    yield Company(shared_appliance, tag, ids)


ALL = ["ada", "bob", "cid", "axle", "zoo"]
USERS, GROUPS = ALL[:3], ALL[3:]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("id pr", ALL),
        ('meta.resourceType eq "User"', USERS),
        ('not (meta.resourceType eq "User")', GROUPS),
        ('meta.resourceType ne "Group"', USERS),
        ('meta.resourceType sw "G" or title eq "cook"', ["cid", *GROUPS]),
        ('meta.resourceType eq "user"', []),
        ("title pr", ["ada", "cid"]),
        ("not (title pr)", ["bob", *GROUPS]),
        ('title ne "Boss"', ["bob", "cid", *GROUPS]),
        ("title eq null", ["bob", *GROUPS]),
        ("active eq false", ["bob"]),
        ("not (active eq true)", ["bob", *GROUPS]),
        ('emails[type eq "work" and value co "cid@"]', ["cid"]),
        ('not (emails.value co "cid@")', ["ada", "bob", *GROUPS]),
        ("members pr", GROUPS),
        ('members.value eq "{ada}"', GROUPS),
        ('members.value eq "{bob}" or groups.value eq "{axle}"', ["ada", "zoo"]),
        ('groups.value eq "{zoo}"', ["ada", "bob"]),
        ('members[type eq "User" and value eq "{bob}"] or title eq "Boss"', ["ada", "zoo"]),
        ("not (members pr) and not (title pr)", ["bob"]),
        ('id eq "{zoo}" or id eq "{cid}"', ["cid", "zoo"]),
        ('schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"', GROUPS),
        ('urn:ietf:params:scim:schemas:core:2.0:Group:displayName co "zoo"', ["zoo"]),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName pr", USERS),
    ],
)
def test_what_a_type_does_not_have_is_absent_there(company: Company, where: str, expected: list[str]) -> None:
    assert company.names(where.format(**company.ids)) == expected


@pytest.mark.parametrize(
    ("sort_by", "expected"),
    [
        ("displayName", ["ada", "axle", "bob", "cid", "zoo"]),
        ("title", ["ada", "cid", "bob", "axle", "zoo"]),
        ("meta.resourceType", ["axle", "zoo", "ada", "bob", "cid"]),
        ("emails", ["ada", "bob", "cid", "axle", "zoo"]),
    ],
)
def test_order_over_all_types(company: Company, sort_by: str, expected: list[str]) -> None:
    assert company.names("id pr", sortBy=sort_by) == expected
    backwards = company.names("id pr", sortBy=sort_by, sortOrder="descending")
    if sort_by == "displayName":
        assert backwards == expected[::-1]
    elif sort_by == "title":
        assert backwards == ["bob", "axle", "zoo", "cid", "ada"]
    elif sort_by == "emails":
        assert backwards == ["axle", "zoo", "cid", "bob", "ada"]
    else:
        assert backwards == ["ada", "bob", "cid", "axle", "zoo"]


def test_pages_and_totals(company: Company) -> None:
    where = f'displayName sw "{company.tag}"'
    found = company.search(filter=where, startIndex=3, count=2)
    assert list(found) == ["schemas", "totalResults", "startIndex", "itemsPerPage", "Resources"]
    assert found["schemas"] == [LIST]
    assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (5, 3, 2)
    assert [one["id"] for one in found["Resources"]] == [company.ids["cid"], company.ids["axle"]]
    assert company.search(filter=where, count=0)["totalResults"] == 5
    assert company.search(filter=where, startIndex=6)["Resources"] == []
    assert company.search(filter=f'{where} and meta.resourceType eq "Thing"')["totalResults"] == 0


def test_all_of_everything_is_the_sum_of_the_types(company: Company) -> None:
    totals = [
        company.appliance.request("GET", f"/scim{path}?count=0").json["totalResults"] for path in ("/Users", "/Groups")
    ]
    assert company.search(count=0)["totalResults"] == sum(totals)
    users = company.search(filter='meta.resourceType eq "User"', count=3)
    assert users["totalResults"] == totals[0]
    assert users["Resources"] == company.appliance.request("GET", "/scim/Users?count=3").json["Resources"]


def test_each_type_is_projected_by_its_own_attributes(company: Company) -> None:
    where = f'displayName sw "{company.tag}" and (displayName ew "ada" or displayName ew "zoo")'
    ada, zoo = company.search(filter=where, attributes="userName,members.value")["Resources"]
    assert set(ada) == {"schemas", "id", "userName"}
    assert set(zoo) == {"schemas", "id", "members"} and all(set(member) == {"value"} for member in zoo["members"])
    ada, zoo = company.search(filter=where)["Resources"]
    assert {group["value"] for group in ada["groups"]} == {company.ids["axle"], company.ids["zoo"]}
    assert {member["value"] for member in zoo["members"]} == {company.ids["ada"], company.ids["bob"]}


@pytest.mark.parametrize("root", ["/scim", "/scim/", "/scim/v2", "/scim/v2/"])
def test_the_root_with_and_without_a_slash(company: Company, root: str) -> None:
    where = quote(f'displayName eq "{company.tag} ada"')
    found = company.appliance.request("GET", f"{root}?filter={where}")
    assert (found.status, found.json["totalResults"]) == (200, 1)
    location = found.json["Resources"][0]["meta"]["location"]
    assert location.endswith(f"{root.rstrip('/')}/Users/{company.ids['ada']}")
    assert (
        company.appliance.request("GET", f"{root}?filter=meta.location%20eq%20%22{location}%22").json["totalResults"]
        == 1
    )


@pytest.mark.parametrize(
    ("message", "scim_type", "detail"),
    [
        ({"filter": 'shoeSize eq "44"'}, "invalidFilter", 'at position 0, got "shoeSize"'),
        ({"filter": 'title pr and shoeSize eq "44"'}, "invalidFilter", "at position 13"),
        ({"filter": "active gt true"}, "invalidFilter", "at position 7"),
        ({"filter": "("}, "invalidFilter", "at the end"),
        ({"sortBy": "shoeSize"}, "invalidPath", "sortBy"),
        ({"sortBy": "name"}, "invalidPath", "sortBy"),
        ({"schemas": [LIST]}, "invalidSyntax", "schemas"),
        ({"count": True}, "invalidSyntax", "count"),
    ],
)
def test_what_is_refused(company: Company, message: dict[str, Any], scim_type: str, detail: str) -> None:
    refused = company.appliance.request("POST", "/scim/.search", {"schemas": [SEARCH], **message})
    assert (refused.status, refused.json["scimType"]) == (400, scim_type)
    assert detail in refused.json["detail"]


FIGURE_1 = """userName eq "bjensen"
name.familyName co "O'Malley"
userName sw "J"
urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"
title pr
meta.lastModified gt "2011-05-13T04:42:34Z"
meta.lastModified ge "2011-05-13T04:42:34Z"
meta.lastModified lt "2011-05-13T04:42:34Z"
meta.lastModified le "2011-05-13T04:42:34Z"
title pr and userType eq "Employee"
title pr or userType eq "Intern"
schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")
userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")
userType eq "Employee" and (emails.type eq "work")
userType eq "Employee" and emails[type eq "work" and value co "@example.com"]
emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"""


@pytest.mark.parametrize("where", FIGURE_1.splitlines())
@pytest.mark.parametrize("path", ["/scim/Users", "/scim"])
def test_the_examples_of_the_rfc(company: Company, path: str, where: str) -> None:
    """RFC 7644 §3.4.2.2, the filters of its figure."""
    assert company.appliance.request("GET", f"{path}?filter={quote(where)}").status == 200


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ('meta.location eq "{ada}"', 1),
        ('meta.location ne "{ada}"', 4),
        ('meta.location sw "{users}"', 3),
        ('meta.location ew "{ada_id}"', 1),
        ('meta.location co "/Groups/"', 2),
        ('not (meta.location gt "{users}")', 2),
        ('meta[location eq "{ada}" and resourceType eq "User"]', 1),
        ('meta.version eq "W/\\"1\\""', 5),
        ('meta.version ew "2\\""', 0),
    ],
)
def test_addresses_and_versions_are_compared_as_they_are_shown(company: Company, where: str, expected: int) -> None:
    ada = company.appliance.request("GET", f"/scim/Users/{company.ids['ada']}").json["meta"]["location"]
    users = ada.removesuffix(company.ids["ada"])
    text = where.format(ada=ada, users=users, ada_id=company.ids["ada"])
    assert len(company.names(text)) == expected
