"""The public address: what of a request's Host, path and forwarded headers is believed."""

import json
import socket
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from app import bounds
from app.ip_addresses import NetworkSet
from app.settings import Settings
from app.web.public_url import IGNORED, PublicAddress, client_of
from app.web.service_routing import is_scim

PROXY = "10.0.0.5"
TRUSTED = (ip_network("10.0.0.0/24"), ip_network("fd00::/64"))


def seen(
    *, public_url: str = "https://scim.example.com", trusted: tuple[Any, ...] = TRUSTED, **environ: str
) -> dict[str, Any]:
    """The environ as it reaches the application, or {"status", "type", "body"} of the refusal."""
    settings = Settings(Path("/nowhere"), ("127.0.0.1", 7644), public_url, trusted)
    return send(PublicAddress(_application, settings), **environ)


def _application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ]  # type: ignore[list-item]


def send(application: PublicAddress, **environ: str) -> dict[str, Any]:
    given: dict[str, Any] = {
        "REMOTE_ADDR": "203.0.113.9",
        "PATH_INFO": "/scim/Users",
        "SCRIPT_NAME": "",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "scim.example.com",
    }
    given.update(environ)
    answered: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        answered.update(status=status, type=dict(headers).get("Content-Type"))

    body = list(application(given, start_response))  # type: ignore[arg-type]
    return body[0] if isinstance(body[0], dict) else {**answered, "body": body[0]}  # type: ignore[return-value]


# --- forwarded headers -----------------------------------------------------------------------------------------------


def test_a_trusted_proxy_is_believed() -> None:
    environ = seen(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="198.51.100.7", HTTP_X_FORWARDED_PROTO="https")
    assert environ["REMOTE_ADDR"] == "198.51.100.7"
    assert environ["wsgi.url_scheme"] == "https"
    assert IGNORED not in environ


def test_from_elsewhere_a_forwarded_header_changes_nothing() -> None:
    plain = seen()
    environ = seen(
        HTTP_X_FORWARDED_FOR="198.51.100.7",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="evil.test",
        HTTP_X_FORWARDED_PREFIX="/evil",
        HTTP_X_REAL_IP="198.51.100.7",
        HTTP_FORWARDED="for=198.51.100.7;proto=https;host=evil.test",
        HTTP_X_REWRITE_URL="/evil",
    )
    assert environ.pop(IGNORED) == ("203.0.113.9",)
    assert environ == plain


def test_by_default_nobody_is_trusted() -> None:
    environ = seen(trusted=(), REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.7")
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_no_forwarded_header_reaches_the_application() -> None:
    environ = seen(
        REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="198.51.100.7", HTTP_X_FORWARDED_HOST="a", HTTP_FORWARDED="for=a"
    )
    assert not [name for name in environ if "FORWARDED" in name]


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("1.2.3.4, 198.51.100.7", "198.51.100.7"),  # the left one is the client's own claim
        ("1.2.3.4, 198.51.100.7, 10.0.0.6", "198.51.100.7"),  # two proxies of ours
        ("10.0.0.7, 10.0.0.6", "10.0.0.7"),  # all ours: the farthest
        ("not an address", PROXY),
        ("198.51.100.7, not an address", PROXY),
        ("not an address, 198.51.100.7", "198.51.100.7"),
        ("", PROXY),
        ("198.51.100.7:51234", "198.51.100.7"),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_rightmost_address_that_is_not_ours_is_the_client(forwarded_for: str, client: str) -> None:
    assert str(client_of(ip_address(PROXY), forwarded_for, NetworkSet(TRUSTED))) == client
    assert seen(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=forwarded_for)["REMOTE_ADDR"] == client


@pytest.mark.parametrize("proto", ["ftp", "https, http", "https;x", ""])
def test_a_scheme_that_is_none_is_not_believed(proto: str) -> None:
    assert seen(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_PROTO=proto)["wsgi.url_scheme"] == "http"


def test_ignored_private_addresses_are_proposed_once_each(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(Path("/nowhere"), ("127.0.0.1", 7644), "http://127.0.0.1:7644")
    application = PublicAddress(_application, settings)
    for stranger in ("8.8.8.8", "2606:4700::1111"):
        assert IGNORED not in send(application, REMOTE_ADDR=stranger, HTTP_X_FORWARDED_FOR="1.2.3.4", HTTP_HOST="[::1]")
    assert not caplog.records, "a stranger is no proxy"
    given = [f"10.0.0.{last}" for last in range(1, bounds.PROXY_HINTS + 3)]
    for address in (given[0], *given):
        send(application, REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR="1.2.3.4", HTTP_HOST="localhost")
    proposed = send(application, HTTP_HOST="localhost")[IGNORED]
    assert proposed == tuple(given[: bounds.PROXY_HINTS])
    assert [record.getMessage().count("10.0.0.") for record in caplog.records] == [2] * bounds.PROXY_HINTS


# --- sub-path --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/recnice/scim/Users", "/scim/Users"),  # the proxy passes the path on as it came
        ("/scim/Users", "/scim/Users"),  # the proxy takes the sub-path away
        ("/recnice/", "/"),
        ("/recnice", "/"),
        ("/recniceX/scim", "/recniceX/scim"),
        ("/recnice/recnice/x", "/recnice/x"),
    ],
)
def test_the_sub_path_goes_to_script_name(path: str, inner: str) -> None:
    environ = seen(public_url="https://scim.example.com/recnice", PATH_INFO=path)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/recnice", inner)


def test_without_a_sub_path_nothing_is_moved() -> None:
    environ = seen(PATH_INFO="/recnice/x")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/recnice/x")


def test_what_is_scim() -> None:
    assert is_scim("/scim") and is_scim("/scim/") and is_scim("/scim/v2/Users")
    assert not is_scim("/scimX") and not is_scim("/") and not is_scim("/login")


# --- Host ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "scim.example.com",
        "SCIM.Example.com:8443",
        "scim.example.com.",
        "localhost:7644",
        "127.0.0.1:7644",
        "192.168.1.20",
        "[::1]:7644",
        socket.gethostname(),
    ],
)
def test_our_own_hosts_are_answered(host: str) -> None:
    assert seen(HTTP_HOST=host)["HTTP_HOST"] == host


@pytest.mark.parametrize(
    "host", ["evil.test", "scim.example.com.evil.test", "localhost.evil.test", "", "a b", "x@scim.example.com", "[x]"]
)
def test_other_hosts_are_refused(host: str) -> None:
    refused = seen(HTTP_HOST=host)
    assert refused["status"] == "400 Bad Request"
    assert refused["type"] == "application/scim+json"
    error = json.loads(refused["body"])
    assert (error["status"], error["schemas"]) == ("400", ["urn:ietf:params:scim:api:messages:2.0:Error"])
    assert "evil" not in error["detail"], "what was sent is not repeated"


def test_outside_scim_the_refusal_is_plain_text() -> None:
    refused = seen(HTTP_HOST="evil.test", PATH_INFO="/login")
    assert refused["type"] == "text/plain; charset=utf-8" and b"public_url" in refused["body"]


def test_http_1_0_needs_no_host() -> None:
    settings = Settings(Path("/nowhere"), ("127.0.0.1", 7644), "http://127.0.0.1:7644")
    application = PublicAddress(_application, settings)
    environ: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "PATH_INFO": "/"}
    assert list(application(environ, lambda *_: None)) == [environ]  # type: ignore[arg-type,comparison-overlap,return-value]


def test_listening_on_every_address_makes_no_host_of_it() -> None:
    settings = Settings(Path("/nowhere"), ("0.0.0.0", 7644), "http://[::1]:7644")
    assert send(PublicAddress(_application, settings), HTTP_HOST="evil.test")["status"] == "400 Bad Request"
