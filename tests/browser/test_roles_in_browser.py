"""The role mapping in a browser: previewed and saved without a script, and nothing for axe to object to."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import open_session
from tests.browser.survey import objected_in_both
from tests.conftest import Appliance
from tests.web.visitor import set_up

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture(scope="module")
def peopled(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance with one person who has an app role."""
    appliance = Appliance(program, tmp_path_factory.mktemp("roles") / "recnice").start()
    set_up(appliance)
    appliance.make_key()
    body = {"schemas": [USER], "userName": "ana@recnice.example", "roles": [{"value": "Console Admin"}]}
    assert appliance.request("POST", "/scim/Users", body).status == 201
    yield appliance
    assert appliance.stop() == 0, appliance.output


def fill(page: Page, value: str, role: str) -> None:
    """The first line of the form."""
    page.get_by_label("Source in rule 1").select_option("App role")
    page.get_by_label("Value in rule 1").fill(value)
    page.get_by_label("Role in rule 1").and_(page.locator("[name=role-0]")).select_option(role)


def test_pages_that_only_a_form_leads_to(page: Page, peopled: Appliance):
    page.set_viewport_size({"width": 360, "height": 740})
    open_session(page, peopled)
    page.goto(f"{peopled.url}/roles/edit")
    fill(page, "Console Admin", "owner")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Gain a role: 1 user")).to_be_visible()
    page.locator("summary").click()
    assert not any(objected_in_both(page).values()), "a preview"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page).to_have_url(f"{peopled.url}/roles/edit")
    fill(page, "a" * 121, "viewer")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("at most 120")
    assert not any(objected_in_both(page).values()), "a refused line"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_saved_without_a_script(chromium: Browser, peopled: Appliance):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    open_session(page, peopled)
    page.goto(f"{peopled.url}/roles")
    page.get_by_role("link", name="Add rule").click()
    fill(page, "Console Admin", "viewer")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("group", name="Users with a role")).to_contain_text("ana@recnice.example")
    page.get_by_role("link", name="Change mapping").click()
    page.get_by_label("Remove rule 1").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Lose the role: 1 user")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Off: app roles and groups")).to_be_visible()
    context.close()
