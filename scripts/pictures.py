"""The pictures in docs/pictures, taken of a running appliance in real Chromium, light and dark: `make pictures`.

It starts the appliance on a temporary folder, walks through the first run, lets a made-up company live in it, and
photographs every page. Not here: the company (made_up_company.py), and how its time is made (told_clock.py).
"""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import made_up_company  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1120, "height": 760}
TALLEST = 1_000
END = "Math.max(...[...document.body.children].map((one) => one.getBoundingClientRect().bottom + scrollY))"
MARGIN = 16
COLOURS = 128  # they travel in the executable, so they are small
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
FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.24"}
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

    def sender(self, key: str) -> made_up_company.Send:
        def send(method: str, path: str, body: Any) -> dict[str, Any]:
            connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=30)
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/scim+json", **FORWARDED}
            connection.request(method, f"/scim{path}", json.dumps(body) if body else None, headers)
            text = connection.getresponse().read()
            connection.close()
            answer: dict[str, Any] = json.loads(text) if text else {}
            return answer

        return send


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    folder = tempfile.TemporaryDirectory(prefix="recnice-")
    with folder as name, sync_playwright() as playwright, appliance(Path(name)) as running:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        page = first_page(browser, running)
        key = first_run(page, running)
        company = made_up_company.Company(running.sender(key), running.tell_time)
        company.live()
        take(browser, running, CALM)
        company.stumble()
        take(browser, running, PAGES)
        browser.close()


@contextmanager
def appliance(folder: Path) -> Iterator[Appliance]:
    """One on a free port, with a clock that stands at the time of the first cycle."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    shift = folder / "shift"
    shift.write_text(str(-made_up_company.LAST_CYCLE_S - made_up_company.CYCLES * made_up_company.CYCLE_S))
    command = [sys.executable, str(ROOT / "scripts" / "told_clock.py"), str(shift), "serve"]
    command += ["--data", str(folder / "recnice"), "--listen", listen]
    command += ["--public-url", PUBLIC_URL, "--trusted-proxy", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        link = next(line.strip() for line in process.stdout if line.startswith(PUBLIC_URL + "/setup?code="))
        yield Appliance(f"http://{listen}", link.removeprefix(PUBLIC_URL), shift)
    finally:
        process.terminate()
        process.wait()


def first_page(browser: Browser, running: Appliance, scheme: str = "light") -> Page:
    context = browser.new_context(
        viewport=SIZE,
        locale="en-GB",
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",  # a colour on its way to another is not photographed
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
    page.get_by_role("button", name="Make key").click()
    photograph(page, "account")
    page.emulate_media(color_scheme="dark")
    photograph(page, "account-dark")
    return page.locator("#scim-key").inner_text()


def take(browser: Browser, running: Appliance, pages: Mapping[str, Callable[[Page], None]]) -> None:
    """These pages in both colour schemes."""
    for scheme, ending in (("light", ""), ("dark", "-dark")):
        page = first_page(browser, running, scheme)
        page.goto("/login")
        photograph(page, f"sign-in{ending}")
        page.get_by_label("User name").fill("eva")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{running.address}/")
        for name, go in pages.items():
            go(page)
            photograph(page, f"{name}{ending}")
        page.context.close()


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
    "lines": _to("/activity?view=lines"),
    "users": _to("/users"),
    "person": _to("/users?q=Ana+Ruiz", "Ana Ruiz"),
    "history": _to("/users?q=Ana+Ruiz", "Ana Ruiz", "History"),
    "groups": _to("/groups"),
    "group": _to("/groups?q=Legal", "Legal"),
    "attributes": _to("/attributes"),
    "search": _to("/search?q=le"),
    "help": _to("/help"),
}


def photograph(page: Page, name: str) -> None:
    """The page from its top, as long as it is, within a limit."""
    page.evaluate(TELL_FOLDER, FOLDER)
    height = min(int(page.evaluate(END)) + MARGIN, TALLEST)
    clip = {"x": 0, "y": 0, "width": SIZE["width"], "height": height}
    picture = Image.open(BytesIO(page.screenshot(clip=clip, full_page=True)))
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
