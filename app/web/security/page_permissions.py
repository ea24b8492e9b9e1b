"""This module says which permission each page and form of the console needs (app/web/security/page_routes.py).

An endpoint that is not listed there is refused to every account.
"""

from collections.abc import Mapping

from flask import Flask, current_app

from app.administration.accounts.sessions import SignedIn
from app.administration.permissions import Permission
from app.scim.resource_types import ResourceType
from app.web.security.page_routes import routes

_EXTENSION = "recnice_access"


OPEN_ENDPOINTS = frozenset(
    ("static", "oauth.token", "console.healthz", "console.readyz")
    + tuple(route.endpoint for route in routes(()) if route.permission is None)
)
"""The endpoints that answer without a session; everything else except SCIM needs one."""


def init_app(app: Flask) -> None:
    """Register the permissions, with those for the pages of each resource type."""
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    app.extensions[_EXTENSION] = {route.endpoint: route.permission for route in routes(types)}


def permission_for(endpoint: str) -> Permission | None:
    """Return the permission that an endpoint of the current application needs; None: no account may use it."""
    permissions: Mapping[str, Permission | None] = current_app.extensions[_EXTENSION]
    return permissions.get(endpoint)


def may(who: SignedIn, endpoint: str) -> bool:
    """Return whether an account may open an endpoint, after re-authentication where that is required."""
    permission = permission_for(endpoint)
    return endpoint in OPEN_ENDPOINTS or (permission is not None and permission.is_given_to(who.role, who.is_local))
