"""This module walks through a page by the Tab key and tells which controls it missed, and where the focus was not seen.

See also: survey.py (the pages), test_keyboard.py (what may be missed).
"""

from playwright.sync_api import Page

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
THIN = """() => {
  const isTold = (name) => ["class", "name", "role", "type", "hidden", "disabled", "tabindex"].includes(name);
  const attributes = (one) => [...one.attributes].map(({ name, value }) => isTold(name) ? name + value : name);
  const hasText = (one) => one.textContent.trim() !== "";
  const shape = (one) => [one.tagName, ...attributes(one), hasText(one), ...[...one.children].map(shape), ")"].join();
  for (const list of document.querySelectorAll("main tbody, main ul, main ol")) {
    if (list.closest("[data-live-always]")) continue;
    const known = new Set();
    for (const row of [...list.children]) {
      if (known.has(shape(row))) row.remove();
      known.add(shape(row));
    }
  }
  return shape(document.getElementById("main"));
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


def tab_through(page: Page, known: set[str]) -> tuple[list[str], list[str]]:
    """Press Tab until every control had the focus. Return those that it missed, and those whose focus is not seen.

    Only one stays of the rows of a list that are the same but for their words and addresses. A header or a main part of
    which `known` has the same is passed over; new ones are added to it.
    """
    header, main = page.evaluate(HEADER), page.evaluate(THIN)
    given = {"controls": CONTROLS, "isWhole": header not in known}
    if {header, main} <= known:
        return [], []
    known |= {header, main}
    page.evaluate(WATCH, CONTROLS)
    if not given["isWhole"]:
        page.evaluate(PASS_OVER)
    for _ in range(page.evaluate(KEYS, given)):
        page.keyboard.down("Tab")
    for _ in range(MORE_KEYS):
        if page.evaluate(MISSED, given):
            page.keyboard.down("Tab")
    page.keyboard.up("Tab")
    return page.evaluate(MISSED, given), page.evaluate("unseen")
