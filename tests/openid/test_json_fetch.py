import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app import bounds
from app.openid import json_fetch
from app.openid.errors import ProviderCode
from tests.openid.certificates import Authority
from tests.openid.provider import Faults, SigningProvider
from tests.openid.refusal import refused
from tests.openid.wires import Proxy

OBJECT = b'{"a": 1}'


def address(provider: SigningProvider) -> str:
    return provider.issuer + "/.well-known/openid-configuration"


def fetch(provider: SigningProvider) -> dict:
    return json_fetch.get(address(provider), "discovery document", provider.authority.ca_file)


def test_an_object_is_fetched(generic: SigningProvider):
    assert fetch(generic)["issuer"] == generic.issuer


@pytest.mark.parametrize(
    "wrong",
    [
        "http://127.0.0.1:1/",
        "http://localhost/",
        "ftp://host/",
        "https://",
        "https:///path",
        "https://user@host/",
        "https://user:word@host/",
        "https://host/#part",
        "https://host/a b",
        "https://host/\u00e9",
        "https://host/\n",
        "https://host:99999/",
        "https://[::1/",
        "https://host/" + "a" * bounds.PROVIDER_ADDRESS_LENGTH,
        "HTTPS://host/",
        "",
    ],
)
def test_only_plain_https_addresses_are_asked(wrong: str):
    with refused(ProviderCode.BAD_ADDRESS):
        json_fetch.get(wrong, "discovery document")


def test_a_certificate_of_an_unknown_authority_is_refused(generic: SigningProvider):
    with refused(ProviderCode.NO_TRUST):
        json_fetch.get(address(generic), "discovery document")


def test_the_environment_does_not_say_whom_to_trust(generic: SigningProvider, monkeypatch: pytest.MonkeyPatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(generic.authority.ca_file))
    with refused(ProviderCode.NO_TRUST):
        json_fetch.get(address(generic), "discovery document")


def test_a_certificate_for_another_name_is_refused(authority: Authority, monkeypatch: pytest.MonkeyPatch):
    provider = SigningProvider(authority)
    with provider.running(), Proxy({"other.example": provider.port}).running() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with refused(ProviderCode.NO_TRUST) as caught:
            json_fetch.get("https://other.example/", "discovery document", authority.ca_file)
        assert "other.example" in str(caught.value)


def test_further_authorities_stand_beside_the_usual_ones(generic: SigningProvider, monkeypatch: pytest.MonkeyPatch):
    import certifi
    import requests

    from app.openid import https_transport

    usual = Path(certifi.__file__).with_name("cacert.pem")
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(usual))
    with requests.Session() as session:
        https_transport.bind(session, address(generic), "discovery document", generic.authority.ca_file)
        context = session.get_adapter(address(generic))._ssl
        session.get(address(generic))
    assert context.cert_store_stats()["x509_ca"] > 50  # those of certifi, and ours
    assert any("Authority of a test" in str(one["subject"]) for one in context.get_ca_certs())


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_without_certificates_is_said_to_be_one(tmp_path: Path, generic: SigningProvider, content: str | None):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with refused(ProviderCode.BAD_CA_FILE):
        json_fetch.get(address(generic), "discovery document", path)


def test_nobody_there(authority: Authority):
    with SigningProvider(authority).running() as provider:
        gone = address(provider)
    with refused(ProviderCode.UNREACHABLE) as caught:
        json_fetch.get(gone, "discovery document", authority.ca_file)
    assert "127.0.0.1" in str(caught.value)


def test_a_closed_connection(generic: SigningProvider):
    generic.faults["discovery"] = Faults.closes
    with refused(ProviderCode.UNREACHABLE):
        fetch(generic)


@pytest.mark.parametrize("fault", [Faults.hangs, Faults.trickles_head, Faults.trickles_body])
def test_the_whole_time_is_bounded(generic: SigningProvider, monkeypatch: pytest.MonkeyPatch, fault):
    """A server that sends a little now and then meets no timeout of a socket; its connection is cut all the same."""
    monkeypatch.setattr(bounds, "PROVIDER_ANSWER_S", 0.4)
    generic.faults["discovery"] = fault
    with refused(ProviderCode.SLOW):
        fetch(generic)
    end = time.monotonic() + 10
    while any(thread.name == "provider" for thread in threading.enumerate()):
        assert time.monotonic() < end, "the thread still reads"
        time.sleep(0.02)


def test_a_proxy_that_trickles_is_not_waited_for(
    authority: Authority, generic: SigningProvider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bounds, "PROVIDER_ANSWER_S", 0.4)
    with Proxy({}).running() as proxy:
        proxy.trickles = True
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with refused(ProviderCode.SLOW):
            fetch(generic)


@pytest.mark.parametrize("fault", [Faults.is_endless, Faults.is_bomb])
def test_a_body_is_bounded_before_and_after_decompression(generic: SigningProvider, fault):
    generic.faults["discovery"] = fault
    with refused(ProviderCode.TOO_LARGE):
        fetch(generic)


def test_a_body_of_just_the_size_is_taken(generic: SigningProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "PROVIDER_ANSWER_BYTES", len(OBJECT))
    generic.faults["discovery"] = Faults.replies(200, OBJECT)
    assert fetch(generic) == {"a": 1}
    generic.faults["discovery"] = Faults.replies(200, OBJECT + b" ")
    with refused(ProviderCode.TOO_LARGE):
        fetch(generic)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
def test_no_redirect_is_followed(generic: SigningProvider, status: int):
    there = f"{generic.base}/discovery/v2.0/keys"
    generic.faults["discovery"] = Faults.replies(status, b"", Location=there)
    with refused(ProviderCode.REDIRECT):
        fetch(generic)
    assert generic.count("jwks") == 0


@pytest.mark.parametrize("status", [201, 204, 400, 404, 429, 500, 503])
def test_only_200_is_an_answer(generic: SigningProvider, status: int):
    generic.faults["discovery"] = Faults.replies(status, b"" if status == 204 else OBJECT)
    with refused(ProviderCode.HTTP_STATUS) as caught:
        fetch(generic)
    assert str(status) in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"text"',
        b"1",
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"1" * 5_000 + b"}",
    ],
)
def test_only_one_strict_json_object_is_an_answer(generic: SigningProvider, body: bytes):
    generic.faults["discovery"] = Faults.replies(200, body)
    with refused(ProviderCode.NOT_JSON):
        fetch(generic)


def test_no_cookie_is_kept(generic: SigningProvider):
    fetch(generic)
    fetch(generic)
    assert generic.count("discovery") == 2
    assert not any("cookie" in headers for _, headers in generic.asked)


def test_netrc_is_not_used(generic: SigningProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login somebody password word\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    fetch(generic)
    assert not any("authorization" in headers for _, headers in generic.asked)


def test_the_proxy_of_the_environment_is_used(generic: SigningProvider, monkeypatch: pytest.MonkeyPatch):
    with generic.proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        fetch(generic)
        assert proxy.asked == [f"127.0.0.1:{generic.port}"]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        fetch(generic)
        assert len(proxy.asked) == 1


def test_a_proxy_that_refuses(generic: SigningProvider, monkeypatch: pytest.MonkeyPatch):
    with Proxy({}).running() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with refused(ProviderCode.PROXY):
            fetch(generic)


def test_a_proxy_that_is_not_there(generic: SigningProvider, monkeypatch: pytest.MonkeyPatch):
    with Proxy({}).running() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with refused(ProviderCode.PROXY):
        fetch(generic)


def test_a_start_of_the_program_does_not_pay_for_the_libraries():
    names = {path.stem for path in Path("app/openid").glob("*.py")} - {"__init__", "https_transport"}
    assert "code_flow" in names
    imports = "".join(f"import app.openid.{name}\n" for name in names)
    heavy = "{'requests', 'urllib3', 'authlib', 'joserfc', 'cryptography'}"
    code = f"{imports}import sys\nprint(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert found.stdout.strip() == "[]"
