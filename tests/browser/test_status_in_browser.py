"""The Status page while it is open: lines of the checklist tick by themselves, soon after the request."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_session
from tests.conftest import Appliance
from tests.web.request_log_rows import past, start_unknocked, write
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
    expect(page.get_by_text("All well")).to_be_visible()


def test_the_table_under_the_chart_stays_open(fresh: Appliance, page: Page):
    write(fresh, [past(days * 24 * 60) for days in (3, 2, 1)])
    open_session(page, fresh)
    page.goto(fresh.url + "/")
    page.get_by_text("Show as a table").click()
    created = page.get_by_label("Days").get_by_role("cell").nth(1)
    expect(created).to_have_text("0")
    assert fresh.request("POST", "/scim/Users", {"schemas": [USER], "userName": "ana"}).status == 201
    expect(created).to_have_text("1", timeout=SOON_MS)
    expect(created).to_be_visible()
