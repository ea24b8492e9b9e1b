"""Many who fail to sign in: others are answered meanwhile, and nobody is locked out by them."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app import bounds
from app.administration.accounts import administrators, passwords
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.http_server import server
from tests.conftest import wait_until
from tests.web.test_access import BASE
from tests.web.visitor import PASSWORD, Page, Visitor

THREADS = 16
SIGN_INS = 40


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The application behind the real server, in a thread of this process; gives its address."""
    bound = server.bind(("127.0.0.1", 0))
    running = server.Server(app, bound, threads=THREADS)
    thread = threading.Thread(target=running.run)
    thread.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    running.stop()
    thread.join(20)


def test_scim_and_health_are_answered_while_many_sign_in(app: Flask, served: str, monkeypatch: pytest.MonkeyPatch):
    """By order, not by duration: the passwords are still looked at while all others have their answers."""
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        key = scim_keys.create_key("test", HOST).text
    leave, pages = threading.Event(), list[Page]()

    def matches(password: str, kept: str | None) -> bool:
        assert leave.wait(30)
        return False

    monkeypatch.setattr(passwords, "matches", matches)
    visitor = Visitor(served)
    visitor.get("/login")

    def sign_in(number: int) -> None:
        one = Visitor(served, dict(visitor.cookies), visitor.token)
        pages.append(one.post("/login", user_name=f"nobody{number}", password="wrong"))

    tries = [threading.Thread(target=sign_in, args=(number,)) for number in range(SIGN_INS)]
    for one in tries:
        one.start()
    held = bounds.PASSWORD_CHECKS_AT_ONCE + bounds.PASSWORD_CHECKS_WAITING
    try:
        wait_until(lambda: len(pages) == SIGN_INS - held, "the others are refused at once")
        assert Visitor(served).get("/healthz").status == 200
        bearer = {"Authorization": f"Bearer {key}"}
        assert Visitor(served).get("/scim/Users", bearer).status == 200
        assert {page.status for page in pages} == {429}
        assert {page.headers["retry-after"] for page in pages} == {str(bounds.PASSWORD_WAIT_S)}
        assert all("Too many sign-ins are in progress" in page.text for page in pages)
    finally:
        leave.set()
        for one in tries:
            one.join(30)
    assert [page.status for page in pages].count(401) == held


class Browser:
    """Somebody behind a reverse proxy that is not trusted: every request comes from the proxy's address."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def sign_in(self, name: str, password: str = "wrong", **headers: str) -> Any:
        found = self.client.get("/sub/login", base_url=BASE).text
        token = found.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"csrf_token": token, "user_name": name, "password": password}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/sub/login", data=form, base_url=BASE, headers=sent)


def test_a_stranger_behind_a_proxy_that_is_not_trusted_locks_nobody_out(app: Flask):
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
    stranger = Browser(app)
    for n in range(bounds.SIGN_IN_FAILURES):
        assert stranger.sign_in(f"name{n}", X_Forwarded_For=f"203.0.113.{n}").status_code == 401
    for n, headers in enumerate(({}, {"X_Forwarded_For": "198.51.100.1"}, {"Forwarded": "for=198.51.100.2"})):
        assert stranger.sign_in(f"name{n}", **headers).status_code == 429, "a header lifts no limit"
    assert stranger.sign_in("name3", X_Real_IP="198.51.100.3", X_Recnice_Live="1").status_code == 429
    eva = Browser(app)
    assert eva.sign_in("eva", PASSWORD, X_Forwarded_For="192.0.2.1").status_code == 303
    status = eva.client.get("/sub/", base_url=BASE).text
    assert 'trusted_proxy = ["127.0.0.1"]' in status.replace("&#34;", '"')
    assert f"{bounds.SIGN_IN_FAILURES} failed sign-ins in the last 10 minutes" in status
