"""Who may come in to the made-up company's appliance, set up by its owner on the pages themselves: for the pictures.

The provider is the one of the tests, under Entra's name and behind a proxy that leads there. Not here: the people
(made_up_company.py), the pictures (pictures.py).
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page

from scripts import made_up_company
from tests.openid.certificates import Authority
from tests.openid.provider import CLIENT_SECRET, TENANT, SigningProvider

PASSWORD = "another honest long password"
OPERATORS = (("jonas", "owner"), ("priya", "operator"), ("sven", "viewer"))
ENTRA = ("20.190.128.7", "20.190.128.8", "20.190.128.9")
ADMINISTRATOR, APP_ROLE = "ingrid.solberg@example.com", "Recnice.Administrator"
MAPPING = (("App role", APP_ROLE, "owner"), ("Group", "On call", "operator"), ("Group", "Legal", "viewer"))


@dataclass(frozen=True)
class Provider:
    """Where it is reached (`proxy`), whom to trust for it, and who signs in there."""

    proxy: str
    ca_file: Path
    signing: SigningProvider

    def be(self, name: str, address: str, object_id: str = "") -> None:
        """From now on this person signs in; somebody whom nobody knows where no object id is given."""
        known = {"oid": object_id or made_up_company.object_id(address), "sub": address, "preferred_username": address}
        self.signing.user |= {**known, "name": name}


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """One that runs; its certificates lie in the folder."""
    authority = Authority(folder)
    with SigningProvider(authority, tenant=TENANT).running() as signing, signing.proxy() as proxy:
        signing.shows_page = True
        yield Provider(proxy.url, authority.ca_file, signing)


def set_up(page: Page, known: Provider, sender: Callable[..., made_up_company.Send]) -> None:
    """In the window of an owner who signed in just now; it is closed then."""
    key = _change_key(page)
    _make_client(page)
    page.goto("/ip-allow-list")
    page.get_by_role("button", name="Start monitoring").click()
    page.get_by_role("button", name="Stop monitoring").wait_for()
    for address in ENTRA:
        _assign(sender(key, address))
    for name, role in OPERATORS:
        _add_operator(page, name, role)
    page.goto("/single-sign-on")
    page.get_by_label("Directory (tenant) ID").fill(TENANT)
    page.get_by_label("Application (client) ID").fill(known.signing.client_id)
    page.get_by_label("Client secret").fill(CLIENT_SECRET)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Test sign-in").wait_for()
    page.context.close()


def _change_key(page: Page) -> str:
    page.goto("/account")
    page.get_by_role("button", name="Create another key").click()
    return page.locator("#scim-key").inner_text()


def _assign(send: made_up_company.Send) -> None:
    """Somebody gets an app role."""
    found = send("GET", "/Users?filter=" + quote(f'userName eq "{ADMINISTRATOR}"'), None)["Resources"]
    operation = {"op": "Replace", "path": "roles", "value": [{"value": APP_ROLE}]}
    body = {"schemas": [made_up_company.PATCH], "Operations": [operation]}
    send("PATCH", f"/Users/{found[0]['id']}", body)


def _make_client(page: Page) -> None:
    page.goto("/oauth")
    page.get_by_label("Name").fill("Microsoft Entra")
    page.get_by_role("button", name="Create client and secret").click()
    page.locator("#client-secret").wait_for()
    page.get_by_role("button", name=re.compile("Create another secret")).click()
    page.locator("#client-secret").wait_for()
    page.goto("/oauth")
    page.get_by_text("Add a federated credential").click()
    page.get_by_label("Directory (tenant) ID").fill(TENANT)
    page.get_by_label("Subject").fill(made_up_company.object_id("a managed identity"))
    page.get_by_role("button", name="Add federated credential").click()
    page.get_by_role("group", name="Federated credentials of Microsoft Entra").wait_for()


def _add_operator(page: Page, name: str, role: str) -> None:
    page.goto("/administrators")
    page.locator("summary", has_text="Add administrator").click()
    page.get_by_label("User name").fill(name)
    page.locator("select#role").select_option(role)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (repeat)").fill(PASSWORD)
    page.get_by_role("button", name="Add administrator").click()
    page.get_by_role("main").get_by_role("link", name=name, exact=True).wait_for()


def preview_roles(page: Page) -> None:
    """A mapping that is not saved."""
    page.goto("/roles/edit")
    for number, (source, value, role) in enumerate(MAPPING, 1):
        page.get_by_label(f"Source in rule {number}").select_option(source)
        page.get_by_label(f"Value in rule {number}").fill(value)
        page.locator(f"[name=role-{number - 1}]").select_option(role)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Preview").wait_for()


def come_in(page: Page) -> None:
    """Over the provider, as whoever it knows at this moment; or to the sentence that says no."""
    page.goto("/login")
    page.get_by_role("link", name="Sign in with Microsoft").click()
    page.get_by_role("link", name=re.compile("Sign in as")).click()
    page.wait_for_load_state()
