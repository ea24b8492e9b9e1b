"""Few searches read each user of a large directory at the same time; some wait, and others are refused."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from app import bounds
from app.administration import audit
from app.administration.credentials import scim_keys
from app.provisioning import resource_operations, unindexed_searches
from app.provisioning.resource_operations import Author
from app.scim.resource_types import USER
from tests.conftest import wait_until

BASE = "https://scim.recnice.example/sub"
BY_TITLE = "Users?filter=" + quote('title eq "Countess"')
WITHOUT_PLACE = [
    "Users",
    "Users?count=0",
    "Users?filter=" + quote('userName eq "ada"'),
    "Users?sortBy=title&filter=" + quote('userName eq "ada"'),
    "Groups?filter=" + quote('members.type eq "User"'),  # there are only a few groups
]
WITH_PLACE = [BY_TITLE, "Users?sortBy=title", "?filter=" + quote('title pr or displayName eq "Staff"')]


@pytest.fixture
def ask(app: Flask) -> Any:
    """A function that sends a GET of a client, in a directory of three users."""
    with app.app_context():
        key = scim_keys.create_key("test", audit.HOST).text
        for name in ("ada", "ben", "eva"):
            resource_operations.create(USER, {"userName": name, "title": "Countess"}, Author("", ""))

    def send(path: str) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return app.test_client().get(f"/sub/scim/{path}", base_url=BASE, headers=headers)

    return send


@pytest.fixture
def occupied(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """All places; the directory counts as large."""
    monkeypatch.setattr(bounds, "UNINDEXED_RESOURCES", 2)
    with ExitStack() as places:
        for _ in range(bounds.UNINDEXED_SEARCHES_AT_ONCE):
            places.enter_context(unindexed_searches._places.taken())
        yield places


@pytest.mark.usefixtures("occupied")
def test_a_search_without_an_index_is_refused_when_too_many_wait(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "UNINDEXED_SEARCHES_WAITING", 0)
    for path in WITH_PLACE:
        refused = ask(path)
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True), path
        assert refused.json["detail"] == "Too many searches without an index are in progress"
    assert [ask(path).status_code for path in WITHOUT_PLACE] == [200] * len(WITHOUT_PLACE)


def test_a_search_waits_for_a_place(ask: Any, occupied: ExitStack) -> None:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask(BY_TITLE)))
    thread.start()
    wait_until(lambda: unindexed_searches._places._waiters, "the search waits")
    occupied.close()
    thread.join(30)
    assert answers[0].json["totalResults"] == 3


@pytest.mark.usefixtures("occupied")
def test_a_small_directory_has_no_limit(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "UNINDEXED_RESOURCES", 3)
    assert ask(BY_TITLE).json["totalResults"] == 3
