"""The pages as people meet them: hostile names, a narrow, enlarged or dark screen, no script, paper, a screen reader.

See also: survey.py (the visits), test_keyboard.py (the Tab key on these pages).
"""

import re
import socket
from typing import get_args

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import launch, open_session
from tests.browser.sample_content import HOSTILE
from tests.browser.survey import WIDTHS_PX, Scheme, Seen, objected
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME

_SCRIPT_BUTTON = re.compile(r"<button\b[^>]*\btype=\"button\"[^>]*>")

# --- hostile names ----------------------------------------------------------------------------------------------------


def test_hostile_names_are_shown_as_text(page: Page, furnished: Appliance, people: dict[str, str]):
    open_session(page, furnished)
    for kind, name in HOSTILE.items():
        page.goto(furnished.url + people[kind])
        assert page.locator("h1").inner_text() == name
        assert page.title().startswith(name)
    page.goto(furnished.url + people["group"])
    members = page.locator(".members a").all_text_contents()
    assert set(members) == set(HOSTILE.values())
    assert "<b>unknown</b>" in page.locator(".members").inner_text()
    page.goto(f"{furnished.url}/users?q=%3Cscript%3E%22%27")
    assert page.locator("main input[type=search]").input_value() == "<script>\"'"


def test_nothing_that_somebody_wrote_becomes_a_part_of_a_page(furnished: Appliance, seen: list[Seen]):
    """Nothing loads, runs or leads anywhere but what the console itself says; no element has a style or a script."""
    own = re.compile(rf"{re.escape(furnished.url)}/|https://")
    for page in seen:
        look = page.looks["light"]
        assert look["scripts"] == 1 and look["pictures"] == 0, page.address
        assert not [one for one in look["sources"] if not own.match(one)], page.address
        assert not [one for one in look["attributes"] if one.startswith("on") or one == "style"], page.address


def test_axe_objects_to_nothing(seen: list[Seen]):
    assert objected(seen) == {}


# --- screens and paper ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("screen", WIDTHS_PX)
def test_no_page_scrolls_sideways(seen: list[Seen], screen: str):
    too_wide = {page.address: page.widths_px[screen] for page in seen if page.widths_px[screen] > WIDTHS_PX[screen]}
    assert too_wide == {}


def luminance(color: list[float]) -> float:
    """WCAG 2's relative luminance of 8-bit sRGB."""
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", get_args(Scheme))
def test_every_text_stands_out_from_its_ground(seen: list[Seen], scheme: Scheme):
    for page in seen:
        is_light = []
        for text, color, ground in page.looks[scheme]["texts"]:
            light, dark = sorted((luminance(color), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (page.address, text, color, ground)
            is_light.append(luminance(ground) > 0.5)
        assert (sum(is_light) > len(is_light) / 2) == (scheme == "light"), page.address


def test_both_schemes_show_the_same_texts(seen: list[Seen]):
    """So what axe says of all but colors in the light scheme holds in the dark one."""
    shown = {
        one.address: {tuple(text for text, *_ in one.looks[scheme]["texts"]) for scheme in get_args(Scheme)}
        for one in seen
    }
    assert {address: texts for address, texts in shown.items() if len(texts) > 1} == {}


def test_paper_has_no_buttons_and_nothing_is_cut_off(seen: list[Seen]):
    assert {page.address: page.out_of_place for page in seen if page.out_of_place} == {}


# --- with a keyboard and without a script -----------------------------------------------------------------------------


def test_every_field_has_a_name_every_id_is_there_once_and_every_page_has_one_heading(seen: list[Seen]):
    for page in seen:
        look = page.looks["light"]
        assert look["nameless"] == look["repeated"] == [], page.address
        assert (look["headings"], look["mains"], look["language"]) == (1, 1, "en"), page.address


def test_times_become_the_readers_own(chromium: Browser, furnished: Appliance, people: dict[str, str]):
    context = chromium.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    open_session(page, furnished)
    page.goto(furnished.url + people["emoji"])
    shown = page.locator("time").first
    instant = str(shown.get_attribute("datetime"))
    expected = page.evaluate(
        "(instant) => new Date(instant).toLocaleString('en-GB',"
        " {dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Tokyo'})",
        instant,
    )
    expect(shown).to_have_text(expected)
    expect(shown).to_have_attribute("title", f"{instant[:10]} {instant[11:16]} UTC")
    context.close()


def test_it_works_without_a_script(chromium: Browser, furnished: Appliance, linked_pages: dict[str, dict[str, str]]):
    """One page of each route, and all of it that differ in their buttons for a script."""
    kinds = {
        (route, *_SCRIPT_BUTTON.findall(text)): address
        for route, texts in linked_pages.items()
        for address, text in texts.items()
    }
    assert len(kinds) >= len(linked_pages)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{furnished.url}/account")
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#tenant-url")).to_have_text(f"{furnished.url}/scim/")
    assert page.get_by_role("button", name="Copy").count() == 0
    expect(page.locator("time").first).to_contain_text("UTC")
    for address in kinds.values():
        page.goto(furnished.url + address)
        dead = [one for one in page.locator("button[type=button]").all() if one.is_visible()]
        assert not dead, f"{address}: a button that only a script would use"
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{furnished.url}/login")
    context.close()


def test_copying_on_plain_http(chromium: Browser, furnished: Appliance):
    """Under a name and without TLS, Chromium gives a page no clipboard of the newer kind."""
    name = socket.gethostname().lower()
    browser = launch(chromium.browser_type, f"--host-resolver-rules=MAP {name} 127.0.0.1")
    page = browser.new_page()
    page.goto(f"http://{name}:{furnished.port}/login?next=/account")
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Copy Tenant URL").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard === undefined")
    assert page.evaluate("getSelection().toString()").strip() == f"{furnished.url}/scim/"
    browser.close()
