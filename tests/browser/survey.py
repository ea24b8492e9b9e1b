"""One visit to each page, and what was seen there: tests read it, so that a page is loaded once for all of them.

Not here: what may be seen (test_pages_in_browser.py, test_axe.py), and which pages there are (walk.py).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

from tests.browser.tabbing import THIN

Scheme = Literal["light", "dark"]
NARROW_PX = 360
DESK_PX = 1200
WIDTHS_PX = {"360 px": NARROW_PX, "200 %": DESK_PX // 2}
"""A page that is enlarged to 200 % has half of the width to stand in (WCAG 2.2, 1.4.10)."""

UNFOLD = "document.querySelectorAll('main details').forEach((one) => { one.open = true; })"
LOOK = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const painted = (colors) => {
    const key = colors.join();
    if (!known.has(key)) {
      canvas.clearRect(0, 0, 1, 1);
      for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
      known.set(key, [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
    }
    return known.get(key);
  };
  const grounds = new Map([[null, ["white"]]]);
  const ground = (one) => {
    if (!grounds.has(one)) grounds.set(one, [...ground(one.parentElement), getComputedStyle(one).backgroundColor]);
    return grounds.get(one);
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !element.checkVisibility() || element.closest(".unseen, .skip, svg")) continue;
    const under = ground(element);
    texts.push([words.slice(0, 40), painted([...under, getComputedStyle(element).color]), painted(under)]);
  }
  const all = [...document.querySelectorAll("*")];
  const fields = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")];
  const ids = all.map((one) => one.id).filter(Boolean);
  return JSON.stringify({
    texts,
    repeated: ids.filter((id, place) => ids.indexOf(id) !== place),
    attributes: [...new Set(all.flatMap((one) => one.getAttributeNames()))],
    sources: all.map((one) => one.src || one.href).filter((one) => typeof one === "string" && one),
    scripts: document.scripts.length,
    pictures: document.querySelectorAll("main img").length - document.querySelectorAll(".prose img").length,
    nameless: fields.filter((one) => !one.labels.length).map((one) => one.outerHTML),
    headings: document.querySelectorAll("h1").length,
    mains: document.querySelectorAll("main").length,
    language: document.documentElement.lang,
  });
}"""
"""Gives JSON: Playwright takes longer to pass a thousand values than the page to find them."""
ON_PAPER = """() => {
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  const scrolls = (one) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX);
  const cut = shown("main *").filter((one) => one.scrollWidth > one.clientWidth + 1 && scrolls(one));
  return [...shown("button, .button, header nav, input"), ...cut].map((one) => one.outerHTML.slice(0, 80));
}"""

AXE = """async ({ isOnlyColor, known, enough }) => {
  const digest = (text) => {
    let [low, high] = [0xdeadbeef, 0x41c6ce57];
    for (let at = 0; at < text.length; at++) {
      low = Math.imul(low ^ text.charCodeAt(at), 2654435761);
      high = Math.imul(high ^ text.charCodeAt(at), 1597334677);
    }
    return (high >>> 0).toString(36) + (low >>> 0).toString(36);
  };
  const properties = ["color", "backgroundColor", "backgroundImage", "opacity", "fontSize", "fontWeight", "textShadow",
    "display", "visibility", "position", "filter", "mixBlendMode"];
  const digests = new Map([[null, `${innerWidth}`]]);
  const paint = (one) => {
    if (!digests.has(one)) {
      const look = getComputedStyle(one);
      const own = properties.map((name) => look[name]);
      const text = [paint(one.parentElement), one.tagName, one.className, one.type, one.disabled, ...own].join();
      digests.set(one, digest(text));
    }
    return digests.get(one);
  };
  const isAmongText = (link) => {
    const block = link.closest("p, li, td, th, dd, dt, div, section, main, body");
    const length = (one) => one.textContent.replace(/\\s+/g, "").length;
    return length(block) > [...block.querySelectorAll("a")].reduce((sum, one) => sum + length(one), 0);
  };
  const kind = (one) => paint(one) + (one.matches("a[href]") && isAmongText(one) ? "t" : "");
  const hasText = (one) => one.matches("input, select, textarea")
    || [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const times = new Map(known.split(" ").map((kind) => [kind, enough]));
  const isNew = (one) => {
    const count = times.get(kind(one)) ?? 0;
    times.set(kind(one), count + 1);
    return count < enough;
  };
  const candidates = [...document.querySelectorAll("body *")].filter((one) => one.matches("a[href]") || hasText(one));
  const unjudged = candidates.filter(isNew);
  if (isOnlyColor && !unjudged.length) return { found: [], judged: "" };
  for (const one of unjudged) one.dataset.unjudged = "";
  const selectors = { "color-contrast": "[data-unjudged]", "link-in-text-block": "a[href][data-unjudged]" };
  axe.configure({ rules: Object.entries(selectors).map(([id, selector]) => ({ id, selector })) });
  const only = isOnlyColor ? { runOnly: Object.keys(selectors) } : {};
  const { violations } = await axe.run({ resultTypes: ["violations"], preload: false, ...only });
  for (const one of unjudged) delete one.dataset.unjudged;
  const cleared = (html) => html.replaceAll(' data-unjudged=""', "");
  return {
    found: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${cleared(html).slice(0, 120)}`)),
    judged: [...new Set(unjudged.map(kind))].join(" "),
  };
}"""
AXE_SOURCE = Axe().axe_script
ENOUGH = 2
"""So many elements of a page that are painted alike are judged."""
_judged: set[str] = set()
"""How elements were painted to whose contrast axe had no objection, each with all that it lies in."""


@dataclass(frozen=True)
class Seen:
    """One page as it was seen. By color scheme: axe's objections, and what LOOK gives. By screen: how wide it became.

    `out_of_place`: elements that paper cannot use or would cut off. `missed`, `unseen`: what tab_through
    gives, where a test asks for it.
    """

    address: str
    objections: Mapping[Scheme, list[str]]
    looks: Mapping[Scheme, dict[str, Any]]
    widths_px: dict[str, int]
    out_of_place: list[str]
    missed: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def follow(link: Locator) -> None:
    """Click a link and wait until the page it leads to is loaded: a look must not begin on the page that goes away."""
    with link.page.expect_navigation():
        link.click()


def objections(page: Page, is_only_color: bool = False) -> list[str]:
    """Return what any rule of axe objects to, also those that are only good practice: rule and element.

    The contrast of elements that are painted alike, and lie in elements that are, is judged once: it is most of axe's
    work. `is_only_color`: only the rules on colors, for a page that is known in another color scheme.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SOURCE)
    answer = page.evaluate(AXE, {"isOnlyColor": is_only_color, "known": " ".join(_judged), "enough": ENOUGH})
    if not answer["found"]:
        _judged.update(answer["judged"].split())
    return list(answer["found"])


def objected(seen: Iterable[Seen]) -> dict[str, list[str]]:
    """What axe says, by page and color scheme; only where it says something."""
    found = {f"{one.address}, {scheme}": said for one in seen for scheme, said in one.objections.items()}
    return {page: said for page, said in found.items() if said}


def objected_in_both(page: Page) -> dict[Scheme, list[str]]:
    """Return what axe objects to by color scheme. In the dark only the colors differ."""
    found: dict[Scheme, list[str]] = {}
    for scheme in get_args(Scheme):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found[scheme] = objections(page, is_only_color=scheme == "dark")
    return found


def unfolded(page: Page, url: str, addresses: Iterable[str]) -> Iterator[str]:
    """Open each address with all that is folded unfolded, and axe ready."""
    page.add_init_script(AXE_SOURCE)
    for address in addresses:
        page.goto(url + address)
        page.evaluate(UNFOLD)
        yield address


def survey(page: Page, url: str, addresses: Iterable[str]) -> Iterator[Seen]:
    """See each address in each way, all of it. Nothing moves while it is looked at; axe sees no row twice."""
    page.emulate_media(media="screen", color_scheme="light", reduced_motion="reduce")
    for address in unfolded(page, url, addresses):
        widths_px = {name: _width_px(page, width_px) for name, width_px in WIDTHS_PX.items()}
        page.set_viewport_size({"width": DESK_PX, "height": 800})
        page.emulate_media(media="print")
        out_of_place = page.evaluate(ON_PAPER)
        page.emulate_media(media="screen")
        looks: dict[Scheme, dict[str, Any]] = {"light": json.loads(page.evaluate(LOOK))}
        page.emulate_media(color_scheme="dark")
        looks["dark"] = json.loads(page.evaluate(LOOK))
        page.evaluate(THIN)
        said: dict[Scheme, list[str]] = {"dark": objections(page, is_only_color=True)}
        page.emulate_media(color_scheme="light")
        said["light"] = objections(page)
        yield Seen(address, said, looks, widths_px, out_of_place)


def _width_px(page: Page, width_px: int) -> int:
    """Return how wide the page becomes on a screen of this width."""
    page.set_viewport_size({"width": width_px, "height": 740})
    return int(page.evaluate("document.documentElement.scrollWidth"))
