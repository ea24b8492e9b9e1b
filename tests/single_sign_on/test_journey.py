"""The way to the provider inside this process: its cookie, how long it lasts, and how many may be on it at a time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app import administration, bounds, clock, create_app
from app.administration import HOST
from app.administration import single_sign_on as sso
from app.administration.single_sign_on import Arrival, Entered, Journey, Lost, Unreachable
from app.openid.code_flow import Ticket
from app.settings import Settings
from app.store import db, requests
from app.web import observed
from app.web.console import auth
from tests.cheap import make_database
from tests.openid.conftest import entra as provider
from tests.openid.provider import SigningProvider
from tests.web.visitor import PASSWORD

__all__ = ["provider"]

BASE = "https://scim.recnice.example"


@pytest.fixture
def app(tmp_path: Path, provider: SigningProvider) -> Iterator[Flask]:
    """Behind an https address with a path, with Entra set up."""
    settings = Settings(tmp_path, ("127.0.0.1", 7644), BASE + "/sub", ca_file=provider.authority.ca_file)
    make_database(settings.database)
    requests.prepare(settings.requests_database)
    app = create_app(settings)
    with app.app_context():
        administration.create_operator("eva", PASSWORD, HOST)
        entered = Entered("entra", "global", provider.tenant, "", provider.client_id, provider.client_secret)
        sso.save(entered, auth.line(), HOST)
    yield app
    observed.of(app).recorder.close()
    with app.app_context():
        db.db.engine.dispose()


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [datetime.now(UTC)]
    monkeypatch.setattr(clock, "utc_now", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    return move


def test_the_cookie_is_for_us_alone(app: Flask):
    answer = app.test_client().get("/sub/auth/start?next=/users", base_url=BASE)
    (cookie,) = (one for one in answer.headers.getlist("Set-Cookie") if "journey" in one)
    name, _, rest = cookie.partition("=")
    assert name == "__Secure-recnice_journey"
    terms = {one.strip() for one in rest.split(";")[1:]}
    assert {"Secure", "HttpOnly", "Path=/sub", "SameSite=Lax", f"Max-Age={bounds.JOURNEY_S}"} <= terms
    assert "redirect_uri=https%3A%2F%2Fscim.recnice.example%2Fsub%2Fauth%2Fcallback" in answer.headers["Location"]
    assert "users" not in rest, "sealed"


@pytest.mark.parametrize("wanted", ["/" + "x" * 1100, '/"' * 500, "/" + "é" * 500, "/" + "\\" * 500])
def test_the_cookie_is_one_that_every_browser_keeps(app: Flask, wanted: str):
    answer = app.test_client().get("/sub/auth/start", query_string={"next": wanted}, base_url=BASE)
    (cookie,) = (one for one in answer.headers.getlist("Set-Cookie") if "journey" in one)
    assert len(cookie) < 4096


def test_after_ten_minutes_it_is_over(app: Flask, provider: SigningProvider, pass_time: Callable[[float], None]):
    provider.now = lambda: clock.utc_now().timestamp()
    for seconds, status in ((bounds.JOURNEY_S - 1, 403), (bounds.JOURNEY_S + 1, 400)):
        visitor = app.test_client()
        address = visitor.get("/sub/auth/start", base_url=BASE).headers["Location"]
        pass_time(seconds)
        state = parse_qs(urlsplit(address).query)["state"][0]
        answer = visitor.get(f"/sub/auth/callback?error=access_denied&state={state}", base_url=BASE)
        assert answer.status_code == status, answer.text


def test_no_more_than_a_few_wait_for_the_provider(app: Flask):
    with app.app_context():
        line = auth.line()
        found = sso.configured()
        assert found is not None
    places = [line._place() for _ in range(bounds.PROVIDER_TALKS)]
    for place in places:
        place.__enter__()
    try:
        with pytest.raises(Unreachable):
            line.find(found.issuer)
        answer = app.test_client().get("/sub/auth/start", base_url=BASE)
        assert answer.status_code == 503 and "Try again in a few seconds" in answer.text
        assert answer.headers["Retry-After"] == str(bounds.PROVIDER_BUSY_S) and 'name="password"' in answer.text
    finally:
        for place in places:
            place.__exit__(None, None, None)
    assert app.test_client().get("/sub/auth/start", base_url=BASE).status_code == 303


def test_a_journey_of_another_version_is_none(app: Flask):
    journey = Journey(Ticket("s", "n", "v", "r"), "g", "sign-in")
    assert Journey.of(journey.to_text()) == journey
    for text in ("{}", "[]", "1", "x", '{"ticket": {}}', replace(journey, purpose="other").to_text()):
        with pytest.raises(ValueError):
            Journey.of(text)


def test_an_operator_proves_nothing_by_it(app: Flask):
    journey = Journey(Ticket("s", "n", "v", "r"), "g", "proof", session_id="1")
    who = administration.SignedIn("1", "eva", administration.Role.OWNER, operator_id="o")
    with app.app_context(), pytest.raises(Lost):
        sso.prove(auth.line(), Arrival(journey, {}, administration.Browser(), "1"), who)
