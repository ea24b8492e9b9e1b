"""The whole rotation of the SCIM key on the Account page in Chromium: made, pasted, used, retired by itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app import bounds
from tests.browser.conftest import sign_in
from tests.browser.survey import NARROW_PX, objections
from tests.conftest import Appliance
from tests.web.shifted_clock import ShiftedAppliance, start_shifted
from tests.web.visitor import PASSWORD, set_up

MINUTE = 60
HOUR = 60 * MINUTE


@pytest.fixture
def shifted(new_appliance: Callable[..., Appliance], tmp_path: Path) -> ShiftedAppliance:
    return start_shifted(new_appliance, tmp_path)


def open_account(page: Page, shifted: ShiftedAppliance) -> None:
    """Signed in anew, since sessions end while the clock is shifted."""
    page.context.clear_cookies()
    sign_in(page, shifted.appliance)
    page.get_by_role("link", name="Account", exact=True).click()


def expect_fit(page: Page) -> None:
    """Nothing for axe to find, and nothing wider than a telephone."""
    assert objections(page) == []
    desk = page.viewport_size
    assert desk
    page.set_viewport_size({"width": NARROW_PX, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW_PX
    page.set_viewport_size(desk)


def test_the_whole_rotation(shifted: ShiftedAppliance, page: Page, tmp_path: Path):
    set_up(shifted.appliance)
    open_account(page, shifted)
    page.get_by_role("button", name="Create key").click()
    old = page.locator("#scim-key").inner_text()
    shifted.use(old)

    shifted.pass_time(10 * MINUTE)
    page.goto(f"{shifted.appliance.url}/account")
    page.get_by_role("button", name="Create another key").click()
    # That was long ago: who it is must be shown again, and the form is sent again by hand.
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{shifted.appliance.url}/account")
    page.get_by_role("button", name="Create another key").click()
    new = page.locator("#scim-key").inner_text()
    main = page.locator("main")
    expect(main).to_contain_text("Both are valid.")
    expect(main).to_contain_text("was never used. Paste it into Secret Token")
    expect_fit(page)
    page.screenshot(path=tmp_path / "made.png", full_page=True)

    shifted.use(new)
    shifted.pass_time(2 * HOUR)
    open_account(page, shifted)
    expect(main).to_contain_text("is used since")
    expect(main).to_contain_text("The old key is deactivated automatically about")
    page.get_by_role("link", name="Revoke Key 1").click()
    expect(main).to_contain_text("Revoke a key that has leaked.")
    expect(main).to_contain_text("You do not need to revoke it")
    expect_fit(page)
    page.screenshot(path=tmp_path / "stop.png", full_page=True)
    page.get_by_role("link", name="Keep it").click()

    shifted.pass_time(bounds.KEY_IDLE_S)
    open_account(page, shifted)
    expect(main).to_contain_text("was not used for 3 days")
    expect(main).to_contain_text("The old key is deactivated as soon as")
    expect_fit(page)
    page.screenshot(path=tmp_path / "idle.png", full_page=True)

    shifted.use(new)
    shifted.use(new)
    refused = shifted.appliance.request("GET", "/scim/Users", headers={"Authorization": f"Bearer {old}"})
    assert refused.status == 401
    page.reload()
    expect(page.get_by_role("group", name="SCIM Keys")).not_to_contain_text("Key 1")
    page.get_by_text("Inactive keys (1)").click()
    expect(page.get_by_role("group", name="Inactive keys")).to_contain_text("replaced by Key 2")
    expect_fit(page)
    page.screenshot(path=tmp_path / "retired.png", full_page=True)
