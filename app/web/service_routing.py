"""This module decides which service a request is for: SCIM, the token endpoint, or the console.

The route that is found decides, never the text of the path: `/oauth/token/` leads to the view of `/oauth/token`.
Only where no route is does the path say which service refuses.

See also: app/web/security/request_authentication.py (what protects each service), app/web/request_log/path_kinds.py
(what the request log says of a path).
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from flask import current_app, request
from werkzeug.routing import Map, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ROOT = "/scim"
ROOT_V2 = ROOT + "/v2"
BLUEPRINT, BLUEPRINT_V2 = "scim", "scim_v2"
"""The names of the SCIM blueprint below either root."""
TOKEN_ENDPOINT = "/oauth/token"
TOKEN_VIEW = "oauth.token"

_PLACE = "recnice.service"


class Service(Enum):
    """Who answers: each has its own protection and its own form of refusals."""

    SCIM = "scim"
    TOKEN = "token"
    CONSOLE = "console"


def is_scim(path: str) -> bool:
    """Return whether a path without the public URL's own is the SCIM service provider's."""
    return path == ROOT or path.startswith(ROOT + "/")


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """Where a request leads to. `rule` is the route's path as it is declared, "" where no route is."""

    service: Service
    rule: str = ""


def current() -> Service:
    """Return the service that the present request is for."""
    return of(request.environ, current_app.url_map, request.url_rule).service


def of(environ: "WSGIEnvironment", urls: Map, rule: Rule | None = None) -> RequestTarget:
    """Return where a request leads to; without its `rule` routing is asked, unless that was done before."""
    found: RequestTarget | None = environ.get(_PLACE)
    if found is None:
        found = environ[_PLACE] = at(environ["PATH_INFO"], urls, rule)
    return found


def at(path: str, urls: Map, rule: Rule | None = None) -> RequestTarget:
    """Return where a path without the public URL's own leads to, by any method."""
    rule = rule or _rule_at(path, urls)
    if rule is None:
        return RequestTarget(Service.SCIM if is_scim(path) else Service.CONSOLE)
    blueprint = rule.endpoint.partition(".")[0]
    service = Service.SCIM if blueprint in (BLUEPRINT, BLUEPRINT_V2) else Service.CONSOLE
    return RequestTarget(Service.TOKEN if rule.endpoint == TOKEN_VIEW else service, rule.rule)


def _rule_at(path: str, urls: Map) -> Rule | None:
    adapter = urls.bind("")
    methods = list(adapter.allowed_methods(path))
    return adapter.match(path, method=methods[0], return_rule=True)[0] if methods else None
