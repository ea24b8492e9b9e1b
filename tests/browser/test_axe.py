"""axe finds nothing to object to, on any page: empty, or before signing in, light or dark.

Not here: the pages of an appliance in which something of everything has happened (test_pages_in_browser.py).
"""

from typing import get_args

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.browser import walk
from tests.browser.conftest import open_session
from tests.browser.survey import Scheme, objected, objected_in_both, objections, survey, unfolded
from tests.conftest import Appliance
from tests.web.visitor import setup_path


def test_the_walk_came_to_every_route(linked_pages: dict[str, dict[str, str]], app: Flask):
    assert set(linked_pages) == walk.page_endpoints(app)


def test_every_page_of_an_empty_appliance(
    page: Page, empty: Appliance, app: Flask, linked_pages: dict[str, dict[str, str]]
):
    """Those that are not the same in a furnished one: test_pages_in_browser.py sees these."""
    known = {walk.content(text) for texts in linked_pages.values() for text in texts.values()}
    of_empty = {address: text for texts in walk.pages(empty, app).values() for address, text in texts.items()}
    addresses = [address for address, text in of_empty.items() if walk.content(text) not in known]
    open_session(page, empty)
    assert len(of_empty) > len(addresses) > 20
    said = {address: objected_in_both(page) for address in unfolded(page, empty.url, addresses)}
    assert {address: both for address, both in said.items() if any(both.values())} == {}


def test_the_pages_of_a_stranger(page: Page, furnished: Appliance):
    assert objected(survey(page, furnished.url, ["/login", "/login?next=/users", "/documentation"])) == {}
    page.goto(f"{furnished.url}/login")
    page.get_by_label("User name").fill("nobody")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("[role=alert]")
    assert objections(page) == [], "a refused sign-in"


def test_the_pages_of_the_first_run(page: Page, new_appliance):
    fresh = new_appliance().start()
    assert objected(survey(page, fresh.url, ["/", "/setup?code=wrong", setup_path(fresh.output)])) == {}


def test_what_stands_on_a_page_only_once(page: Page, empty: Appliance):
    """The answers to forms, a page that is not there, the list of shortcuts."""
    open_session(page, empty)
    page.goto(f"{empty.url}/nothing")
    assert objections(page) == [], "a page that is not there"
    page.keyboard.press("?")
    assert objections(page) == [], "the list of shortcuts"
    page.goto(f"{empty.url}/account")
    page.get_by_role("button", name="Create").click()
    page.wait_for_selector("#scim-key")
    assert objections(page) == [], "a new key"
    page.goto(f"{empty.url}/me")
    page.locator("summary").first.click()
    for field in page.locator("input[type=password]").all():
        field.fill("not the password")
    page.get_by_role("button", name="Change password").click()
    page.wait_for_selector("[role=alert]")
    assert objections(page) == [], "a refused password"
    page.goto(f"{empty.url}/attributes")
    mapping = {"name": "schema.json", "mimeType": "application/json", "buffer": b"{}"}
    page.get_by_label("Schema file").set_input_files(mapping)
    page.get_by_role("button", name="Review mapping").click()
    page.wait_for_selector("[role=alert]")
    assert objections(page) == [], "a file that is no schema"


def test_an_objection_would_be_seen(page: Page, furnished: Appliance):
    page.goto(f"{furnished.url}/login")
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert [one.partition(":")[0] for one in objections(page)] == ["image-alt"]


@pytest.mark.parametrize("scheme", get_args(Scheme))
def test_a_weak_contrast_would_be_seen_on_a_page_that_is_known(page: Page, furnished: Appliance, scheme: Scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{furnished.url}/login")
    assert objections(page, is_only_color=scheme == "dark") == []
    page.evaluate("document.querySelector('main label').style.color = 'rgb(128 128 128 / 30%)'")
    for _ in range(2):
        said = objections(page, is_only_color=scheme == "dark")
        assert [one.partition(":")[0] for one in said] == ["color-contrast"]
