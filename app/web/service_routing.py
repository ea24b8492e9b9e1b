"""This module decides which service a request is for: SCIM, the token endpoint, or the console.

The matched route decides, never the text of the path: `/oauth/token/` leads to the view of `/oauth/token`. Only if no
route matches does the path decide which service refuses.

See also: app/web/security/request_authentication.py (protection of each service), app/web/request_log/path_kinds.py
(kinds of paths in the request log).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from typing import Any
from wsgiref.types import WSGIEnvironment

from flask import current_app, request
from werkzeug.routing import Map, Rule

ROOT = "/scim"
ROOT_V2 = ROOT + "/v2"
ROOTS = (ROOT, ROOT_V2)
BLUEPRINT, BLUEPRINT_V2 = "scim", "scim_v2"
"""The names of the SCIM blueprint below each root."""
TOKEN_ENDPOINT = "/oauth/token"
DOCUMENTATION = "/documentation"
TOKEN_VIEW = "oauth.token"

PLACE = "recnice.service"
"""The key of the target in the WSGI environment."""


class Service(Enum):
    """The service that answers a request; each has its own protection and its own form of refusals."""

    SCIM = "scim"
    TOKEN = "token"
    CONSOLE = "console"


class UrlRule(Rule):
    """A route whose function for `url_for` is compiled at its first use, which takes most of the time of a route."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(partial(super()._compile_builder, append_unknown))

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compiled()(rule, **values)

        return build


def is_scim(path: str) -> bool:
    """Return whether a path (without the public URL's sub-path) belongs to the SCIM service provider."""
    return path == ROOT or path.startswith(ROOT + "/")


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """The target of a request. `rule` is the route's path as declared, "" if no route matches."""

    service: Service
    rule: str = ""


def current() -> Service:
    """Return the service that the current request is for."""
    return of(request.environ, current_app.url_map, request.url_rule).service


def of(environ: WSGIEnvironment, urls: Map, rule: Rule | None = None) -> RequestTarget:
    """Return the target of a request; without its `rule`, match the route unless that was already done."""
    target: RequestTarget | None = environ.get(PLACE)
    if target is None:
        target = environ[PLACE] = at(environ["PATH_INFO"], urls, rule)
    return target


def at(path: str, urls: Map, rule: Rule | None = None) -> RequestTarget:
    """Return the target of a path (without the public URL's sub-path), by any method."""
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
