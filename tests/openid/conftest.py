"""An authority, and a provider for each test: any (`generic`), and one that stands as Entra (`entra`)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
