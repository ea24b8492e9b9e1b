"""The console by keyboard alone: everything is reached, the focus is seen, the shortcuts lead where they say."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import open_session, sign_in
from tests.conftest import Appliance

CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"

WATCH = """(controls) => {
  window.reached = new Set();
  window.unseen = [];
  addEventListener("focusin", ({ target }) => {
    if (!target.matches(controls)) return;
    reached.add(target);
    const look = getComputedStyle(target);
    const box = target.getBoundingClientRect();
    const isSeen = look.outlineStyle !== "none" && box.width > 0 && box.bottom > 0 && box.top < innerHeight;
    if (!isSeen) unseen.push(target.outerHTML.slice(0, 80));
  });
}"""
IS_WANTED = """(one) => one.checkVisibility() && !one.disabled && !(one.type === "radio"
  && document.querySelector(`[name="${one.name}"]:checked`) !== one)"""
ALIKE = 2
"""So many rows of a list stay that are the same but for their words and addresses."""
THIN = """(alike) => {
  const isTold = (name) => ["class", "name", "role", "type", "hidden", "disabled", "tabindex"].includes(name);
  const attributes = (one) => [...one.attributes].map(({ name, value }) => isTold(name) ? name + value : name);
  const shape = (one) => [one.tagName, ...attributes(one), "(", ...[...one.children].map(shape), ")"].join();
  for (const list of document.querySelectorAll("main tbody, main ul, main ol")) {
    if (list.closest("[data-live-always]")) continue;
    const times = new Map();
    for (const row of [...list.children]) {
      const count = times.get(shape(row)) ?? 0;
      times.set(shape(row), count + 1);
      if (count >= alike) row.remove();
    }
  }
}"""
HEADER = """() => document.querySelector("header").outerHTML.replace(/ value="[^"]*"/g, "").replace(/[0-9]+/g, "")"""
# The header of the page is passed over where it is known: the next key leads into the content.
PASS_OVER = "document.getElementById('main').focus()"
WANTED = f"""({{ controls, isWhole }}) => [...document.querySelectorAll(controls)].filter({IS_WANTED})
  .filter((one) => isWhole || !one.closest("header, .skip"))"""
# A field for a moment has a stop for each of its parts.
KEYS = f"(given) => ({WANTED})(given).reduce((sum, one) => sum + (one.type === 'datetime-local' ? 9 : 1), 0)"
MISSED = f"(given) => ({WANTED})(given).filter((one) => !reached.has(one)).map((one) => one.outerHTML.slice(0, 80))"
MORE_KEYS = 5
"""A few stops are no controls, as a table that scrolls."""
INSIDE = ("shortcuts", "the browser itself")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_everything_is_reached_and_the_focus_is_seen(page: Page, furnished: Appliance, walked: list[str]):
    """Each kind of row in a list, and each header, which differ by the page that they mark: one of a kind is enough."""
    open_session(page, furnished)
    headers: set[str] = set()
    for address in walked:
        page.goto(furnished.url + address)
        header = page.evaluate(HEADER)
        given = {"controls": CONTROLS, "isWhole": header not in headers}
        headers.add(header)
        page.evaluate(THIN, ALIKE)
        page.evaluate(WATCH, CONTROLS)
        if not given["isWhole"]:
            page.evaluate(PASS_OVER)
        for _ in range(page.evaluate(KEYS, given)):
            page.keyboard.down("Tab")
        for _ in range(MORE_KEYS):
            if page.evaluate(MISSED, given):
                page.keyboard.down("Tab")
        page.keyboard.up("Tab")
        assert page.evaluate(MISSED, given) == [], address
        assert page.evaluate("unseen") == [], address


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
    opener = page.get_by_role("button", name="Keyboard shortcuts")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("u")
    assert page.url == f"{furnished.url}/", "keys lead nowhere while the list is open"
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
