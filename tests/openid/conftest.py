"""An authority, and a provider for each test: any (`generic`), and one that stands as Entra (`entra`)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import clock
from tests.openid.certificates import Authority
from tests.openid.provider import TENANT, SigningProvider


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs the tests may have a proxy of its own."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def ca_file(authority: Authority) -> Path:
    return authority.ca_file


@pytest.fixture
def generic(authority: Authority) -> Iterator[SigningProvider]:
    with SigningProvider(authority).running() as provider:
        yield provider


@pytest.fixture
def entra(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[SigningProvider]:
    with SigningProvider(authority, tenant=TENANT).running() as provider, provider.proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        yield provider


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], float]:
    """Stops our clock; each call moves it by so many seconds and gives what it shows, in seconds since 1970."""
    now = [datetime(2026, 3, 1, 8, tzinfo=UTC)]
    monkeypatch.setattr(clock, "utc_now", lambda: now[0])

    def move(seconds: float) -> float:
        now[0] += timedelta(seconds=seconds)
        return now[0].timestamp()

    return move
