"""The console's pages from the program as it is shipped: each is there, with its help, its pictures and its exports."""

import csv
import io
import json
import re
from urllib.request import Request, urlopen

import pytest

from tests.conftest import Appliance
from tests.web.visitor import Visitor, set_up

pytestmark = pytest.mark.executable

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"


@pytest.fixture
def visitor(appliance: Appliance) -> Visitor:
    return set_up(appliance)


def test_what_a_request_did_is_told_on_every_page(appliance: Appliance, visitor: Visitor) -> None:
    made = appliance.request("POST", "/scim/Users", {"userName": "ana@example.com", "displayName": "Ana Ruiz"})
    ana = made.json["id"]
    for department in ("Sales", "Legal"):
        change = {"op": "Replace", "path": DEPARTMENT, "value": department}
        appliance.request("PATCH", f"/scim/Users/{ana}", {"schemas": [PATCH], "Operations": [change]})
    refused = appliance.request("POST", "/scim/Users", {"userName": "ANA@example.com"})
    number = refused.headers["x-request-id"]
    lines = re.sub(r"<[^>]+>", "", visitor.get("/activity?view=events").text)
    assert "Ana Ruiz moved from Sales to Legal" in lines
    assert "userName already in use" in visitor.get("/problems").text
    assert number in visitor.get(f"/activity?number={number}").text
    assert "Ana Ruiz" in visitor.get("/").text
    assert f"/users/{ana}" in visitor.get("/search?q=ruiz").text
    for page in ("/activity", "/attributes", "/users", "/groups", "/account", "/problems/1"):
        assert visitor.get(page).status == 200, page
    for tab in ("history", "groups", "requests"):
        assert visitor.get(f"/users/{ana}?tab={tab}").status == 200, tab
    rows = list(csv.DictReader(io.StringIO(visitor.get("/users?format=csv").text.removeprefix("\ufeff"))))
    assert [row["userName"] for row in rows] == ["ana@example.com"]
    assert len(json.loads(visitor.get("/problems?format=json").text)) == 1


def test_help_travels_with_the_program(visitor: Visitor) -> None:
    names = re.findall(r'href="/help/([^"#]+)"', visitor.get("/help").text)
    assert {"status", "problems/user-name-taken"} <= set(names)
    status = visitor.get("/help/status")
    assert status.status == 200
    (picture, *_) = re.findall(r'src="([^"]+\.png)"', status.text)
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    with urlopen(Request(visitor.url + picture, headers={"Cookie": cookie})) as answer:
        assert answer.read(8) == b"\x89PNG\r\n\x1a\n"
