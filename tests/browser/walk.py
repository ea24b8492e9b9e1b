"""The console's pages as its own links show them: found by following links, held against the routes that there are.

So no list of pages is kept by hand. Not here: what is asked of a page (test_*.py).
"""

import html
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urljoin, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from tests.conftest import Appliance
from tests.web.visitor import Visitor

ALIKE = 1
"""Pages of one route with the same query are alike; this many of them are looked at."""
NO_PAGES = frozenset(
    {
        *("static", "console.healthz", "console.readyz", "console.help_picture", "console.setup"),
        *("console.sign_in_code", "console.download_backup"),
        "console.renamed",
    }
)
"""Routes that are not read by a person who is signed in; those of the setup link and of the code after the password are
asked for where they are open."""
WITH_A_PROVIDER = frozenset(
    {"console.auth_start", "console.auth_callback", "console.auth_proof", "console.signed_out"}
    | {"console.test_single_sign_on", "console.confirm_remove_single_sign_on"}
)
"""What there is only where single sign-on is set up (tests/browser/test_single_sign_on_in_browser.py)."""
PAGES_MOST = 400
CHOICES = ("tab", "view", "show", "state")
"""Parameters whose every value makes another page."""

_DIFFERING = re.compile(r"<input[^>]*name=\"csrf_token\"[^>]*>|127\.0\.0\.1:[0-9]+")
_LINK = re.compile(r"<a\b[^>]*?\shref=\"([^\"]*)\"")


def page_endpoints(app: Flask) -> set[str]:
    """Flask's name of every route that a browser can open."""
    left_out = NO_PAGES | WITH_A_PROVIDER
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith("scim") and rule.endpoint not in left_out
    }


def pages(appliance: Appliance, app: Flask, *preferred: str) -> dict[str, dict[str, str]]:
    """Return all pages that links lead to from the first page: by route, the text by address (path with query).

    Of pages that are alike, the preferred ones are read.
    """
    visitor = Visitor(appliance.url)
    assert visitor.sign_in().status == 303
    adapter = app.url_map.bind("127.0.0.1")
    found: dict[str, dict[str, str]] = {}
    alike: Counter[tuple[object, ...]] = Counter()
    unasked = list(_without_arguments(app))
    waiting, deleted = deque([*preferred, *unasked]), deque[str]()
    seen = set(waiting)
    while waiting or deleted:
        address = (waiting or deleted).popleft()
        endpoint = _endpoint(adapter, address)
        kind = _kind(endpoint, address)
        if endpoint not in page_endpoints(app) or alike[kind] >= ALIKE:
            continue
        if endpoint in found and urlsplit(address).query.count("&"):
            continue  # two choices at once show nothing that each of them does not show
        answer = visitor.get(address)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue  # an export
        if answer.status == 404 and address in unasked:
            continue  # a page that wants to be told something, as its links do
        assert answer.status == 200, f"{address}: {answer.status}"
        alike[kind] += 1
        found.setdefault(endpoint, {})[address] = answer.text
        for link in _links(address, answer.text):
            if link not in seen:
                seen.add(link)
                # The page of who is deleted shows less than that of who is here, and both are of one route.
                (deleted if endpoint == "console.deleted" else waiting).append(link)
        assert sum(alike.values()) < PAGES_MOST
    return found


def addresses(found: Mapping[str, Iterable[str]]) -> list[str]:
    """All of them in a row."""
    return [address for those in found.values() for address in those]


def content(text: str) -> str:
    """Return the main part of a page without what differs between appliances: form tokens and the port."""
    return _DIFFERING.sub("", text[text.index("<main") : text.index("</main>")])


def _without_arguments(app: Flask) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in page_endpoints(app) and not rule.arguments:
            yield rule.rule


def _links(address: str, text: str) -> Iterator[str]:
    for link in _LINK.findall(text):
        target = urlsplit(urljoin(address, html.unescape(link)))
        if not target.netloc and not target.scheme:
            yield target.path + (f"?{target.query}" if target.query else "")


def _endpoint(adapter: MapAdapter, address: str) -> str:
    try:
        return str(adapter.match(urlsplit(address).path, method="GET")[0])
    except HTTPException:
        return ""


def _kind(endpoint: str, address: str) -> tuple[object, ...]:
    """Pages differ by route, by the names in their query, and by what the query chooses."""
    query = dict(parse_qsl(urlsplit(address).query))
    return endpoint, frozenset(query), *(query.get(name) for name in CHOICES)
