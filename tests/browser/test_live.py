"""Live parts of a page: what happens appears by itself, and nothing of what the reader does is lost.

The page's clock stands still and is moved by hand, so that nothing here waits for a timer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, expect

from app.web.console.monitoring.activity import LIVE_S
from app.web.security.request_authentication import LIVE_HEADER
from tests.browser.conftest import open_session
from tests.conftest import Appliance, wait_until
from tests.web.visitor import set_up

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
TURN_MS = LIVE_S * 1_000 + 1


@pytest.fixture(scope="module")
def appliance(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One that nobody else writes to."""
    appliance = Appliance(program, tmp_path_factory.mktemp("live") / "recnice").start()
    set_up(appliance)
    appliance.make_key()
    yield appliance
    assert appliance.stop() == 0, appliance.output


@dataclass
class Window:
    """The Activity page in lines, and what it asked for by itself."""

    page: Page
    appliance: Appliance
    asked: list[Request] = field(default_factory=list)
    ended: list[Request] = field(default_factory=list)

    @property
    def switch(self) -> Locator:
        return self.page.get_by_role("switch", name="Live")

    @property
    def said(self) -> Locator:
        return self.page.locator("[data-live-said]")

    @property
    def lines(self) -> Locator:
        return self.page.locator(".lines > li")

    def turn(self) -> None:
        """Let the time pass after which a live page asks again."""
        self.page.clock.run_for(TURN_MS)

    def turn_until_asked(self) -> None:
        """The same, until it has asked once more, and every answer is there."""
        before = len(self.asked)

        def has_asked() -> bool:
            self.turn()
            return len(self.asked) > before

        wait_until(has_asked, "the page asks anew")
        self.settle()

    def settle(self) -> None:
        """Wait for the answers to what was asked."""

        def has_ended() -> bool:
            self.page.evaluate("0")
            return len(self.ended) == len(self.asked)

        wait_until(has_ended, "every answer is there")

    def asks_for_nothing(self) -> bool:
        """Whether however much time passes, nothing is asked."""
        self.settle()
        before = len(self.asked)
        for _ in range(5):
            self.turn()
        self.page.evaluate("0")
        return len(self.asked) == before

    def provision(self, name: str) -> str:
        """A new person; the path of the resource."""
        body = {"schemas": [USER], "userName": f"{name}@recnice.example", "displayName": name, "active": True}
        made = self.appliance.request("POST", "/scim/Users", body)
        assert made.status == 201, made.text
        return f"/scim/Users/{made.json['id']}"

    def rename(self, path: str, title: str, nick_name: str) -> None:
        """Two changes in one request, so that its line has a disclosure."""
        values = [("title", title), ("nickName", nick_name)]
        operations = [{"op": "replace", "path": name, "value": value} for name, value in values]
        body = {"schemas": [PATCH], "Operations": operations}
        assert self.appliance.request("PATCH", path, body).status == 200


@pytest.fixture
def window(page: Page, appliance: Appliance) -> Window:
    open_session(page, appliance)
    shown = Window(page, appliance)

    def note(into: list[Request]) -> Callable[[Request], None]:
        return lambda request: into.append(request) if LIVE_HEADER.lower() in request.headers else None

    page.on("request", note(shown.asked))
    page.on("requestfinished", note(shown.ended))
    page.on("requestfailed", note(shown.ended))
    page.clock.install(time=datetime(2030, 1, 1, tzinfo=UTC))
    page.goto(f"{appliance.url}/activity?view=events")
    page.clock.pause_at(datetime(2030, 1, 2, tzinfo=UTC))
    return shown


def test_what_happens_appears_by_itself(window: Window):
    window.page.evaluate("window.isTheSamePage = true")
    window.switch.check()
    window.provision("Ana Ruiz")
    window.turn_until_asked()
    expect(window.lines.first).to_contain_text("Ana Ruiz was created")
    expect(window.said).to_have_text("Newest: Ana Ruiz was created")
    shown = window.lines.first.locator("time")
    expect(shown).to_have_attribute("title", shown.get_attribute("datetime")[:16].replace("T", " ") + " UTC")
    assert window.page.evaluate("window.isTheSamePage")
    assert window.page.locator("[data-live-said]").get_attribute("role") == "status"
    assert window.page.locator("#activity").get_attribute("aria-live") is None


def test_what_the_reader_does_is_left_alone(window: Window):
    window.rename(window.provision("Bo Chen"), "Lead", "Bo")
    for n in range(30):
        window.provision(f"Person {n}")
    window.page.reload()
    window.switch.check()
    line = window.lines.filter(has_text="Bo Chen, nickName: Bo; title: Lead")
    details = line.locator("details")
    details.locator("summary").click()
    node = details.evaluate_handle("(one) => one")
    top = details.evaluate("(one) => one.getBoundingClientRect().top")
    window.page.evaluate("getSelection().selectAllChildren(document.querySelector('details[open] dl'))")
    selected = window.page.evaluate("getSelection().toString()")
    for n in range(10):
        window.provision(f"Newcomer {n}")
    window.turn_until_asked()
    expect(window.lines.first).to_contain_text("Newcomer 9 was created")
    assert node.evaluate("(one) => one.isConnected && one.open")
    assert details.locator("summary").evaluate("(one) => one === document.activeElement")
    assert details.evaluate("(one) => one.getBoundingClientRect().top") == pytest.approx(top, abs=2)
    assert "nickName" in selected and window.page.evaluate("getSelection().toString()") == selected


def test_it_stops_when_it_is_switched_off_and_stays_so(window: Window):
    window.switch.check()
    window.turn_until_asked()
    window.switch.uncheck()
    window.provision("Dee Fox")
    assert window.asks_for_nothing()
    assert "Dee Fox" not in window.lines.first.inner_text()
    window.page.reload()
    expect(window.switch).not_to_be_checked()
    assert window.asks_for_nothing()
    window.switch.check()
    window.page.reload()
    expect(window.switch).to_be_checked()
    window.turn_until_asked()


def test_a_hidden_window_asks_for_nothing(window: Window):
    hide = "(is) => { Object.defineProperty(document, 'hidden', { value: is, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    window.switch.check()
    window.turn_until_asked()
    window.page.evaluate(hide, True)
    assert window.asks_for_nothing()
    before = len(window.asked)
    window.page.evaluate(hide, False)
    window.settle()
    assert len(window.asked) == before + 1


def test_a_lost_connection_is_said_and_found_again(window: Window):
    def lose(route: Route) -> None:
        route.abort()

    window.switch.check()
    window.turn_until_asked()
    window.page.route("**/activity*", lose)
    window.turn_until_asked()
    expect(window.said).to_have_text("The connection is lost. Retrying.")
    window.page.unroute("**/activity*", lose)
    window.provision("Eli Gale")
    window.turn_until_asked()
    expect(window.lines.first).to_contain_text("Eli Gale was created")
    expect(window.said).to_have_text("Newest: Eli Gale was created")


def test_the_end_of_the_session_is_said(window: Window, page: Page):
    context: BrowserContext = page.context
    window.switch.check()
    window.turn_until_asked()
    before = window.lines.count()
    context.clear_cookies()
    window.turn_until_asked()
    expect(window.said).to_contain_text("You are signed out")
    assert window.asks_for_nothing()
    assert window.lines.count() == before


def test_cycles_are_live_too(window: Window):
    window.page.goto(f"{window.appliance.url}/activity")
    window.switch.check()
    cycle = window.page.locator(".cycles > li").first
    window.provision("Fay Hill")
    window.turn_until_asked()
    expect(cycle).to_contain_text("new")
    words = cycle.inner_text()
    window.provision("Gus Inn")
    window.turn_until_asked()
    expect(cycle).not_to_have_text(words)
