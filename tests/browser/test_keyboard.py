"""The console by keyboard alone: everything is reached, the focus is seen, the shortcuts lead where they say."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import open_session, sign_in
from tests.browser.survey import Seen
from tests.browser.tabbing import tab_through
from tests.conftest import Appliance

INSIDE = ("shortcuts", "the browser itself")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_everything_is_reached_and_the_focus_is_seen(seen: list[Seen]):
    assert {one.address: one.missed for one in seen if one.missed} == {}
    assert {one.address: one.unseen for one in seen if one.unseen} == {}


def test_a_control_out_of_reach_and_a_focus_that_is_not_seen_would_be_told(page: Page, furnished: Appliance):
    page.goto(f"{furnished.url}/login")
    page.evaluate("""() => {
      const main = document.querySelector("main");
      main.insertAdjacentHTML("beforeend", "<button tabindex=-1>A</button><button>B</button>");
      main.lastElementChild.style.outline = "none";
    }""")
    missed, unseen = tab_through(page, set())
    assert missed == ['<button tabindex="-1">A</button>']
    assert set(unseen) == {'<button style="outline: none;">B</button>'}


def test_the_first_key_skips_the_menu(page: Page, furnished: Appliance):
    sign_in(page, furnished)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert focused(page) == "main"


def test_every_shortcut_leads_where_the_list_says(page: Page, furnished: Appliance):
    open_session(page, furnished)
    page.goto(f"{furnished.url}/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    listed = page.locator("dialog .shortcuts > div")
    shortcuts = {one.locator("dt").inner_text(): one.locator("dd").inner_text() for one in listed.all()}
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    ways = {keys: name for keys, name in shortcuts.items() if keys.startswith("g ")}
    assert len(ways) >= 4
    for keys, name in ways.items():
        page.goto(f"{furnished.url}/help")
        link = page.get_by_role("navigation", name="Pages").get_by_role("link", name=re.compile(rf"^{name}\b"))
        address = furnished.url + str(link.get_attribute("href"))
        for key in keys.split():
            page.keyboard.press(key)
        page.wait_for_url(address)


def test_the_list_of_shortcuts_opens_and_closes(page: Page, furnished: Appliance):
    sign_in(page, furnished)
    page.goto(f"{furnished.url}/help")
    opener = page.get_by_role("button", name="Keyboard shortcuts")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("u")
    assert page.url == f"{furnished.url}/help", "keys lead nowhere while the list is open"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('dialog, body').id || 'the browser itself'") in INSIDE
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_keys_do_nothing_while_somebody_types(page: Page, furnished: Appliance):
    open_session(page, furnished)
    page.goto(f"{furnished.url}/users")
    page.keyboard.press("/")
    assert focused(page) == "everywhere"
    page.keyboard.type("g u ? /")
    assert page.locator("#everywhere").input_value() == "g u ? /"
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.locator("main").focus()
    page.keyboard.press("Control+g")
    page.keyboard.press("g")
    page.keyboard.press("x")
    page.keyboard.press("u")
    assert page.url == f"{furnished.url}/users", "only the two keys, one right after the other"
