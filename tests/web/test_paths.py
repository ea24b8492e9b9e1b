"""Every route in every spelling of its path is protected and noted as the route itself, or nothing is there."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import MethodNotAllowed, NotFound

from app import bounds
from app.administration.accounts import administrators
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.administration.ip_allow_list import allow_list
from app.administration.ip_allow_list.enforcement import Mode
from app.console_roles import Role
from app.request_record import Request
from app.web import service_routing
from app.web.public_url import without_base
from app.web.request_log import middleware
from app.web.service_routing import Service
from tests.web.test_access import BASE, form_token, signed_in
from tests.web.test_security import concrete
from tests.web.visitor import PASSWORD


class Outcome(NamedTuple):
    """What a request came to. `where` is the path of a redirect, `kind` the path as the request log has it."""

    status: int
    media_type: str
    where: str
    kind: str


def spellings(path: str) -> Iterator[str]:
    """Other texts for one path: some lead to the same view, the others must lead nowhere."""
    letter = next((place for place, one in enumerate(path) if one.isalpha()), 0)
    yield path.rstrip("/") + ("" if path.endswith("/") else "/")
    yield path + "//"
    yield "/" + path
    yield re.sub(r"\A/scim(/v2)?/", r"\g<0>/", path)
    yield path.replace("/", "//")
    yield path[:letter] + f"%{ord(path[letter]):02X}" + path[letter + 1 :]
    yield path[:1] + path[1:].replace("/", "%2F")
    yield path.upper()
    yield "/." + path
    yield "/login/.." + path
    yield "/scim/.." + path
    yield path + "/."
    yield path + "%00"
    yield path + ";x=1"


class Walker:
    """Sends requests in this process, and tells what became of each."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self._noted: list[Request] = []
        monkeypatch.setattr(middleware.of(app).recorder, "note", lambda request, size: self._noted.append(request))

    def send(self, visitor: FlaskClient, method: str, path: str, **of: Any) -> Outcome:
        self._noted.clear()
        answer = visitor.open("/sub" + path, method=method, base_url=BASE, **of)
        kinds = [request.path for request in self._noted]
        assert answer.status_code < 500, (method, path)
        where = answer.headers.get("Location", "").partition("?")[0]
        return Outcome(answer.status_code, answer.mimetype, where, "".join(kinds))


@pytest.fixture
def walker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Walker:
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
    return Walker(app, monkeypatch)


def endpoint_of(app: Flask, method: str, path: str) -> str:
    """Which view routing leads to: the own, none (""), or another one, which is walked itself."""
    try:
        return str(app.url_map.bind("").match(without_base(unquote(path), ""), method=method)[0])
    except NotFound:
        return ""
    except MethodNotAllowed:
        return "of another method"


def require_same(app: Flask, walker: Walker, visitor: FlaskClient, among: set[Service], methods: str, **of: Any) -> int:
    """Compare every spelling of each rule's path with the path itself; return how many led to the same."""
    same = 0
    for rule in app.url_map.iter_rules():
        path = concrete(rule.rule)
        if rule.endpoint == "console.renamed":  # redirects every path below a former URL
            continue
        if service_routing.at(path, app.url_map, rule).service not in among:
            continue
        for method in (rule.methods or set()) & set(methods.split()):
            wanted, nowhere = (walker.send(visitor, method, one, **of) for one in (path, "/scim/nowhere"))
            for spelling in spellings(path):
                outcome = walker.send(visitor, method, spelling, **of)
                found = endpoint_of(app, method, spelling)
                if found == rule.endpoint:
                    same += 1
                    assert outcome == wanted, (method, spelling, outcome, wanted)
                elif not found:
                    assert outcome == nowhere or outcome.status == 404, (method, spelling, outcome)
    return same


def test_whoever_shows_nothing(app: Flask, walker: Walker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "ADDRESS_FAILURES", 1_000_000)
    assert require_same(app, walker, app.test_client(), set(Service), "GET POST")
    assert walker.send(app.test_client(), "POST", "/oauth/token/") == (400, "application/json", "", "token")


def test_whoever_comes_from_an_address_that_is_not_allowed(app: Flask, walker: Walker):
    with app.app_context():
        allow_list.allow(["192.0.2.0/24"], "", HOST)
        allow_list.set_mode(Mode.ENFORCE, HOST)
    assert require_same(app, walker, app.test_client(), {Service.SCIM, Service.TOKEN}, "POST PATCH")
    assert walker.send(app.test_client(), "POST", "/oauth/token/") == (403, "application/json", "", "token")


def test_whoever_failed_too_often(app: Flask, walker: Walker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "ADDRESS_FAILURES", 1)
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "x"}
    for path in ("/scim/Users", "/oauth/token"):
        walker.send(app.test_client(), "POST", path, data=form)
    assert require_same(app, walker, app.test_client(), {Service.SCIM, Service.TOKEN}, "POST PATCH", data=form)
    assert walker.send(app.test_client(), "POST", "/oauth/token/", data=form).status == 429


def test_whoever_is_signed_in_and_has_no_form_token(app: Flask, walker: Walker):
    visitor = signed_in(app, Role.OWNER, True)
    assert require_same(app, walker, visitor, {Service.CONSOLE}, "POST")
    with app.app_context():
        assert scim_keys.list_keys() == []


def test_whoever_is_signed_in_gets_no_token_by_a_form(app: Flask, walker: Walker):
    """No cookie and no form token counts at the token endpoint, however its path is spelled."""
    visitor = signed_in(app, Role.OWNER, True)
    form = {**form_token(visitor), "grant_type": "client_credentials"}
    assert require_same(app, walker, visitor, {Service.TOKEN}, "POST", data=form)
    assert walker.send(visitor, "POST", "/oauth/token/", data=form) == (401, "application/json", "", "token")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/token/"])
def test_a_method_that_is_not_possible_is_refused_in_the_same_form(app: Flask, walker: Walker, path: str):
    assert walker.send(app.test_client(), "GET", path)[:2] == (405, "application/json")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/token/", "/%6Fauth/token"])
def test_a_request_for_another_host_is_noted_the_same(app: Flask, walker: Walker, path: str):
    assert walker.send(app.test_client(), "POST", path, headers={"Host": "elsewhere.example"}).kind == "token"


def test_services_and_rules_agree(app: Flask):
    """What the text of a path says is what its endpoint says, for every route as it is declared."""
    for rule in app.url_map.iter_rules():
        is_scim = service_routing.at(rule.rule, app.url_map, rule).service is Service.SCIM
        assert is_scim is rule.rule.startswith("/scim"), rule
