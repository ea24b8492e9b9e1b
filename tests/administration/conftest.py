"""A migrated database file, an application on it, and a clock that tests can turn."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app import clock
from app.administration.accounts.password_sign_in import sign_in
from app.administration.accounts.sessions import Browser, SignedIn, session
from app.administration.audit import Actor
from app.administration.credentials import bearer_token_check, scim_keys
from app.administration.credentials.bearer_token_check import Bearer
from app.administration.encryption import Sealer
from app.request_record import KeyFault
from app.store.access.scim_key_rows import KeyRow
from app.store.database import directory_database
from tests.store.conftest import app, path, patient

__all__ = ["app", "path", "patient"]

PASSWORD = "a blue kettle sings"
HERE = "192.0.2.1"
EVA = Actor("operator", "eva", HERE)
SEALER = Sealer(b"s" * 32, "second factor")


def signed_in(user_name: str = "eva", password: str = PASSWORD) -> SignedIn:
    """An operator without a second factor, as a request of theirs is known."""
    who = session(sign_in(user_name, password, Browser(HERE, "a browser")))
    assert who is not None
    return who


def judge_key(text: str) -> tuple[KeyRow | None, KeyFault]:
    with directory_database.reading() as connection:
        return scim_keys.judge_key(connection, text)


def judge_bearer(text: str) -> Bearer:
    with directory_database.reading() as connection:
        return bearer_token_check.judge_bearer(connection, text)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stops the clock; each call moves it by so many seconds, backwards too."""
    now = [datetime(2026, 3, 1, 8, tzinfo=UTC)]
    monkeypatch.setattr(clock, "utc_now", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    return move
