"""Real Chromium, as Debian packages it, and an appliance for it to look at."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from flask import Flask
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect, sync_playwright

from app import create_app
from app.settings import Settings
from tests.browser import walk
from tests.browser.sample_content import furnish
from tests.browser.survey import DESK_PX, Seen, survey
from tests.browser.tabbing import tab_through
from tests.conftest import Appliance
from tests.needed import need, program_of
from tests.web.visitor import PASSWORD, USER_NAME, Visitor, set_up

FOLDER = Path(__file__).parent
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.browser)


def launch(chromium: BrowserType, *more: str) -> Browser:
    """Start Debian's Chromium without its windows: it draws the same and takes half of the processor time."""
    return chromium.launch(executable_path=program_of("chromium-headless-shell"), args=[*ARGUMENTS, *more])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, one for the whole run."""
    program_of("chromium-headless-shell")
    node, _ = compute_driver_executable()
    # Without libatomic1 the driver cannot start, and playwright reports only a closed connection.
    need("libatomic" not in subprocess.run([node, "--version"], capture_output=True, text=True).stderr, "libatomic1")
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

    def expect_none(self) -> None:
        """Nothing went wrong, and nothing came from elsewhere."""
        assert self.lines == []
        assert not [url for url in self.addresses if not url.startswith(("http://127.0.0.1:", "data:"))]

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
    context = new_window(chromium)
    context.on("page", complaints.listen)
    yield context
    context.close()
    complaints.expect_none()


def new_window(chromium: Browser) -> BrowserContext:
    """A desk's screen, with leave to use the clipboard."""
    context = chromium.new_context(
        viewport={"width": DESK_PX, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(15_000)
    return context


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.new_page()


@pytest.fixture(scope="session")
def furnished(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance that is set up, with a key. Two users who are disabled or deleted are an alarm of the first days."""
    flags = ("--guard-people", "1")
    appliance = Appliance(program, tmp_path_factory.mktemp("furnished") / "recnice", flags).start()
    set_up(appliance)
    appliance.make_key()
    yield appliance
    assert appliance.stop() == 0, appliance.output


@pytest.fixture(scope="session")
def people(furnished: Appliance) -> dict[str, str]:
    """Something of everything has happened: the pages of people with hostile names, by what is hostile about them."""
    return furnish(furnished)


@pytest.fixture(scope="session")
def empty(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance that is set up, and nothing more."""
    appliance = Appliance(program, tmp_path_factory.mktemp("empty") / "recnice").start()
    set_up(appliance)
    yield appliance
    assert appliance.stop() == 0, appliance.output


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application in this process, for questions about its routes; it serves nothing."""
    settings = Settings(tmp_path_factory.mktemp("routes"), ("127.0.0.1", 7644), "http://127.0.0.1:7644")
    return create_app(settings)


@pytest.fixture(scope="session")
def linked_pages(furnished: Appliance, people: dict[str, str], app: Flask) -> dict[str, dict[str, str]]:
    """The furnished appliance's pages by route and address, as its links lead to them; the user is a disabled one."""
    return walk.pages(furnished, app, people["long"])


@pytest.fixture(scope="session")
def walked(linked_pages: dict[str, dict[str, str]], people: dict[str, str]) -> list[str]:
    """The addresses of the furnished appliance's pages, and of all pages of hostile people."""
    tabs = [address.partition("?")[2] for address in linked_pages["console.user"] if "?" in address]
    worst = [f"{people[kind]}?{tab}" for kind in ("long", "script") for tab in dict.fromkeys(tabs)]
    return list(dict.fromkeys([*walk.addresses(linked_pages), *people.values(), *worst]))


@pytest.fixture(scope="session")
def seen(chromium: Browser, furnished: Appliance, walked: list[str]) -> list[Seen]:
    """All these pages as a browser sees them, and as the Tab key leads through them."""
    context, complaints = new_window(chromium), Complaints()
    context.on("page", complaints.listen)
    page = context.new_page()
    open_session(page, furnished)
    seen, known = [], set[str]()
    for one in survey(page, furnished.url, walked):
        missed, unseen = tab_through(page, known)
        seen.append(replace(one, missed=missed, unseen=unseen))
    context.close()
    complaints.expect_none()
    return seen


def open_session(page: Page, appliance: Appliance) -> None:
    """Sign in without the form: its own tests fill it in. The page stays where it is."""
    visitor = Visitor(appliance.url)
    assert visitor.sign_in().status == 303
    page.context.add_cookies(
        [{"name": name, "value": value, "url": appliance.url} for name, value in visitor.cookies.items()]
    )


def sign_in(page: Page, appliance: Appliance) -> None:
    """Through the form, by keyboard alone."""
    page.goto(f"{appliance.url}/login")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(USER_NAME)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{appliance.url}/")
