"""The Attributes page with a script: a schema file that is dropped is reviewed, as one that is chosen by hand."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_session
from tests.browser.survey import objected_in_both
from tests.conftest import ROOT, Appliance

FILES = ROOT / "tests" / "vectors" / "entra_schemas"
NICKNAME = FILES / "nickname.json"
MAKE_TRANSFER = """(text) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], "schema.json", { type: "application/json" }));
  return transfer;
}"""


@pytest.fixture
def attributes(page: Page, furnished: Appliance) -> Page:
    open_session(page, furnished)
    page.goto(f"{furnished.url}/attributes")
    return page


def expect_review(page: Page, furnished: Appliance) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Review of Entra's mapping")
    row = page.get_by_role("row", name="externalId").first
    expect(row).to_contain_text("mailNickname")
    expect(row).to_contain_text("map objectId to externalId")
    assert page.url == f"{furnished.url}/attributes"  # so that a reload asks for the page and sends no form


def test_a_dropped_file_is_reviewed(attributes: Page, furnished: Appliance):
    expect(attributes.get_by_text("(or drop it here)")).to_be_visible()
    transfer = attributes.evaluate_handle(MAKE_TRANSFER, NICKNAME.read_text(encoding="utf-8"))
    attributes.dispatch_event("form[data-drop]", "dragover", {"dataTransfer": transfer})
    expect(attributes.locator("form.over-it")).to_have_count(1)
    attributes.dispatch_event("form[data-drop]", "drop", {"dataTransfer": transfer})
    expect_review(attributes, furnished)


def test_a_chosen_file_is_reviewed(attributes: Page, furnished: Appliance):
    attributes.get_by_label("Schema file").set_input_files(NICKNAME)
    attributes.get_by_role("button", name="Review mapping").click()
    expect_review(attributes, furnished)


def test_text_that_is_dropped_sends_nothing(attributes: Page, furnished: Appliance):
    transfer = attributes.evaluate_handle(
        "() => { const transfer = new DataTransfer(); transfer.setData('text/plain', 'x'); return transfer; }"
    )
    attributes.dispatch_event("form[data-drop]", "drop", {"dataTransfer": transfer})
    expect(attributes.get_by_role("heading", level=1)).to_contain_text("Attributes")


@pytest.mark.parametrize("name", ["poor", "groups_off", "foreign"])
def test_axe_has_no_objection_to_a_review(attributes: Page, name: str):
    attributes.get_by_label("Schema file").set_input_files(FILES / f"{name}.json")
    attributes.get_by_role("button", name="Review mapping").click()
    attributes.get_by_text("synchronizationRules" if name == "foreign" else "Back to Attributes").wait_for()
    assert not any(objected_in_both(attributes).values())


def test_a_review_does_not_scroll_sideways(attributes: Page):
    attributes.get_by_label("Schema file").set_input_files(FILES / "poor.json")
    attributes.get_by_role("button", name="Review mapping").click()
    attributes.get_by_text("Back to Attributes").wait_for()
    attributes.set_viewport_size({"width": 360, "height": 740})
    assert attributes.evaluate("document.documentElement.scrollWidth") <= 360
