"""URLs of earlier versions: each redirects to the current URL with its method, its query and its sub-path."""

import pytest
from flask import Flask

from app.web.console.monitoring.activity import RENAMED_VIEWS
from tests.web.test_audit_of_every_action import BASE, World, world

__all__ = ["world"]

KEY, TRUST = "0123abcd", "4567ef89"

PAGES = {
    "/sources": "/ip-allow-list",
    "/sources/add?network=10.0.0.7&x=%C3%A9": "/ip-allow-list/add?network=10.0.0.7&x=%C3%A9",
    "/operators": "/administrators",
    f"/account/keys/{KEY}/stop": f"/account/keys/{KEY}/revoke",
    f"/oauth/client/{KEY}/stop": f"/oauth/client/{KEY}/revoke",
    f"/oauth/trust/{TRUST}/stop": f"/oauth/federated-credential/{TRUST}/revoke",
    "/help/sources": "/help/ip-allow-list",
    "/help/operators": "/help/administrators",
    "/help/provider": "/help/single-sign-on",
    "/help/rehearsal": "/help/simulation",
}
FORMS = {
    "/sources/mode": "/ip-allow-list/mode",
    f"/operators/{KEY}/role": f"/administrators/{KEY}/role",
    f"/account/keys/{KEY}/stop": f"/account/keys/{KEY}/revoke",
    f"/oauth/secret/{KEY}/stop": f"/oauth/secret/{KEY}/revoke",
    f"/oauth/clients/{KEY}/trusts": f"/oauth/clients/{KEY}/federated-credentials",
    "/problems/heed": "/problems/stop-ignoring",
    "/problems/7/heed": "/problems/7/stop-ignoring",
}


@pytest.mark.parametrize("former", PAGES)
def test_a_former_page_redirects_whoever_asks(app: Flask, former: str):
    answer = app.test_client().get(f"/sub{former}", base_url=BASE)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"/sub{PAGES[former]}")


def test_former_forms_are_posted_again_at_the_current_url(world: World):
    answers = {former: world.post(former) for former in FORMS}
    assert {former: answer.headers.get("Location") for former, answer in answers.items()} == {
        former: f"/sub{current}" for former, current in FORMS.items()
    }
    assert {answer.status_code for answer in answers.values()} == {308}


def test_a_former_view_of_the_activity_redirects(world: World):
    for former, current in RENAMED_VIEWS.items():
        answer = world.eva.get(f"/sub/activity?q=%C3%A9&view={former}", base_url=BASE)
        assert (answer.status_code, answer.headers["Location"]) == (308, f"/sub/activity?q=%C3%A9&view={current}")


def test_each_former_url_has_a_current_one(app: Flask):
    urls = app.url_map.bind("localhost")
    for method, table in (("GET", PAGES), ("POST", FORMS)):
        for current in table.values():
            endpoint, _ = urls.match(current.partition("?")[0], method)
            assert endpoint != "console.renamed", current
