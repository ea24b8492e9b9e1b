"""The whole way of the allow list, walked in Chromium: watch, propose, enforce, refused, the problem, allowed."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.survey import survey
from tests.web.visitor import set_up

ENTRA = ("20.190.128.7", "20.190.128.8", "20.190.128.9", "2603:1000:4::7")
ELSEWHERE = "198.51.100.9"


def test_from_watching_to_a_refusal_and_back(new_appliance, page: Page):
    appliance = new_appliance(flags=("--trusted-proxy", "127.0.0.1")).start()
    set_up(appliance)
    appliance.make_key()

    def answer_to(address: str) -> int:
        return appliance.request("GET", "/scim/Users", headers={"X-Forwarded-For": address}).status

    sign_in(page, appliance)
    page.get_by_role("link", name="Account", exact=True).click()
    page.get_by_role("link", name="monitor and enforce them").click()
    page.get_by_role("button", name="Start monitoring").click()
    expect(page.locator("main")).to_contain_text("No request is refused")
    assert {answer_to(address) for address in ENTRA} == {200}
    page.reload()
    page.get_by_role("link", name="Review the proposal").click()
    expect(page.get_by_label("IP addresses and networks")).to_have_value("20.190.128.0/24\n2603:1000:4::7")
    page.get_by_label("Note").fill("Entra, as it came")
    page.get_by_role("button", name="Add to the list").click()
    expect(page.get_by_role("status")).to_have_text("Added 2 networks.")

    page.get_by_role("link", name="Enforce the list").click()
    expect(page.locator("main")).to_contain_text("Every address that sent a valid key")
    page.get_by_role("button", name="Enforce the list now").click()
    expect(page.locator("main")).to_contain_text("Enforce since")
    assert (answer_to(ENTRA[0]), answer_to(ELSEWHERE)) == (200, 403)

    page.get_by_role("link", name="Problems").click()
    page.get_by_role("link", name="Details of problem").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Client IP address not on the IP allow list")
    expect(page.locator("main")).to_contain_text(f"The last request came from {ELSEWHERE}")
    problem = page.url.removeprefix(appliance.url)
    listed = "20.190.128.0%2F24"
    pages = [
        "/ip-allow-list",
        "/ip-allow-list/add?proposal=1",
        "/ip-allow-list/enforce",
        f"/ip-allow-list/remove?network={listed}",
        problem,
    ]
    for seen in survey(page, appliance.url, pages):
        assert not any(seen.objections.values()), (seen.address, seen.objections)
        assert seen.widths_px["360 px"] <= 360 and not seen.out_of_place, seen.address
    page.emulate_media(color_scheme="light")
    page.emulate_media(color_scheme="light")

    page.goto(appliance.url + problem)
    page.get_by_role("link", name="Allow it").click()
    expect(page.get_by_label("IP addresses and networks")).to_have_value(ELSEWHERE)
    page.get_by_role("button", name="Add to the list").click()
    assert answer_to(ELSEWHERE) == 200
    page.get_by_role("link", name=f"Remove {ELSEWHERE}").click()
    page.get_by_role("button", name="Remove from the list").click()
    assert answer_to(ELSEWHERE) == 403
    page.get_by_role("button", name="Back to monitoring").click()
    assert answer_to(ELSEWHERE) == 200
    page.get_by_role("link", name="Status").click()
    expect(page.locator("main")).to_contain_text(f"received from {ELSEWHERE}")
    assert appliance.stop() == 0
