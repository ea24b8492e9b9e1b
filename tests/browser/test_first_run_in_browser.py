"""The administrator's way, walked in Chromium: setup link, operator, Account page, key, key in use, key stopped."""

import re
import urllib.error
import urllib.request

from playwright.sync_api import Page, expect

from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, setup_path


def answer_to(appliance: Appliance, key: str) -> int:
    """The status that Entra would get with this key."""
    request = urllib.request.Request(f"{appliance.url}/scim/Users", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_first_run(new_appliance, page: Page):
    fresh = new_appliance().start()
    page.goto(fresh.url)
    expect(page.locator("main")).to_contain_text("recnice-scim setup-link")

    page.goto(fresh.url + setup_path(fresh.output))
    page.get_by_label("User name").fill("eva")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (repeat)").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page).to_have_url(f"{fresh.url}/account")
    expect(page.locator("#tenant-url")).to_have_text(f"{fresh.url}/scim/")

    page.get_by_role("button", name="Copy Tenant URL").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{fresh.url}/scim/"

    page.get_by_role("button", name="Create key").click()
    key = page.locator("#scim-key").inner_text()
    page.get_by_role("button", name="Copy SCIM Key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    assert re.fullmatch(r"rcn_scim_[A-Za-z0-9_-]{43}_[0-9a-f]{6}", key)
    assert page.url == f"{fresh.url}/account"
    assert answer_to(fresh, key) == 200

    # The key is shown once: neither a reload nor the way back has it.
    page.reload()
    expect(page.locator("#scim-key")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("from 127.0.0.1")
    page.get_by_role("link", name="Status").click()
    expect(page.locator("main")).to_contain_text("Last request from Entra")
    page.go_back()
    expect(page.locator("#scim-key")).to_have_count(0)

    page.get_by_role("link", name="Revoke Key 1").click()
    expect(page.locator("main")).to_contain_text("quarantine")
    page.get_by_role("link", name="Keep it").click()
    assert answer_to(fresh, key) == 200
    page.get_by_role("link", name="Revoke Key 1").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page).to_have_url(f"{fresh.url}/account")
    assert answer_to(fresh, key) == 401

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{fresh.url}/login")
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert fresh.stop() == 0
