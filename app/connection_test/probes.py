"""This module declares the probes of the connection test, and what their answers say about the reverse proxy."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from app import bounds
from app.connection_test.probe_token import PATH, TEST_HEADER

FILTER = 'emails[type eq "work"].value eq "a@b"'
BODY = b'{"userName": "connection-test"}'
LEVELS = ("ok", "warning", "failure")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be. `fix` is the line to change, `level` one of LEVELS."""

    name: str
    text: str
    fix: str
    level: str


class Advice(dict[str, tuple[str, str]]):
    """Level and fix of findings by their names. What is in braces in a fix is different each time."""

    def finding(self, name: str, text: str, **values: object) -> Finding:
        """Return a finding with its fix. Raises KeyError for a name that is not declared.

        Characters that are not printable become `?`: texts have parts of answers, which could change a terminal, and
        names of files, which need not be Unicode.
        """
        level, fix = self[name]
        return Finding(name, _printable(text), _printable(fix.format(**values) if values else fix), level)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


@dataclass(frozen=True, slots=True)
class Probe:
    """A request of the test. `refused` is the finding when it does not arrive; `status` the one of its answer."""

    refused: str
    method: str = "GET"
    query: str = ""
    body: bytes = b""
    header_bytes: int = 0
    status: int = 200

    def path(self, token: str) -> str:
        """Return path and query below the public URL."""
        status = f"/{self.status}" if self.status != 200 else ""
        return f"/scim{PATH}{token}{status}" + (f"?{self.query}" if self.query else "")

    def headers(self, token: str) -> dict[str, str]:
        """Return the headers that the probe sends."""
        headers = {"Authorization": f"Bearer {token}"}
        if self.body:
            headers["Content-Type"] = "application/scim+json"
        if self.header_bytes:
            headers[TEST_HEADER] = "x" * self.header_bytes
        return headers


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was received: the status, 0 with a `failure` if nothing did; `text` is the beginning of the body."""

    status: int
    text: str = ""
    failure: str = ""
    location: str = ""


PROBES = (
    Probe("not-here"),
    Probe("not-here"),  # again: a cache would answer the second one
    Probe("query-refused", query="filter=" + quote(FILTER, safe="")),
    Probe("method-refused", "POST", body=BODY),
    Probe("method-refused", "PUT", body=BODY),
    Probe("method-refused", "PATCH", body=BODY),
    Probe("method-refused", "DELETE"),
    Probe("body-refused", "POST", body=b"x" * bounds.PROBE_BODY_BYTES),
    Probe("header-refused", header_bytes=bounds.PROBE_HEADER_BYTES),
    *(Probe("errors-replaced", status=status) for status in (401, 404, 503)),
)

ADVICE = Advice(
    {
        "name-unknown": (
            "failure",
            "Create the name in DNS, or set public_url in recnice.toml to the name that exists.",
        ),
        "certificate-refused": (
            "failure",
            "Install a certificate for this name with its chain at the proxy, or set ca_file.",
        ),
        "certificate-expires": ("warning", "Renew the certificate at the proxy."),
        "unreachable": ("failure", "Compare public_url in recnice.toml with the name and port of the reverse proxy."),
        "gateway": (
            "failure",
            "Start the server, and compare listen with proxy_pass, reverse_proxy or server at the proxy.",
        ),
        "redirected": (
            "failure",
            "Let the proxy pass /scim/ on without a redirect, and set public_url to the final URL.",
        ),
        "not-here": ("failure", "Let the proxy pass /scim/ with all paths below it to this server."),
        "prefix-changed": (
            "failure",
            "nginx: proxy_pass without a path. Caddy: handle, not handle_path. Apache: the same path twice.",
        ),
        "host-changed": ("failure", "nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On."),
        "scheme-changed": (
            "failure",
            "Send X-Forwarded-Proto with the scheme of the client, and name the proxy in trusted_proxy.",
        ),
        "authorization-missing": (
            "failure",
            "Remove what clears it. nginx: proxy_set_header Authorization $http_authorization;",
        ),
        "authorization-changed": (
            "failure",
            "Turn off the authentication by the proxy for /scim/: it hides the header of the client.",
        ),
        "query-refused": (
            "failure",
            "Remove the rule that refuses quotes and brackets in the query (%22, %5B, %5D) for /scim/.",
        ),
        "query-changed": ("failure", "Pass the query on as it is. nginx: proxy_pass without variables and rewrite."),
        "method-refused": (
            "failure",
            "Allow GET, POST, PUT, PATCH and DELETE. Apache: no Limit; HAProxy: no http-request deny.",
        ),
        "body-refused": (
            "failure",
            "nginx: client_max_body_size 3m; Caddy: no max_size; Apache with ModSecurity: SecRequestBodyLimit 3145728.",
        ),
        "body-changed": ("failure", "Pass the body on as it is: remove filters of request bodies for /scim/."),
        "header-refused": ("failure", "nginx: large_client_header_buffers 4 16k; Apache: LimitRequestFieldSize 16384."),
        "errors-replaced": (
            "failure",
            "nginx: proxy_intercept_errors off; Apache: ProxyErrorOverride Off; Caddy: no handle_response.",
        ),
        "rate-limited": (
            "failure",
            "Exempt /scim/ from the limit of the proxy. After many tests, wait a minute and test again.",
        ),
        "cached": ("failure", "Turn off the cache for /scim/. nginx: proxy_cache off;"),
        "proxy-not-trusted": ("warning", "Add its IP address to trusted_proxy in recnice.toml."),
        "client-hidden": (
            "warning",
            "nginx: proxy_set_header X-Forwarded-For $remote_addr; HAProxy: option forwardfor.",
        ),
    }
)


def judge(url: str, token: str, outcomes: Iterable[tuple[Probe, Outcome]]) -> list[Finding]:
    """Return what the outcomes say about the way from `url` to the server, each finding once.

    If the first probe does not arrive, none is expected to, and no other outcome is taken.
    """
    found: dict[str, Finding] = {}
    serials: set[str] = set()
    for probe, outcome in outcomes:
        arrived = _arrived(outcome)
        if arrived is None:
            name, text = _refusal(probe, outcome)
            if probe is PROBES[0]:
                return [ADVICE.finding(name, text)]
            findings = [(name, text)]
        else:
            serial = str(arrived.get("serial"))
            is_cached = serial in serials
            serials.add(serial)
            cached = [("cached", "two requests got the same answer")]
            findings = cached if is_cached else list(_changes(url, token, probe, arrived))
            if not is_cached and outcome.status != probe.status:
                findings.append(("errors-replaced", f"expected the status {probe.status}, got {outcome.status}"))
        for name, text in findings:
            found.setdefault(name, ADVICE.finding(name, text))
    return list(found.values())


def _arrived(outcome: Outcome) -> Mapping[str, Any] | None:
    """Return what the server says that it received; None for an answer that is not the server's."""
    try:
        read = json.loads(outcome.text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) and "sha256" in read and "serial" in read else None


def _refusal(probe: Probe, outcome: Outcome) -> tuple[str, str]:
    if not outcome.status:
        return ("unreachable" if probe.refused == "not-here" else probe.refused), outcome.failure[:200]
    if 300 <= outcome.status < 400:
        return "redirected", f"{probe.method} was redirected to {outcome.location[:200] or 'another URL'}"
    if outcome.status == 429:
        return "rate-limited", f"{_description(probe)}: the answer was 429"
    if probe.refused == "not-here" and outcome.status in (502, 503, 504):
        return "gateway", f"the proxy does not reach this server: it answered {outcome.status}"
    expected = f"{probe.status} from this server"
    return probe.refused, f"{_description(probe)}: expected {expected}, got {outcome.status} from something else"


def _description(probe: Probe) -> str:
    if probe.query:
        return "a filter with quotes and brackets"
    if len(probe.body) > len(BODY):
        return f"a body of {len(probe.body):,} bytes"
    if probe.header_bytes:
        return f"a header of {probe.header_bytes:,} bytes"
    return probe.method


def _changes(url: str, token: str, probe: Probe, arrived: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each difference between what was sent and what arrived."""
    public = urlsplit(url)
    sent_path = probe.path(token).partition("?")[0]
    # The server accepts a path with the sub-path of the public URL and without it.
    if arrived.get("path") not in (sent_path, public.path + sent_path):
        before = str(arrived.get("path")).partition(PATH)[0]
        yield "prefix-changed", f"expected a path that begins with {public.path}/scim, got {before or '/'}"
    if arrived.get("method") != probe.method:
        yield "method-refused", f"expected {probe.method}, got {arrived.get('method')}"
    if str(arrived.get("host")).lower() not in _hosts(url):
        yield "host-changed", f"expected the Host {public.netloc}, got {arrived.get('host') or 'none'}"
    if arrived.get("scheme") != public.scheme:
        yield "scheme-changed", f"expected the scheme {public.scheme}, got {arrived.get('scheme')}"
    if arrived.get("is_forwarded") and not arrived.get("is_trusted"):
        yield (
            "proxy-not-trusted",
            f"X-Forwarded headers of {arrived.get('peer')} are ignored, it is not a trusted proxy",
        )
    if arrived.get("is_trusted") and not arrived.get("is_forwarded"):
        yield "client-hidden", f"the proxy {arrived.get('peer')} does not say for whom it asks: no X-Forwarded-For"
    authorization = arrived.get("authorization")
    if authorization != "intact":
        name = "authorization-changed" if authorization == "changed" else "authorization-missing"
        yield name, f"the header Authorization is {authorization}"
    if arrived.get("query") != probe.query:
        got = str(arrived.get("query"))[:200] or "none"
        yield "query-changed", f"expected the query {probe.query or 'none'}, got {got}"
    if arrived.get("sha256") != hashlib.sha256(probe.body).hexdigest():
        text = f"expected a body of {len(probe.body):,} bytes, got {arrived.get('length')} bytes or others"
        yield "body-changed", text
    if arrived.get("header_bytes") != probe.header_bytes:
        yield "header-refused", f"expected a header of {probe.header_bytes:,} bytes, got {arrived.get('header_bytes')}"


def _hosts(url: str) -> tuple[str, ...]:
    """Return the Host headers that may arrive: with and without the port, which `$host` of nginx leaves out."""
    public = urlsplit(url)
    name = f"[{public.hostname}]" if ":" in (public.hostname or "") else str(public.hostname)
    return name, f"{name}:{public.port or {'https': 443, 'http': 80}[public.scheme]}"
