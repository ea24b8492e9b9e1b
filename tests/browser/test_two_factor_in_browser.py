"""A second factor in Chromium, with pyotp as the app: set up, sign in with a code and a recovery code, turned off."""

import os
import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.authenticator import Authenticator
from tests.browser.conftest import sign_in
from tests.browser.survey import NARROW_PX, follow, objections
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME, set_up

QR_IS_LIGHT = """async (picture) => {
  await picture.decode();
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.drawImage(picture, 0, 0, picture.naturalWidth, picture.naturalHeight);
  return [picture.naturalWidth, ...canvas.getImageData(2, 2, 1, 1).data];
}"""


def look(page: Page, what: str) -> None:
    """axe objects to nothing in either color scheme, and a narrow screen need not be scrolled sideways."""
    size = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert objections(page, is_only_color=scheme == "dark") == [], f"{what}, {scheme}"
        picture(page, f"{what}-{scheme}")
    page.set_viewport_size({"width": NARROW_PX, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW_PX, what
    picture(page, f"{what}-narrow")
    page.emulate_media(color_scheme="light")
    assert size
    page.set_viewport_size(size)


def picture(page: Page, name: str) -> None:
    """For eyes, where RECNICE_LOOK names a folder."""
    if folder := os.environ.get("RECNICE_LOOK"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def password(page: Page, appliance: Appliance) -> None:
    page.goto(f"{appliance.url}/login?next=/users")
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/login/code"))
    expect(page.get_by_label("Code")).to_be_focused()


def test_the_whole_way(new_appliance, page: Page):
    fresh = new_appliance().start()
    set_up(fresh)
    sign_in(page, fresh)
    page.goto(f"{fresh.url}/me")
    follow(page.get_by_role("link", name="Turn on 2FA"))
    look(page, "off")
    page.get_by_role("button", name="Set up an authenticator app").click()
    size_px, *corner = page.locator("img.qr-code").evaluate(QR_IS_LIGHT)
    assert size_px > 100 and corner == [255, 255, 255, 255]
    app = Authenticator(page.locator("#secret").inner_text())
    look(page, "pairing")
    page.get_by_label("Code").fill(app.wrong())
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("incorrect")
    assert page.get_by_label("Code").input_value() == ""
    page.get_by_label("Code").fill(app.code())
    page.get_by_role("button", name="Turn on 2FA").click()
    codes = page.locator("#recovery-codes").inner_text().split()
    assert len(codes) == 10
    look(page, "recovery")
    page.get_by_role("button", name="Copy recovery codes").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == codes
    page.emulate_media(media="print")
    expect(page.locator("#recovery-codes")).to_be_visible()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="I have saved them").click()
    expect(page.locator("main")).to_contain_text("10 recovery codes left")
    look(page, "profile")
    page.goto(f"{fresh.url}/me/second-factor")
    assert codes[0] not in page.content()

    page.get_by_role("button", name="Sign out").click()
    password(page, fresh)
    look(page, "code")
    page.get_by_label("Code").fill("000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("incorrect")
    assert page.get_by_label("Code").input_value() == ""
    page.get_by_label("Code").fill(app.code())
    page.keyboard.press("Enter")
    page.wait_for_url(f"{fresh.url}/users")

    page.get_by_role("button", name="Sign out").click()
    password(page, fresh)
    page.get_by_label("Code").fill(codes[3])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{fresh.url}/users")
    page.goto(f"{fresh.url}/me")
    expect(page.locator("main")).to_contain_text("9 recovery codes left")

    page.goto(f"{fresh.url}/confirm?next=/administrators")
    look(page, "confirm")
    page.get_by_label(f"Password of {USER_NAME}").fill(PASSWORD)
    page.get_by_label("Code").fill(codes[4])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{fresh.url}/administrators")
    page.goto(f"{fresh.url}/me/second-factor")
    look(page, "on")
    page.get_by_role("button", name="Turn off 2FA").click()
    page.wait_for_url(f"{fresh.url}/me")
    expect(page.locator("main")).to_contain_text("Off.")
    assert fresh.stop() == 0


def test_it_works_without_a_script(new_appliance, chromium: Browser):
    fresh = new_appliance().start()
    set_up(fresh)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in_plainly(page, fresh)
    page.goto(f"{fresh.url}/me/second-factor")
    page.get_by_role("button", name="Set up an authenticator app").click()
    app = Authenticator(page.locator("#secret").inner_text())
    page.get_by_label("Code").fill(app.code())
    page.get_by_role("button", name="Turn on 2FA").click()
    assert len(page.locator("#recovery-codes").inner_text().split()) == 10
    page.get_by_role("button", name="Sign out").click()
    sign_in_plainly(page, fresh)
    page.get_by_label("Code").fill(app.code())
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{fresh.url}/")
    context.close()
    assert fresh.stop() == 0


def sign_in_plainly(page: Page, appliance: Appliance) -> None:
    page.goto(f"{appliance.url}/login")
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_operators_by_their_page(new_appliance, page: Page):
    fresh = new_appliance().start()
    set_up(fresh)
    sign_in(page, fresh)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Administrators").click()
    page.locator("summary", has_text="Add administrator").click()
    page.get_by_label("User name").fill("ada")
    page.locator("select#role").select_option("viewer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (repeat)").fill("something else")
    page.get_by_role("button", name="Add administrator").click()
    expect(page.get_by_role("alert")).to_contain_text("passwords differ")
    assert page.get_by_label("User name").input_value() == "ada"
    assert page.locator("select#role").input_value() == "viewer"
    assert page.get_by_label("Password", exact=True).input_value() == ""
    look(page, "operators-refused")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (repeat)").fill(PASSWORD)
    page.get_by_role("button", name="Add administrator").click()
    follow(page.get_by_role("link", name="ada"))
    look(page, "operator")
    page.locator("select#role").select_option("owner")
    page.get_by_role("button", name="Change role").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("button", name="Enable administrator")).to_be_visible()
    follow(page.get_by_role("link", name="Administrators").first)
    look(page, "operators")
    page.get_by_role("link", name=USER_NAME, exact=True).last.click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("alert")).to_contain_text("last active owner")
    page.goto(f"{fresh.url}/administrators")
    page.get_by_role("link", name="ada").click()
    follow(page.get_by_role("link", name="Delete administrator"))
    look(page, "delete")
    page.get_by_role("button", name="Delete administrator now").click()
    expect(page.get_by_role("link", name="ada")).to_have_count(0)
    assert fresh.stop() == 0
