"""Every route of the console against the table of permissions, for every role: what is not permitted is refused."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app import clock
from app.administration.accounts import administrators, password_sign_in, sessions
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.administration.permissions import Permission
from app.console_roles import Role
from app.provisioning.resource_operations import Author, create
from app.scim.resource_types import USER
from app.store.access.account_tables import granted_role
from app.store.database import directory_database
from app.web.security import page_permissions
from tests.web.test_security import concrete
from tests.web.visitor import PASSWORD

BASE = "https://scim.recnice.example"
WHO: dict[str, tuple[Role | None, bool]] = {
    "nobody's role": (None, False),
    "granted viewer": (Role.VIEWER, False),
    "granted owner": (Role.OWNER, False),
    "viewer": (Role.VIEWER, True),
    "operator": (Role.OPERATOR, True),
    "owner": (Role.OWNER, True),
}


def console_rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("scim") and rule.endpoint not in page_permissions.OPEN_ENDPOINTS:
            yield from ((rule, method) for method in sorted((rule.methods or set()) & {"GET", "POST"}))


def signed_in(app: Flask, role: Role | None, is_local: bool) -> FlaskClient:
    """A browser of somebody who showed just now who they are."""
    with app.app_context():
        if is_local:
            administrators.create_operator("ada", PASSWORD, HOST, role or Role.VIEWER)
            token = password_sign_in.sign_in("ada", PASSWORD, Browser("127.0.0.1"))
        else:
            person = create(USER, {"schemas": [USER.schema.urn], "userName": "ana"}, Author("1", "key 1")).record.id
            now = clock.to_wire(clock.utc_now())
            with directory_database.writing() as connection:
                if role:
                    row = {"user_id": person, "role": role.value, "because": "test", "since": now}
                    connection.execute(granted_role.insert(), row)
                token = sessions.begin(connection, Browser(), "single sign-on", now, user_id=person)
    visitor = app.test_client()
    visitor.set_cookie("__Secure-recnice_session", token, domain="scim.recnice.example", path="/sub")
    return visitor


def form_token(visitor: FlaskClient) -> dict[str, str]:
    """The form token of a page that everybody may see."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/sub/me", base_url=BASE).text)
    assert found
    return {"csrf_token": found[1]}


def test_every_route_has_a_permission(app: Flask):
    with app.app_context():
        known = {rule.endpoint: page_permissions.permission_for(rule.endpoint) for rule, _ in console_rules(app)}
    assert None not in known.values(), known


@pytest.mark.parametrize("who", WHO)
def test_what_is_not_permitted_is_refused(app: Flask, who: str):
    role, is_local = WHO[who]
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
    visitor = signed_in(app, role, is_local)
    token = form_token(visitor)
    outcomes = set()
    for rule, method in console_rules(app):
        if rule.endpoint in ("console.sign_out", "console.confirm", "console.start_again"):
            continue  # they end the session, or change when it was proved
        with app.app_context():
            permission = page_permissions.permission_for(rule.endpoint)
        assert permission is not None
        may = permission.is_given_to(role, is_local)
        answer = visitor.open("/sub" + concrete(rule.rule), method=method, data=token, base_url=BASE)
        is_refused = answer.status_code == 403 and b"Not permitted" in answer.data
        assert b"owner or a greater one" not in answer.data
        is_sent_home = answer.status_code == 303 and answer.headers["Location"] == "/sub/me"
        if rule.endpoint == "console.status" and not may:
            assert is_sent_home
        else:
            assert is_refused is not may, (method, rule.rule, answer.status_code)
        outcomes.add(may)
    assert outcomes == ({True} if who == "owner" else {True, False})


def test_a_route_that_nobody_thought_of_is_refused(app: Flask):
    app.add_url_rule("/forgotten", "console.forgotten", lambda: "open")
    answer = signed_in(app, Role.OWNER, True).get("/sub/forgotten", base_url=BASE)
    assert answer.status_code == 403 and "This is not permitted to any account" in answer.text


def test_what_wants_proof_asks_for_it_when_it_is_old(app: Flask):
    visitor = signed_in(app, Role.OWNER, True)
    with app.app_context(), directory_database.writing() as connection:
        connection.exec_driver_sql("UPDATE session SET proved = '2026-01-01T00:00:00.000Z'")
    wanting, token = 0, form_token(visitor)
    for rule, method in console_rules(app):
        with app.app_context():
            permission = page_permissions.permission_for(rule.endpoint)
        assert permission is not None
        if permission.value.wants_proof:
            wanting += 1
            answer = visitor.open("/sub" + concrete(rule.rule), method=method, data=token, base_url=BASE)
            assert answer.status_code == 303 and "/sub/confirm?next=" in answer.headers["Location"], rule.rule
    assert wanting >= 3
    with app.app_context():
        assert scim_keys.list_keys() == []
    proved = visitor.post("/sub/confirm", data=token | {"password": PASSWORD, "next": "/account"}, base_url=BASE)
    assert (proved.status_code, proved.headers["Location"]) == (303, "/sub/account")
    assert visitor.post("/sub/account/keys", data=token, base_url=BASE).status_code == 200


def test_permissions_grow_with_the_role():
    for permission in Permission:
        given = [permission.is_given_to(role, is_local=True) for role in Role]
        assert given == sorted(given)
        assert permission.is_given_to(None, is_local=False) is (permission is Permission.OWN)
    assert not Permission.OPERATORS.is_given_to(Role.OWNER, is_local=False), "a granted owner leaves operators alone"
