"""The filter form of the Activity page in a browser far from UTC."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.conftest import open_session
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME


def test_times_are_filled_in_in_the_readers_zone_and_sent_in_utc(chromium: Browser, furnished: Appliance):
    context = chromium.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    open_session(page, furnished)
    page.goto(f"{furnished.url}/activity")
    page.get_by_label("From", exact=True).fill("2026-01-31T08:30")
    page.get_by_role("button", name="Apply filter").click()
    expect(page).to_have_url(re.compile("from=2026-01-30T23%3A30&to=&"))
    expect(page.get_by_label("From", exact=True)).to_have_value("2026-01-31T08:30")
    page.get_by_label("To", exact=True).fill("2026-01-31T09:00")
    page.get_by_role("button", name="Apply filter").click()
    expect(page).to_have_url(re.compile("from=2026-01-30T23%3A30&to=2026-01-31T00%3A00&"))
    page.get_by_role("link", name="Clear").click()
    expect(page.get_by_label("From", exact=True)).to_have_value("")
    page.go_back()
    expect(page.get_by_label("To", exact=True)).to_have_value("2026-01-31T09:00")
    context.close()


def test_without_a_script_the_form_says_utc(chromium: Browser, furnished: Appliance):
    context = chromium.new_context(java_script_enabled=False, timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(f"{furnished.url}/login")
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{furnished.url}/activity")
    page.get_by_label("From (UTC)").fill("2026-01-31T08:30")
    page.get_by_label("Action").select_option("Refused")
    page.get_by_role("button", name="Apply filter").click()
    expect(page.get_by_label("From (UTC)")).to_have_value("2026-01-31T08:30")
    assert "from=2026-01-31T08%3A30" in page.url and "kind=refused" in page.url
    expect(page.locator(".lines > li").first).to_contain_text("Refused")
    assert page.get_by_role("switch").count() == 0
    context.close()
