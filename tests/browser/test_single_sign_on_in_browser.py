"""Single sign-on in real Chromium: set up, tested, the whole way of a person in and out, and how its pages look.

The browser reaches the provider as the appliance does, by the proxy that leads Entra's name to it.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Complaints
from tests.browser.survey import DESK_PX, NARROW_PX, objected_in_both, objections, survey
from tests.openid.provider import CLIENT_SECRET
from tests.single_sign_on.conftest import House, ada, authority, entra, house, no_proxy, unconfigured
from tests.single_sign_on.scene import GROUP, Scene
from tests.web.visitor import PASSWORD, USER_NAME

__all__ = ["ada", "authority", "entra", "house", "no_proxy", "unconfigured"]

PROVIDER = "https://login.microsoftonline.com/"
OWN = ("http://127.0.0.1:", "data:")


@pytest.fixture
def window(chromium: Browser, house: House) -> Iterator[BrowserContext]:
    """A window that trusts the test's authority; nothing came from elsewhere, and nothing was complained about."""
    complaints = Complaints()
    context = chromium.new_context(
        viewport={"width": DESK_PX, "height": 800},
        proxy={"server": house.proxy.url, "bypass": "127.0.0.1"},
        ignore_https_errors=True,
    )
    context.set_default_timeout(15_000)
    context.on("page", complaints.listen)
    yield context
    context.close()
    assert complaints.lines == []
    assert not [url for url in complaints.addresses if not url.startswith((*OWN, PROVIDER))]


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.new_page()


def sign_in(page: Page, scene: Scene) -> None:
    """By keyboard alone, over the provider's page."""
    scene.provider.shows_page = True
    page.goto(f"{scene.appliance.url}/")
    expect(page).to_have_url(re.compile(r"/login$"))
    page.get_by_role("link", name="Sign in with Microsoft").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(PROVIDER)))
    page.get_by_role("link", name="Sign in as Ada Lovelace").click()


def test_a_person_comes_in_looks_and_goes(page: Page, entra: Scene, ada: str):
    group = {"schemas": [GROUP], "displayName": "Engines", "members": [{"value": ada}]}
    assert entra.appliance.request("POST", "/scim/Groups", group).status == 201
    sign_in(page, entra)
    expect(page).to_have_url(f"{entra.appliance.url}/me")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ada Lovelace")
    expect(page.get_by_role("main")).to_contain_text("Engines")
    assert "code=" not in page.url and page.evaluate("history.length") < 6
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed out")
    page.get_by_role("link", name="Sign out of Microsoft too").click()
    expect(page).to_have_url(f"{entra.appliance.url}/login")
    page.go_back()
    page.goto(f"{entra.appliance.url}/me")
    expect(page).to_have_url(re.compile("/login"))


def test_somebody_who_is_not_provisioned_reads_one_sentence(page: Page, entra: Scene):
    sign_in(page, entra)
    expect(page.get_by_role("alert")).to_have_text(
        re.compile(r"You cannot sign in here\. Ask your administrator; reference \w+\.")
    )
    assert objections(page) == []
    page.get_by_text("Sign in as administrator").click()
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{entra.appliance.url}/")


def test_an_owner_sets_it_up_and_tests_it(page: Page, unconfigured: Scene):
    scene, theirs = unconfigured, unconfigured.provider
    theirs.shows_page = True
    page.goto(f"{scene.appliance.url}/login?next=/single-sign-on")
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Directory (tenant) ID").fill(theirs.tenant)
    page.get_by_label("Application (client) ID").fill(theirs.client_id)
    page.get_by_label("Client secret").fill(CLIENT_SECRET)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("keys of Microsoft were valid")
    expect(page.get_by_label("Client secret")).to_have_value("")
    for person in (None, "ada@example.org"):
        if person:
            scene.person(person, theirs.user["oid"], displayName="Ada Lovelace")
        page.get_by_role("link", name="Test sign-in").click()
        page.get_by_role("link", name="Sign in as Ada Lovelace").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Test of single sign-on")
        expect(page.get_by_role("main")).to_contain_text("can sign in")
        assert not any(objected_in_both(page).values())
        page.set_viewport_size({"width": NARROW_PX, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW_PX
        page.set_viewport_size({"width": DESK_PX, "height": 800})
        page.get_by_role("link", name="Back to single sign-on").click()
    page.get_by_role("link", name="Turn off single sign-on").click()
    page.get_by_role("button", name="Turn off single sign-on").click()
    expect(page.get_by_role("main")).to_contain_text("Off: only administrators")


def test_a_person_with_a_role_shows_again_who_they_are(page: Page, entra: Scene, ada: str):
    entra.grant(ada)
    sign_in(page, entra)
    page.goto(f"{entra.appliance.url}/single-sign-on/remove")
    entra.provider.user["auth_time"] = int(entra.provider.now())
    page.get_by_role("link", name="Sign in again with Microsoft").click()
    page.get_by_role("link", name="Sign in as Ada Lovelace").click()
    expect(page).to_have_url(f"{entra.appliance.url}/single-sign-on/remove")
    expect(page.get_by_role("main")).to_contain_text("This includes you")


def test_how_the_pages_look(page: Page, entra: Scene, ada: str):
    url = entra.appliance.url
    seen = list(survey(page, url, ["/login", "/login?next=/users", "/signed-out", "/auth/callback"]))
    entra.grant(ada)
    sign_in(page, entra)
    seen += survey(page, url, ["/me", "/single-sign-on", "/confirm?next=/single-sign-on"])
    entra.provider.user["auth_time"] = int(entra.provider.now())
    page.goto(f"{url}/auth/start")
    page.get_by_role("link", name="Sign in as Ada Lovelace").click()
    seen += survey(page, url, ["/single-sign-on/remove"])
    for one in seen:
        assert not any(one.objections.values()), (one.address, one.objections)
        assert one.widths_px["360 px"] <= NARROW_PX, one.address
        assert one.widths_px["200 %"] <= DESK_PX // 2, one.address
