"""Real Chromium, as Debian packages it, and an appliance for it to look at."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect, sync_playwright

from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME, set_up

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch(chromium: BrowserType, *more: str) -> Browser:
    """Debian's Chromium; skips the test where it is not installed."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    return chromium.launch(executable_path=executable, args=[*ARGUMENTS, *more])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, one for the whole run."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


@dataclass
class Complaints:
    """What the browser complained about: scripts that failed, policies that were broken, dialogs that opened."""

    lines: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.lines.append(str(error)))
        page.on("dialog", lambda dialog: (self.lines.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.addresses.append(request.url))

    def _note(self, kind: str, text: str) -> None:
        # Chromium also writes down every answer of 400 and more, which are often what a test is about.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.lines.append(text)


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def window(chromium: Browser, complaints: Complaints) -> Iterator[BrowserContext]:
    """A window with cookies of its own; at the end there were no complaints, and nothing came from elsewhere."""
    context = chromium.new_context(
        viewport={"width": 1200, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(15_000)
    context.on("page", complaints.listen)
    yield context
    context.close()
    assert complaints.lines == []
    assert not [url for url in complaints.addresses if not url.startswith(("http://127.0.0.1:", "data:"))]


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.new_page()


@pytest.fixture(scope="session")
def furnished(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance that is set up, with a key."""
    appliance = Appliance(program, tmp_path_factory.mktemp("furnished") / "recnice").start()
    set_up(appliance)
    appliance.make_key()
    yield appliance
    assert appliance.stop() == 0, appliance.output


def sign_in(page: Page, appliance: Appliance) -> None:
    """Through the form, by keyboard alone."""
    page.goto(f"{appliance.url}/login")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(USER_NAME)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{appliance.url}/")
