"""The pages as people meet them: hostile names, a keyboard, a narrow or dark screen, no script, paper."""

import socket

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import launch, sign_in
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "\"'><img src=x onerror=alert(1)>",
    "long": "x" * 300,
    "right to left": "مرحبا بالعالم",
    "emoji": "👩‍🚀 Åsa",
    "template": "{{ 7 * 7 }}",
    "link": "javascript:alert(1)",
}
PATHS = ("/", "/account", "/users", "/users?q=zzzz", "/groups", "/nothing")


@pytest.fixture(scope="session")
def people(furnished: Appliance) -> dict[str, str]:
    """A user for each hostile name, and all of them in one group; their paths by what is hostile about them."""
    paths = {}
    for n, (kind, name) in enumerate(HOSTILE.items()):
        body = {"userName": f"hostile{n}@recnice.example", "displayName": name, "title": name, "active": True}
        paths[kind] = f"/users/{furnished.request('POST', '/scim/Users', body).json['id']}"
    members = [{"value": path.removeprefix("/users/")} for path in paths.values()]
    group = {"displayName": HOSTILE["script"], "members": [*members, {"value": "<b>unknown</b>"}]}
    paths["group"] = f"/groups/{furnished.request('POST', '/scim/Groups', group).json['id']}"
    return paths


def test_hostile_names_are_shown_as_text(page: Page, furnished: Appliance, people: dict[str, str]):
    sign_in(page, furnished)
    for kind, name in HOSTILE.items():
        page.goto(furnished.url + people[kind])
        assert page.locator("h1").inner_text() == name
        assert page.title().startswith(name)
    page.goto(f"{furnished.url}/users")
    listed = page.locator("tbody td:nth-child(2) bdi").all_text_contents()
    assert set(HOSTILE.values()) <= set(listed)
    page.goto(furnished.url + people["group"])
    members = page.locator(".members a").all_text_contents()
    assert set(members) == set(HOSTILE.values())
    assert "<b>unknown</b>" in page.locator(".members").inner_text()
    page.goto(f"{furnished.url}/users?q=%3Cscript%3E%22%27")
    assert page.get_by_role("searchbox").input_value() == "<script>\"'"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_a_narrow_screen(page: Page, furnished: Appliance, people: dict[str, str], scheme: str):
    sign_in(page, furnished)
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in (*PATHS, *people.values()):
        page.goto(furnished.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def luminance(color: list[float]) -> float:
    """WCAG 2's relative luminance of 8-bit sRGB."""
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


COLORS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const painted = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const words = texts.currentNode.textContent.trim();
    if (!words || !element.checkVisibility() || element.closest(".unseen, .skip")) continue;
    const grounds = ["white"];
    const above = [];
    for (let one = element; one; one = one.parentElement) above.unshift(getComputedStyle(one).backgroundColor);
    const ground = painted([...grounds, ...above]);
    const text = painted([...grounds, ...above, getComputedStyle(element).color]);
    found.push([words.slice(0, 40), text, ground]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Page, furnished: Appliance, people: dict[str, str], scheme: str):
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    sign_in(page, furnished)
    page.goto(f"{furnished.url}/account")
    stop = str(page.get_by_role("link", name="Stop").get_attribute("href"))
    grounds = set()
    for path in (*PATHS, stop, people["emoji"], people["group"]):
        page.goto(furnished.url + path)
        for text, color, ground in page.evaluate(COLORS):
            light, dark = sorted((luminance(color), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (path, text, color, ground)
            grounds.add(luminance(ground) > 0.5)
    assert (scheme == "light") in grounds
    page.goto(f"{furnished.url}/login")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")


def test_everything_is_reached_by_keyboard(page: Page, furnished: Appliance, people: dict[str, str]):
    sign_in(page, furnished)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.goto(f"{furnished.url}/users")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("emoji/none")
    assert page.get_by_role("searchbox").input_value() == "emoji/none"
    page.goto(f"{furnished.url}/account")
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary')]"
        ".filter((one) => one.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted + 10):
        page.keyboard.press("Tab")
        is_control, number, has_outline = page.evaluate(
            "(() => { const one = document.activeElement; return ["
            "one.matches('a[href], button, input, summary'), [...document.querySelectorAll('*')].indexOf(one),"
            "getComputedStyle(one).outlineStyle !== 'none'] })()"
        )
        if is_control:
            assert has_outline, number
            reached.add(number)
    assert len(reached) == wanted


def test_every_field_and_region_has_a_name(page: Page, furnished: Appliance, people: dict[str, str]):
    sign_in(page, furnished)
    for path in (*PATHS, people["group"]):
        page.goto(furnished.url + path)
        nameless = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
            ".filter((one) => !one.labels.length).length"
        )
        assert nameless == 0, path
        assert page.locator("h1").count() == 1, path
        assert page.get_by_role("main").count() == 1, path
        assert page.evaluate("document.documentElement.lang") == "en"


def test_times_become_the_readers_own(chromium: Browser, furnished: Appliance, people: dict[str, str]):
    context = chromium.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    sign_in(page, furnished)
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


def test_it_works_without_a_script(chromium: Browser, furnished: Appliance):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{furnished.url}/account")
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#tenant-url")).to_have_text(f"{furnished.url}/scim/")
    assert page.get_by_role("button", name="Copy").count() == 0
    expect(page.locator("time").first).to_contain_text("UTC")
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


def test_paper_has_no_buttons(page: Page, furnished: Appliance):
    sign_in(page, furnished)
    page.goto(f"{furnished.url}/account")
    page.emulate_media(media="print")
    assert not [button for button in page.get_by_role("button").all() if button.is_visible()]
    expect(page.locator("#tenant-url")).to_be_visible()
