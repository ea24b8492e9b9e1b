"""The Status page while it is open: lines of the checklist tick by themselves, soon after the request."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_session
from tests.conftest import Appliance
from tests.web.request_log_rows import start_unknocked
from tests.web.visitor import set_up

SOON_MS = 2_000
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def fresh(new_appliance: Callable[..., Appliance]) -> Appliance:
    """Set up, with a key that nobody has shown yet."""
    appliance = start_unknocked(new_appliance())
    set_up(appliance)
    appliance.make_key()
    return appliance


def test_a_line_ticks_by_itself(fresh: Appliance, page: Page):
    open_session(page, fresh)
    page.goto(fresh.url + "/")
    lines = page.locator(".checklist > li.done")
    expect(lines).to_have_count(0)
    assert fresh.request("GET", "/scim/Schemas").status == 200
    expect(lines).to_have_count(3, timeout=SOON_MS)
    expect(page.get_by_text("there are no users here")).to_be_visible()
    body = {"schemas": [USER], "userName": "ana@recnice.example"}
    assert fresh.request("POST", "/scim/Users", body).status == 201
    expect(lines).to_have_count(4, timeout=SOON_MS)
    expect(lines.last).to_contain_text("The first user was created")
    expect(page.get_by_text("Healthy.")).to_be_visible()


def test_the_table_under_the_strip_stays_open(fresh: Appliance, page: Page):
    assert fresh.request("GET", "/scim/Users").status == 200
    open_session(page, fresh)
    page.goto(fresh.url + "/")
    page.get_by_text("Show as a table").click()
    requests = page.get_by_label("Recent syncs").get_by_role("cell").nth(2)
    expect(requests).to_have_text("1")
    assert fresh.request("GET", "/scim/Users").status == 200
    expect(requests).to_have_text("2", timeout=SOON_MS)
    expect(requests).to_be_visible()
