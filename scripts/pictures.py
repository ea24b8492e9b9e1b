"""The pictures in docs/pictures, taken of a running appliance in real Chromium, light and dark: `make pictures`.

It starts the appliance on a temporary folder, walks through the first run, lets a made-up company live in it, sets up
who may come in, and photographs every page. Not here: the company (made_up_company.py), who may come in
(made_up_access.py), and how time is made (shifted_clock.py).
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, ProxySettings, Route, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import made_up_access, made_up_company  # noqa: E402
from scripts.made_up_access import Provider  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1200, "height": 800}
TALLEST = 1_000
END = "Math.max(...[...document.body.children].map((one) => one.getBoundingClientRect().bottom + scrollY))"
MARGIN = 16
COLORS = 128  # they travel in the executable, so they are small
FOLDER = "/var/lib/recnice-scim"
# The temporary folder's name is nobody's business.
TELL_FOLDER = """told => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const real = /\\S*\\/recnice-\\w+\\/recnice\\b/;
    while (walk.nextNode()) walk.currentNode.data = walk.currentNode.data.replace(real, told);
}"""
PASSWORD = "an honest long password"
# As behind a reverse proxy; Chromium keeps secure cookies on this machine's own address also without TLS.
PUBLIC_URL = "https://scim.example.com"
ENTRA = "20.190.128.7"
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--lang=en-GB")


@dataclass(frozen=True)
class Appliance:
    """A running one: where it listens, its setup link's path, and the file that its clock is told by."""

    address: str
    setup_path: str
    shift: Path

    def tell_time(self, seconds: float) -> None:
        written = self.shift.with_suffix(".new")
        written.write_text(str(seconds))
        written.replace(self.shift)

    def sender(self, key: str, address: str = ENTRA) -> made_up_company.Send:
        def send(method: str, path: str, body: Any) -> dict[str, Any]:
            connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=30)
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/scim+json"}
            headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": address}
            connection.request(method, f"/scim{path}", json.dumps(body) if body else None, headers)
            text = connection.getresponse().read()
            connection.close()
            answer: dict[str, Any] = json.loads(text) if text else {}
            return answer

        return send


def main() -> None:
    """Take every picture of the documents."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recnice-")))
        playwright = stack.enter_context(sync_playwright())
        provider = stack.enter_context(made_up_access.provider(folder))
        running = stack.enter_context(appliance(folder, provider))
        chromium = shutil.which("chromium-headless-shell")
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM))
        page = first_page(browser, running)
        key = first_run(page, running)
        company = made_up_company.Company(running.sender(key), running.tell_time)
        company.live()
        take(browser, running, CALM)
        company.stumble()
        take(browser, running, PAGES)
        made_up_access.set_up(signed_in(browser, running), provider, running.sender)
        take(browser, running, ACCESS, "sign-in-with-provider")
        take_profile(browser, running, provider)
        browser.close()


@contextmanager
def appliance(folder: Path, provider: Provider) -> Iterator[Appliance]:
    """One on a free port that reaches the provider, with a clock that stands at the time of the first cycle."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    shift = folder / "shift"
    shift.write_text(str(-made_up_company.LAST_CYCLE_S - made_up_company.CYCLES * made_up_company.CYCLE_S))
    command = [sys.executable, str(ROOT / "scripts" / "shifted_clock.py"), str(shift), "serve"]
    command += ["--data", str(folder / "recnice"), "--listen", listen]
    command += ["--public-url", PUBLIC_URL, "--trusted-proxy", "127.0.0.1", "--ca-file", str(provider.ca_file)]
    environment = {**os.environ, **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), provider.proxy), "NO_PROXY": ""}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert process.stdout is not None
        link = next(line.strip() for line in process.stdout if line.startswith(PUBLIC_URL + "/setup?code="))
        yield Appliance(f"http://{listen}", link.removeprefix(PUBLIC_URL), shift)
    finally:
        process.terminate()
        process.wait()


def first_page(browser: Browser, running: Appliance, scheme: str = "light", proxy: ProxySettings | None = None) -> Page:
    """Return a page of a new browser context, with no session."""
    context = browser.new_context(
        proxy=proxy,
        ignore_https_errors=proxy is not None,
        viewport=SIZE,
        locale="en-GB",
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",  # a color on its way to another is not photographed
        base_url=running.address,
    )
    return context.new_page()


def first_run(page: Page, running: Appliance) -> str:
    """Make the operator and a key, in the pictures of which nothing has happened yet; gives the key."""
    page.goto(running.setup_path)
    photograph(page, "setup")
    page.get_by_label("User name").fill("eva")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main button").first.click()
    page.wait_for_url("**/account")
    page.goto("/")
    photograph(page, "status-empty")
    page.goto("/account")
    page.get_by_role("button", name="Create key").click()
    page.locator("#scim-key").wait_for()
    photograph(page, "account")
    page.emulate_media(color_scheme="dark")
    photograph(page, "account-dark")
    return page.locator("#scim-key").inner_text()


def take(
    browser: Browser, running: Appliance, pages: Mapping[str, Callable[[Page], None]], way_in: str = "sign-in"
) -> None:
    """These pages in both color schemes, and the one where people sign in under the name `way_in`."""
    for scheme, ending in SCHEMES.items():
        page = signed_in(browser, running, scheme, f"{way_in}{ending}")
        for name, go in pages.items():
            go(page)
            photograph(page, f"{name}{ending}")
        page.context.close()


def signed_in(browser: Browser, running: Appliance, scheme: str = "light", way_in: str = "") -> Page:
    """The operator's window; the page before it is photographed where that has a name."""
    page = first_page(browser, running, scheme)
    page.goto("/login")
    if way_in:
        photograph(page, way_in)
    if (other := page.get_by_text("Sign in as administrator")).count():
        other.click()
    page.get_by_label("User name").fill("eva")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{running.address}/")
    return page


def take_profile(browser: Browser, running: Appliance, provider: Provider) -> None:
    """Somebody who is not provisioned is refused, which the audit shows; what somebody who is sees of themselves."""
    for scheme, ending in SCHEMES.items():
        page = first_page(browser, running, scheme, {"server": provider.proxy, "bypass": "127.0.0.1"})
        page.context.route(f"{PUBLIC_URL}/**", lambda route: route.fulfill(status=302, headers=_home(route, running)))
        provider.be("Noor Bakker", "noor.bakker@example.com")
        made_up_access.come_in(page)
        provider.be("Ana Ruiz", "ana.ruiz@example.com", made_up_company.object_id("Ana.Ruiz@example.com"))
        made_up_access.come_in(page)
        page.wait_for_url("**/me")
        photograph(page, f"profile{ending}")
        page.context.close()
        page = signed_in(browser, running, scheme)
        page.goto("/audit")
        photograph(page, f"audit{ending}")
        page.context.close()


def _home(route: Route, running: Appliance) -> dict[str, str]:
    """What a reverse proxy would do: the public address leads to the appliance."""
    return {"Location": route.request.url.replace(PUBLIC_URL, running.address)}


def _to(address: str, *then: str) -> Callable[[Page], None]:
    """Go to an address, then follow links by their words."""

    def go(page: Page) -> None:
        page.goto(address)
        for words in then:
            page.get_by_role("main").get_by_role("link", name=words).first.click()
            page.wait_for_load_state()

    return go


CALM: Mapping[str, Callable[[Page], None]] = {"status": _to("/")}
PAGES: Mapping[str, Callable[[Page], None]] = {
    "problems": _to("/problems"),
    "problem": _to("/problems?kind=user-name-taken", "Details"),
    "activity": _to("/activity"),
    "events": _to("/activity?view=events"),
    "users": _to("/users"),
    "user": _to("/users?q=Ana+Ruiz", "Ana Ruiz"),
    "history": _to("/users?q=Ana+Ruiz", "Ana Ruiz", "History"),
    "groups": _to("/groups"),
    "group": _to("/groups?q=Legal", "Legal"),
    "attributes": _to("/attributes"),
    "search": _to("/search?q=le"),
    "help": _to("/help"),
}
ACCESS: Mapping[str, Callable[[Page], None]] = {
    "key-rotation": _to("/account"),
    "oauth": _to("/oauth"),
    "ip-allow-list": _to("/ip-allow-list"),
    "single-sign-on": _to("/single-sign-on"),
    "roles-preview": made_up_access.preview_roles,
    "administrators": _to("/administrators"),
}
SCHEMES = {"light": "", "dark": "-dark"}
"""Their endings in the names of files."""


def photograph(page: Page, name: str) -> None:
    """The page from its top, as long as it is, within a limit."""
    page.evaluate(TELL_FOLDER, FOLDER)
    height = min(int(page.evaluate(END)) + MARGIN, TALLEST)
    clip = {"x": 0, "y": 0, "width": SIZE["width"], "height": height}
    picture = Image.open(BytesIO(page.screenshot(clip=clip, full_page=True)))
    picture.quantize(COLORS, kmeans=1, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
