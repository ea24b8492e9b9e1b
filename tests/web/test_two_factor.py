"""Setting up a second factor and signing in with it over HTTP; nothing that was typed comes back in a page."""

import html
import re
from collections.abc import Mapping

import pytest
from flask import Flask

from app import bounds, clock
from app.administration.accounts import administrators
from app.administration.audit import HOST
from app.store.access import two_factor_rows
from app.store.database import directory_database
from tests.authenticator import Authenticator
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME, Page, Visitor, set_up

BASE = "https://scim.recnice.example"
TYPED = "typed by mistake"


def turn_on(visitor: Visitor) -> tuple[Authenticator, list[str]]:
    """Through the pages, as somebody does who is signed in."""
    assert "Set up an authenticator app" in visitor.get("/me/second-factor").text
    assert visitor.post("/me/second-factor").location == "/me/second-factor"
    page = visitor.get("/me/second-factor").text
    assert 'src="data:image/svg+xml' in page
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', page)
    assert secret
    app = Authenticator(secret[1])
    refused = visitor.post("/me/second-factor/code", code=app.wrong())
    assert refused.status == 400 and "incorrect" in refused.text and app.wrong() not in refused.text
    shown = visitor.post("/me/second-factor/code", code=app.code())
    assert shown.status == 200 and shown.headers["cache-control"] == "no-store"
    codes = re.findall(r"(?:[a-z2-9]{6}-){3}[a-z2-9]{6}", shown.text)
    assert len(codes) == bounds.RECOVERY_CODES
    again = visitor.get("/me/second-factor").text
    assert secret[1] not in again and codes[0] not in again, "shown once"
    return app, codes


def enter(visitor: Visitor, code: str, **fields: str) -> Page:
    """The right password, then this code."""
    asked = visitor.sign_in()
    assert (asked.status, asked.location) == (303, "/login/code")
    assert "Your code" in visitor.get("/login/code").text
    return visitor.post("/login/code", code=code, **fields)


def test_the_whole_way(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    other = Visitor(fresh.url)
    assert other.sign_in().status == 303
    app, codes = turn_on(eva)
    assert "10 recovery codes" in eva.get("/me").text
    assert other.get("/me").status == 303, "the other session is ended"
    assert eva.get("/me").status == 200

    visitor = Visitor(fresh.url)
    assert visitor.get("/login/code").location == "/login"
    visitor.get("/login")
    asked = visitor.post("/login", user_name=USER_NAME, password=PASSWORD, next="/users")
    assert (asked.status, asked.location) == (303, "/login/code?next=/users")
    assert "recnice_session" not in visitor.cookies and set(asked.cookies) == {"recnice_sign_in"}
    assert f"Max-Age={bounds.CODE_WAIT_S}" in asked.cookies["recnice_sign_in"]
    assert "HttpOnly" in asked.cookies["recnice_sign_in"] and "SameSite=Lax" in asked.cookies["recnice_sign_in"]
    assert visitor.get("/users").status == 303
    visitor.get("/login/code?next=/users")
    wrong = visitor.post("/login/code", code=TYPED, next="/users")
    assert wrong.status == 401 and TYPED not in wrong.text and 'value="/users"' in wrong.text
    code = app.code()
    entered = visitor.post("/login/code", code=code, next="/users")
    assert (entered.status, entered.location) == (303, "/users")
    assert "recnice_sign_in" not in visitor.cookies
    assert visitor.get("/users").status == 200
    assert "password and code" in visitor.get("/me").text

    assert enter(Visitor(fresh.url), code).status == 401, "a code is taken once"
    by_recovery = Visitor(fresh.url)
    assert enter(by_recovery, codes[0]).status == 303
    assert "9 recovery codes" in by_recovery.get("/me").text
    assert enter(Visitor(fresh.url), codes[0]).status == 401

    renewed = by_recovery.post("/me/second-factor/recovery-codes")
    new = re.findall(r"(?:[a-z2-9]{6}-){3}[a-z2-9]{6}", renewed.text)
    assert len(new) == bounds.RECOVERY_CODES and not set(new) & set(codes)
    assert enter(Visitor(fresh.url), codes[1]).status == 401
    off = by_recovery.post("/me/second-factor/off")
    assert (off.status, off.location) == (303, "/me")
    assert eva.get("/me").status == 303
    assert by_recovery.get("/me").status == 200
    assert Visitor(fresh.url).sign_in().location == "/"
    for secret in (code, *codes, *new, PASSWORD, TYPED):
        assert secret not in fresh.output
    assert fresh.stop() == 0


def test_eleven_wrong_codes_are_slowed_and_the_owner_is_not_hindered(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    app, codes = turn_on(eva)
    stranger = Visitor(fresh.url)
    assert enter(stranger, app.wrong()).status == 401
    for _ in range(bounds.SIGN_IN_FAILURES - 1):
        assert stranger.post("/login/code", code=app.wrong()).status == 401
    slowed = stranger.post("/login/code", code=app.wrong())
    assert slowed.status == 429 and 0 < int(slowed.headers["retry-after"]) <= bounds.SIGN_IN_WINDOW_S + 1
    assert "recovery code" in slowed.text
    assert enter(Visitor(fresh.url), codes[1]).status == 303, "a recovery code has tries of its own"
    proved = eva.post("/confirm", password=PASSWORD, code=codes[0], next="/account")
    assert (proved.status, proved.location) == (303, "/account")
    assert fresh.stop() == 0


def test_confirming_wants_both_and_keeps_nothing_that_was_typed(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    assert 'name="code"' not in eva.get("/confirm").text
    app, codes = turn_on(eva)
    assert 'name="code"' in eva.get("/confirm?next=/account").text
    wrong_password = "not the password"
    for fields in ({"password": wrong_password, "code": codes[0]}, {"password": PASSWORD, "code": TYPED}, {}):
        page = eva.post("/confirm", next="/account", **fields)
        assert page.status == 400 and "password or the code" in page.text
        for typed in (wrong_password, PASSWORD, codes[0], TYPED):
            assert typed not in page.text
    page = eva.post(
        "/me/password", current=wrong_password, code=TYPED, password="green kettles", repeated="green kettles"
    )
    assert page.status == 400
    for typed in (wrong_password, TYPED, "green kettles"):
        assert typed not in page.text
    last = eva.post("/confirm", password=PASSWORD, code=TYPED, next="/account")
    assert (last.status, last.location) == (303, "/login?next=/account"), "the session is ended"
    assert eva.get("/me").status == 303
    assert enter(Visitor(fresh.url), codes[0]).status == 303
    assert fresh.stop() == 0


def test_a_wrong_current_password_ends_the_session_at_last(console: Appliance, eva: Visitor):
    eva.get("/me")
    form = {"current": "wrong", "password": "a green kettle", "repeated": "a green kettle"}
    pages = [eva.post("/me/password", **form) for _ in range(bounds.WRONG_PROOFS)]
    assert [page.status for page in pages] == [400] * (bounds.WRONG_PROOFS - 1) + [303]
    assert pages[-1].location == "/login?next=/me"
    assert Visitor(console.url).sign_in().status == 303, "nobody is slowed for it"


# --- the ticket between the two pages ---------------------------------------------------------------------------------


@pytest.fixture
def ticket(app: Flask) -> Mapping[str, str]:
    """The cookie that the right password gives, by https below /sub."""
    with app.app_context():
        eva = administrators.create_operator("eva", PASSWORD, HOST)
        with directory_database.writing() as connection:
            now = clock.to_wire(clock.utc_now())
            two_factor_rows.begin(connection, eva.id, "x", now)
            two_factor_rows.change(connection, eva.id, confirmed=now)
    visitor = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/sub/login", base_url=BASE).text)
    assert token
    form = {"csrf_token": html.unescape(token[1]), "user_name": "eva", "password": PASSWORD}
    answer = visitor.post("/sub/login", data=form, base_url=BASE)
    assert answer.headers["Location"] == "/sub/login/code"
    [line] = [one for one in answer.headers.getlist("Set-Cookie") if "recnice_sign_in" in one]
    assert "Secure" in line and "Path=/sub" in line and "HttpOnly" in line
    name, _, value = line.partition(";")[0].partition("=")
    return {name: value}


def asked(app: Flask, name: str, value: str) -> int:
    visitor = app.test_client()
    visitor.set_cookie(name, value, domain="scim.recnice.example", path="/sub")
    return visitor.get("/sub/login/code", base_url=BASE).status_code


def test_the_ticket_is_sealed_for_one_purpose_and_a_while(
    app: Flask, ticket: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
):
    [(name, value)] = ticket.items()
    assert name == "__Secure-recnice_sign_in" and "eva" not in value
    assert asked(app, name, value) == 200
    assert asked(app, "__Secure-recnice_session", value) == 303
    assert asked(app, name, value[:-4] + "AAAA") == 303
    with app.test_request_context():
        from app.web.security import browser_session

        assert asked(app, name, browser_session.sealer("second factor").seal("x")) == 303
    later = clock.utc_now().timestamp() + bounds.CODE_WAIT_S + 5
    monkeypatch.setattr(clock, "utc_now", lambda: clock.datetime.fromtimestamp(later, clock.UTC))
    assert asked(app, name, value) == 303
