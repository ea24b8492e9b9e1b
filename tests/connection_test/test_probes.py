"""What the answers to the probes say, without a proxy."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.connection_test import probes
from app.connection_test.probes import PROBES, Outcome, Probe

TOKEN = "token"
URL = "https://scim.example.com/recnice"


def arrived(probe: Probe, number: int) -> dict[str, Any]:
    """What the server answers to a probe that nothing has changed."""
    return {
        "serial": str(number),
        "method": probe.method,
        "path": "/recnice" + probe.path(TOKEN).partition("?")[0],
        "query": probe.query,
        "length": len(probe.body),
        "sha256": hashlib.sha256(probe.body).hexdigest(),
        "host": "scim.example.com",
        "scheme": "https",
        "client": "192.0.2.1",
        "peer": "127.0.0.1",
        "is_trusted": True,
        "is_forwarded": True,
        "authorization": "intact",
        "header_bytes": probe.header_bytes,
    }


def names(url: str = URL, status: int = 0, **changes: Any) -> set[str]:
    def outcomes() -> Iterator[tuple[Probe, Outcome]]:
        for number, probe in enumerate(PROBES):
            yield probe, Outcome(status or probe.status, json.dumps(arrived(probe, number) | changes))

    return {one.name for one in probes.judge(url, TOKEN, outcomes())}


def test_nothing_changed_is_no_finding():
    assert names() == names(host="SCIM.example.com:443") == set()
    for host in ("[2001:db8::1]:8443", "[2001:db8::1]"):
        assert names("https://[2001:db8::1]:8443/recnice", host=host) == set()


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("path", "/connection-test/token", "prefix-changed"),
        ("method", "OPTIONS", "method-refused"),
        ("host", "scim.example.com:8443", "host-changed"),
        ("host", "", "host-changed"),
        ("scheme", "http", "scheme-changed"),
        ("is_trusted", False, "proxy-not-trusted"),
        ("is_forwarded", False, "client-hidden"),
        ("authorization", "missing", "authorization-missing"),
        ("authorization", "changed", "authorization-changed"),
        ("query", "filter=a", "query-changed"),
        ("sha256", "0", "body-changed"),
        ("header_bytes", 1, "header-refused"),
        ("serial", "0", "cached"),
    ],
)
def test_each_change_has_its_finding(field: str, value: Any, name: str):
    assert names(**{field: value}) == {name}


def test_a_changed_status_is_found():
    assert names(status=200) == {"errors-replaced"}


@pytest.mark.parametrize("text", ["", "<html>", "[]", "{}", "1", '{"sha256": 1}', "[" * 100_000])
def test_an_answer_of_something_else_is_not_taken_for_the_servers(text: str):
    outcomes = [(probe, Outcome(200, text)) for probe in PROBES]
    assert [one.name for one in probes.judge(URL, TOKEN, outcomes)] == ["not-here"]
    assert all(len(one.text) < 500 for one in probes.judge(URL, TOKEN, outcomes))


def test_every_finding_has_advice():
    assert {probe.refused for probe in PROBES} <= set(probes.ADVICE)
    for level, fix in probes.ADVICE.values():
        assert level in probes.LEVELS[1:] and fix.endswith((".", ";"))
