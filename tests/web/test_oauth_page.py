"""The OAuth page: clients, secrets and trusts from made to stopped, and what is shown once."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import bounds
from app.administration.accounts import administrators
from app.administration.audit import HOST
from app.administration.credentials import oauth_clients
from app.administration.credentials.federated_credentials import Signers
from app.console_roles import Role
from tests.conftest import Appliance
from tests.web.test_access import BASE, form_token, signed_in
from tests.web.test_console import HOSTILE, words
from tests.web.visitor import PASSWORD, Visitor

TENANT = "6f0f2c1e-95a4-4d4e-8f43-0a6f5d3c9b21"
TRUST = {"issuer": TENANT, "subject": "d2f8ee76-c549-45b8-a143-f5b640669704", "audience": "api://AzureADTokenExchange"}


@pytest.fixture
def made(eva: Visitor) -> Iterator[tuple[str, str]]:
    """Identifier and secret of a client just made; the client is stopped at the end."""
    eva.get("/oauth")
    page = eva.post("/oauth/clients", name="Entra")
    assert page.status == 200 and page.headers["cache-control"] == "no-store" and not page.cookies
    identifier = re.search(r'id="client-identifier"[^>]*>([0-9a-f]{12})<', page.text)
    secret = re.search(r'id="client-secret"[^>]*>(rcn_oas_[A-Za-z0-9_-]+)<', page.text)
    assert identifier and secret
    yield identifier[1], secret[1]
    eva.post(f"/oauth/client/{identifier[1]}/revoke")


def token_status(appliance: Appliance, client_id: str, secret: str) -> int:
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    return appliance.request("POST", "/oauth/token", form, sent).status


def test_before_there_is_a_client_it_says_what_to_do(console: Appliance, eva: Visitor):
    page = eva.get("/oauth").text
    assert "OAuth clients appear here" in words(page)
    assert f">{console.url}/oauth/token</code>" in page and f"<code>{console.url}/scim/</code>" in page
    for field in ("Tenant URL", "Token Endpoint", "Client identifier", "Client secret", "Authentication method"):
        assert f"<b>{field}</b>" in page


def test_a_client_from_made_to_stopped(console: Appliance, eva: Visitor, made: tuple[str, str]):
    client_id, secret = made
    assert token_status(console, client_id, secret) == 200
    page = eva.get("/oauth").text
    assert secret not in page and secret[:12] in page and client_id in page
    assert "less than a minute ago from 127.0.0.1" in words(page)
    second = re.search(r">(rcn_oas_[A-Za-z0-9_-]{50})<", eva.post(f"/oauth/clients/{client_id}/secrets").text)
    assert second and token_status(console, client_id, second[1]) == 200

    stops = dict(
        re.findall(
            r'href="(/oauth/secret/[0-9a-f]{12}/revoke)">Revoke<span class="unseen"> ([^<]+)<', eva.get("/oauth").text
        )
    )
    [first_stop] = [way for way, label in stops.items() if label.startswith(secret[:12])]
    asked = eva.get(first_stop)
    assert asked.status == 200 and "quarantine" in asked.text and "It is the last" not in asked.text
    assert token_status(console, client_id, secret) == 200, "asking stops nothing"
    assert eva.post(first_stop).location == "/oauth"
    assert (token_status(console, client_id, secret), token_status(console, client_id, second[1])) == (401, 200)
    assert eva.get(first_stop).status == 404
    again = eva.post(first_stop)
    assert again.status == 400 and "There is no active secret" in again.text

    asked = eva.get(f"/oauth/client/{client_id}/revoke")
    assert asked.status == 200 and "Revoke client" in words(asked.text)
    assert eva.post(f"/oauth/client/{client_id}/revoke").location == "/oauth"
    assert token_status(console, client_id, second[1]) == 401
    assert "Revoked clients" in eva.get("/oauth").text


def test_trusts(app: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Signers, "check", lambda _, issuer: issuer.address)  # it has fetched what the issuer publishes
    owner = signed_in(app, Role.OWNER, True)
    token = form_token(owner)
    with app.app_context():
        client_id = oauth_clients.create_client("Entra", HOST).client_id

    def page() -> str:
        return owner.get("/sub/oauth", base_url=BASE).text

    def add() -> TestResponse:
        return owner.post(f"/sub/oauth/clients/{client_id}/federated-credentials", data=TRUST | token, base_url=BASE)

    added = add()
    assert (added.status_code, added.location) == (303, "/sub/oauth")
    shown = page()
    assert f"https://login.microsoftonline.com/{TENANT}/v2.0" in shown and TRUST["subject"] in shown
    twice = add()
    assert twice.status_code == 400 and "already such a federated credential" in twice.text
    stop = re.search(r'href="(/sub/oauth/federated-credential/[0-9a-f]{12}/revoke)"', shown)
    assert stop and owner.get(stop[1], base_url=BASE).status_code == 200
    assert owner.post(stop[1], data=token, base_url=BASE).status_code == 303
    assert stop[1] not in page()


@pytest.mark.parametrize(
    "issuer", ["common", "https://login.microsoftonline.com/common/v2.0", "http://a.example", *HOSTILE]
)
def test_a_refused_trust_says_why_and_keeps_what_was_typed(eva: Visitor, made: tuple[str, str], issuer: str):
    page = eva.post(f"/oauth/clients/{made[0]}/federated-credentials", **TRUST | {"issuer": issuer})
    assert page.status == 400 and 'role="alert"' in page.text and "<details open>" in page.text
    assert "No federated credential was added" in page.text
    assert TRUST["subject"] in page.text
    assert "<script>alert" not in page.text and "<img src=x" not in page.text


@pytest.mark.parametrize("name", [*(one for one in HOSTILE if len(one) <= bounds.KEY_NAME_LENGTH), ""])
def test_names_are_shown_as_text(eva: Visitor, name: str):
    eva.get("/oauth")
    page = eva.post("/oauth/clients", name=name)
    assert page.status in (200, 400)
    assert "<script>alert" not in page.text and "<img src=x" not in page.text and "49" not in words(page.text[:500])
    for client_id in re.findall(r"/oauth/client/([0-9a-f]{12})/revoke", page.text):
        eva.post(f"/oauth/client/{client_id}/revoke")


def test_a_name_that_is_too_long_is_refused_with_a_sentence(eva: Visitor):
    eva.get("/oauth")
    page = eva.post("/oauth/clients", name="x" * (bounds.KEY_NAME_LENGTH + 1))
    assert page.status == 400 and "printable characters" in page.text


@pytest.mark.parametrize("path", ["client/x", "secret/x", "trust/x", "key/x", "clients/x"])
def test_what_is_not_there_cannot_be_stopped(eva: Visitor, path: str):
    eva.get("/oauth")
    assert eva.get(f"/oauth/{path}/revoke").status == 404
    assert eva.post(f"/oauth/{path}/revoke").status in (400, 404)


def test_a_viewer_sees_and_changes_nothing(app: Flask):
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        made = oauth_clients.create_client("Entra", HOST)
    page = signed_in(app, Role.VIEWER, True).get("/sub/oauth", base_url=BASE).text
    assert (
        made.client_id in page
        and "<button>Create" not in page
        and "/stop" not in page
        and "/federated-credentials" not in page
    )
    assert f">{BASE}/sub/oauth/token</code>" in page


def test_what_a_provisioned_person_made_is_not_taken_for_an_operators(app: Flask):
    with app.app_context():
        administrators.create_operator("ana", PASSWORD, HOST)
    ana = signed_in(app, Role.OWNER, False)
    token = form_token(ana)
    for path in ("/sub/oauth/clients", "/sub/account/keys"):
        page = ana.post(path, data=token, base_url=BASE).text
        assert "by <bdi>ana (single sign-on)</bdi>" in page and "<bdi>ana</bdi></small>" not in page
