"""This module turns every exception into a response of its service."""

from collections.abc import Callable, Mapping

from flask import Flask
from werkzeug.wrappers import Response

from app.scim.errors import ScimError, detach
from app.web import console, service_routing
from app.web.oauth import token_endpoint
from app.web.scim import resource_endpoints
from app.web.service_routing import Service

REFUSALS: Mapping[Service, Callable[[Exception], Response]] = {
    Service.SCIM: resource_endpoints.refuse,
    Service.TOKEN: token_endpoint.refuse,
    Service.CONSOLE: console.refuse,
}


def init_app(app: Flask) -> None:
    """Register one error handler for every exception, Werkzeug's HTTP errors and ScimError included."""

    @app.errorhandler(ScimError)
    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        try:
            return REFUSALS[service_routing.current()](error)
        finally:
            detach(error)
