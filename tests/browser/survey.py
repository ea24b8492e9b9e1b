"""One visit to each page, and what was seen there: tests read it, so that a page is loaded once for all of them.

Not here: what may be seen (test_pages_in_browser.py, test_axe.py), and which pages there are (walk.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Scheme = Literal["light", "dark"]
NARROW_PX = 360
DESK_PX = 1200
WIDTHS_PX = {"360 px": NARROW_PX, "200 %": DESK_PX // 2}
"""A page that is enlarged to 200 % has half of the width to stand in (WCAG 2.2, 1.4.10)."""

UNFOLD = "document.querySelectorAll('main details').forEach((one) => { one.open = true; })"
LOOK = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const painted = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !element.checkVisibility() || element.closest(".unseen, .skip, svg")) continue;
    const above = ["white"];
    for (let one = element; one; one = one.parentElement) above.splice(1, 0, getComputedStyle(one).backgroundColor);
    texts.push([words.slice(0, 40), painted([...above, getComputedStyle(element).color]), painted(above)]);
  }
  const all = [...document.querySelectorAll("*")];
  const fields = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")];
  return {
    texts,
    attributes: [...new Set(all.flatMap((one) => one.getAttributeNames()))],
    sources: all.map((one) => one.src || one.href).filter((one) => typeof one === "string" && one),
    scripts: document.scripts.length,
    pictures: document.querySelectorAll("main img").length - document.querySelectorAll(".prose img").length,
    nameless: fields.filter((one) => !one.labels.length).map((one) => one.outerHTML),
    headings: document.querySelectorAll("h1").length,
    mains: document.querySelectorAll("main").length,
    language: document.documentElement.lang,
  };
}"""
ON_PAPER = """() => {
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  const scrolls = (one) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX);
  const cut = shown("main *").filter((one) => one.scrollWidth > one.clientWidth + 1 && scrolls(one));
  return [...shown("button, .button, header nav, input"), ...cut].map((one) => one.outerHTML.slice(0, 80));
}"""


@dataclass(frozen=True)
class Seen:
    """One page as it was seen. By colour scheme: axe's objections, and what LOOK gives. By screen: how wide it became.

    `out_of_place`: elements that paper cannot use or would cut off.
    """

    address: str
    objections: dict[Scheme, list[str]]
    looks: dict[Scheme, dict[str, Any]]
    widths_px: dict[str, int]
    out_of_place: list[str]


def objections(page: Page) -> list[str]:
    """What any rule of axe says, also those that are only good practice: rule and element."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def objected(seen: Iterable[Seen]) -> dict[str, list[str]]:
    """What axe says, by page and colour scheme; only where it says something."""
    found = {f"{one.address}, {scheme}": said for one in seen for scheme, said in one.objections.items()}
    return {page: said for page, said in found.items() if said}


def survey(page: Page, url: str, addresses: Iterable[str]) -> Iterator[Seen]:
    """See each address in each way, all of it: what is folded is unfolded. Nothing moves while it is looked at."""
    for address in addresses:
        page.emulate_media(media="screen", color_scheme="light", reduced_motion="reduce")
        page.goto(url + address)
        page.evaluate(UNFOLD)
        widths_px = {name: _width_px(page, width_px) for name, width_px in WIDTHS_PX.items()}
        page.emulate_media(media="print")
        out_of_place = page.evaluate(ON_PAPER)
        page.emulate_media(media="screen")
        said: dict[Scheme, list[str]] = {}
        looks: dict[Scheme, dict[str, Any]] = {}
        for scheme in get_args(Scheme):
            page.emulate_media(color_scheme=scheme)
            said[scheme], looks[scheme] = objections(page), page.evaluate(LOOK)
        yield Seen(address, said, looks, widths_px, out_of_place)


def _width_px(page: Page, width_px: int) -> int:
    """How wide the page becomes on a screen of this width."""
    page.set_viewport_size({"width": width_px, "height": 740})
    try:
        return int(page.evaluate("document.documentElement.scrollWidth"))
    finally:
        page.set_viewport_size({"width": DESK_PX, "height": 800})
