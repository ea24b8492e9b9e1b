"""The way to the provider inside this process: its cookie, how long it lasts, and how many may be on it at a time."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app import bounds, clock, console_roles, create_app
from app.administration.accounts import administrators, sessions
from app.administration.audit import HOST
from app.administration.single_sign_on import provider_settings
from app.administration.single_sign_on import provider_sign_in as sso
from app.administration.single_sign_on.errors import Lost
from app.administration.single_sign_on.pending_sign_in import PendingSignIn, ProviderReturn
from app.administration.single_sign_on.provider_settings import Entered
from app.openid import provider as openid
from app.openid.code_flow import Ticket
from app.openid.errors import ProviderCode, ProviderError
from app.openid.fetch_cache import Cache
from app.openid.id_token import Claims
from app.provisioning.resource_operations import Author, create
from app.scim.resource_types import USER
from app.settings import Settings
from app.store.database import directory_database
from app.store.request_log import log_database_file
from app.web import console
from app.web.console.access import provider_sign_in
from app.web.request_log import middleware
from tests.cheap import make_database
from tests.conftest import wait_until
from tests.openid.conftest import entra as provider
from tests.openid.provider import SigningProvider
from tests.web.visitor import PASSWORD

__all__ = ["provider"]

BASE = "https://scim.recnice.example"
OBJECT_ID = "8c1d3a8e-6d15-4f0e-b5a7-0d9c5a2f4e11"


@pytest.fixture
def app(tmp_path: Path, provider: SigningProvider) -> Iterator[Flask]:
    """Behind an https address with a path, with Entra set up."""
    settings = Settings(tmp_path, ("127.0.0.1", 7644), BASE + "/sub", ca_file=provider.authority.ca_file)
    make_database(settings.database)
    log_database_file.prepare(settings.requests_database)
    app = create_app(settings)
    console.load_pages(app)
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        entered = Entered("entra", "global", provider.tenant, "", provider.client_id, provider.client_secret)
        provider_settings.save(entered, provider_sign_in.provider_client(), HOST)
    yield app
    middleware.of(app).recorder.close()
    with app.app_context():
        directory_database.file.close()


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
    assert {"Secure", "HttpOnly", "Path=/sub", "SameSite=Lax", f"Max-Age={bounds.PENDING_SIGN_IN_S}"} <= terms
    assert "redirect_uri=https%3A%2F%2Fscim.recnice.example%2Fsub%2Fauth%2Fcallback" in answer.headers["Location"]
    assert "users" not in rest, "sealed"


@pytest.mark.parametrize("wanted", ["/" + "x" * 1100, '/"' * 500, "/" + "é" * 500, "/" + "\\" * 500])
def test_the_cookie_is_one_that_every_browser_keeps(app: Flask, wanted: str):
    answer = app.test_client().get("/sub/auth/start", query_string={"next": wanted}, base_url=BASE)
    (cookie,) = (one for one in answer.headers.getlist("Set-Cookie") if "journey" in one)
    assert len(cookie) < 4096


def test_after_ten_minutes_it_is_over(app: Flask, provider: SigningProvider, pass_time: Callable[[float], None]):
    provider.now = lambda: clock.utc_now().timestamp()
    for seconds, status in ((bounds.PENDING_SIGN_IN_S - 1, 403), (bounds.PENDING_SIGN_IN_S + 1, 400)):
        visitor = app.test_client()
        address = visitor.get("/sub/auth/start", base_url=BASE).headers["Location"]
        pass_time(seconds)
        state = parse_qs(urlsplit(address).query)["state"][0]
        answer = visitor.get(f"/sub/auth/callback?error=access_denied&state={state}", base_url=BASE)
        assert answer.status_code == status, answer.text


INVENTED = "invented"


class Provider:
    """The provider as the application asks it: an invented code is held back until `leave`, and refused then."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch, is_patient: bool = True) -> None:
        self.app = app
        self.asked: list[str] = []
        self.open: list[str] = []
        self.leave = threading.Event()
        if not is_patient:
            self.leave.set()
        monkeypatch.setattr("app.administration.single_sign_on.provider_client.code_flow.finish", self.finish)

    def finish(self, provider: object, client: object, ticket: Ticket, code: str, keys: object) -> Claims:
        self.asked.append(code)
        if code != INVENTED:
            return Claims("", "", "tenant", OBJECT_ID, "Ana", "", None, {})
        self.open.append(code)
        assert self.leave.wait(30)
        self.open.pop()
        raise ProviderError(ProviderCode.TOKEN_REFUSED, error="invalid_grant", hint="")

    def come_back(self, code: str, address: str) -> int:
        """There and back again with a code; the status."""
        visitor, at = self.app.test_client(), {"REMOTE_ADDR": address}
        left = visitor.get("/sub/auth/start", base_url=BASE, environ_base=at)
        assert left.status_code == 303, left.text
        state = parse_qs(urlsplit(left.headers["Location"]).query)["state"][0]
        back = f"/sub/auth/callback?code={code}&state={state}"
        return visitor.get(back, base_url=BASE, environ_base=at).status_code

    def crowd(self, addresses: list[str], code: str = INVENTED) -> tuple[list[threading.Thread], list[int]]:
        """All of them at once; the statuses come as they are answered."""
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda one=one: statuses.append(self.come_back(code, one))) for one in addresses
        ]
        for thread in threads:
            thread.start()
        return threads, statuses


@pytest.fixture
def talks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Provider]]:
    """Makes a Provider; Ana is provisioned, so that her code lets her in. Whoever waits does so until it is over."""
    monkeypatch.setattr(bounds, "PROVIDER_WAIT_S", 30)
    with app.app_context():
        create(USER, {"schemas": [USER.schema.urn], "userName": "ana", "externalId": OBJECT_ID}, Author("1", "key 1"))
    made: list[Provider] = []

    def make(**of: bool) -> Provider:
        made.append(Provider(app, monkeypatch, **of))
        return made[-1]

    yield make
    for one in made:
        one.leave.set()


def end(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(30)


def test_a_real_sign_in_ends_while_invented_codes_are_still_looked_at(talks: Callable[..., Provider]):
    """Ten addresses that invent codes again and again have one place together once each has failed."""
    provider = talks(is_patient=False)
    attackers = [f"203.0.113.{n}" for n in range(10)]
    for one in attackers:
        assert provider.come_back(INVENTED, one) in (403, 503)
    provider.leave.clear()
    threads, statuses = provider.crowd(attackers)
    wait_until(lambda: len(statuses) == len(attackers) - 1 - bounds.PROVIDER_TALKS_WAITING_OF_ONE, "the others go")
    assert set(statuses) == {503} and len(provider.open) == 1
    for n in range(31):
        assert provider.come_back("ana", f"198.51.100.{n}") == 303
    assert len(provider.open) == 1, "it was open all the time"
    provider.leave.set()
    end(threads)


@pytest.mark.parametrize(
    ("addresses", "places"),
    [
        (["203.0.113.1"] * 3, 1),
        (["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:ff::1"], 1),
        (["2001:db8:0:100::1", "2001:db8:0:200::1"], 2),
        (["203.0.113.1", "203.0.113.2"], 2),
    ],
)
def test_a_site_has_one_place(talks: Callable[..., Provider], addresses: list[str], places: int):
    provider = talks()
    threads, statuses = provider.crowd(addresses)
    wait_until(lambda: len(provider.open) == places, "so many are asked about")
    assert provider.come_back("ana", "198.51.100.1") == 303, "somebody from elsewhere, meanwhile"
    assert len(provider.open) == places and not statuses
    provider.leave.set()
    end(threads)


def test_who_comes_while_all_places_are_taken_waits_a_little(app: Flask, talks: Callable[..., Provider]):
    provider = talks()
    threads, _ = provider.crowd([f"203.0.113.{n}" for n in range(bounds.PROVIDER_TALKS)])
    wait_until(lambda: len(provider.open) == bounds.PROVIDER_TALKS, "all places are taken")
    waiting, statuses = provider.crowd(["198.51.100.1"], "ana")
    with app.app_context():
        places = provider_sign_in.provider_client()._places
    wait_until(lambda: places._waiters, "waits")
    assert not statuses
    provider.leave.set()
    end(threads + waiting)
    assert statuses == [303]


def test_who_waits_in_vain_is_told_to_come_again_and_is_not_counted(
    app: Flask, talks: Callable[..., Provider], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bounds, "PROVIDER_WAIT_S", 0.01)
    provider = talks()
    threads, _ = provider.crowd([f"203.0.113.{n}" for n in range(bounds.PROVIDER_TALKS)])
    wait_until(lambda: len(provider.open) == bounds.PROVIDER_TALKS, "all places are taken")
    for _ in range(bounds.ARRIVAL_FAILURES + 1):
        assert provider.come_back("ana", "198.51.100.1") == 503
    with app.app_context():
        provider_sign_in.provider_client()._providers = Cache(openid.discover)  # not discovered yet
    answer = app.test_client().get("/sub/auth/start", base_url=BASE)
    assert answer.status_code == 503 and "Try again in a few seconds" in answer.text
    assert answer.headers["Retry-After"] == str(bounds.PROVIDER_BUSY_S) and 'name="password"' in answer.text
    provider.leave.set()
    end(threads)
    assert "ana" not in provider.asked


@pytest.mark.parametrize("code", [ProviderCode.TOKEN_REFUSED, ProviderCode.UNREACHABLE])
def test_returns_in_vain_are_counted_whatever_the_provider_says(
    app: Flask, talks: Callable[..., Provider], monkeypatch: pytest.MonkeyPatch, code: ProviderCode
):
    """Also those that are answered with 503: each made us ask the provider with our client secret."""
    provider = talks(is_patient=False)

    def refuse(*_: object) -> Claims:
        provider.asked.append(INVENTED)
        raise ProviderError(code, host="login.example", error="invalid_grant", hint="")

    monkeypatch.setattr("app.administration.single_sign_on.provider_client.code_flow.finish", refuse)
    statuses = [provider.come_back(INVENTED, "203.0.113.1") for _ in range(bounds.ARRIVAL_FAILURES + 3)]
    assert statuses[-3:] == [429] * 3 and 429 not in statuses[:-3]
    assert len(provider.asked) == bounds.ARRIVAL_FAILURES
    assert provider.come_back(INVENTED, "203.0.113.2") != 429


def test_a_journey_of_another_version_is_none(app: Flask):
    pending = PendingSignIn(Ticket("s", "n", "v", "r"), "g", "sign-in")
    assert PendingSignIn.of(pending.to_text()) == pending
    for text in ("{}", "[]", "1", "x", '{"ticket": {}}', replace(pending, purpose="other").to_text()):
        with pytest.raises(ValueError):
            PendingSignIn.of(text)


def test_an_operator_proves_nothing_by_it(app: Flask):
    pending = PendingSignIn(Ticket("s", "n", "v", "r"), "g", "proof", session_id="1")
    who = sessions.SignedIn("1", "eva", console_roles.Role.OWNER, operator_id="o")
    with app.app_context(), pytest.raises(Lost):
        sso.prove(provider_sign_in.provider_client(), ProviderReturn(pending, {}, sessions.Browser(), "1"), who)
