"""The console shows custom types and attributes by itself: menu, list, search, page."""

import re
from collections.abc import Callable

from tests.conftest import Appliance
from tests.custom.conftest import BADGE, make, with_schemas
from tests.web.visitor import Visitor, set_up


def test_a_custom_type_has_pages(new_appliance: Callable[..., Appliance]) -> None:
    appliance = with_schemas(new_appliance()).start()
    set_up(appliance)
    appliance.make_key()
    made = make(appliance, identifier="find-me", writeOnlyAttr="hush", complexAttr={"secret": "hush", "sub1": "shown"})
    make(appliance, identifier="another")
    user = {"userName": "eva@example.com", BADGE: {"badgeNumber": 7, "lockers": [{"value": "blue"}]}}
    appliance.request("POST", "/scim/Users", user)
    eva = Visitor(appliance.url)
    assert eva.sign_in().status == 303
    assert re.search(r'href="/resources/testresources"><svg.*?</svg>TestResources</a>', eva.get("/").text)
    listed = eva.get("/resources/testresources").text
    assert (
        "find-me" in listed
        and "another" in listed
        and re.search(r'aria-current="page"><svg.*?</svg>TestResources', listed)
    )
    sought = eva.get("/resources/testresources?q=FIND").text
    assert "another" not in sought
    page = eva.get(f"/resources/testresources/{made['id']}").text
    assert "find-me" in page and "shown" in page and "hush" not in page and "Members" not in page
    people = eva.get("/users?q=eva").text
    assert "eva@example.com" in people
    assert Visitor(appliance.url).get("/resources/testresources").status == 303
    assert appliance.stop() == 0
