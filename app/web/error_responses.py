"""This module turns every exception into a response of its service."""

import logging
from collections.abc import Callable, Mapping

from flask import Flask, request
from werkzeug.wrappers import Response

from app.scim.errors import ScimError, detach, shortage
from app.web import console, public_url, service_routing
from app.web.oauth import token_endpoint
from app.web.scim import resource_endpoints
from app.web.service_routing import Service

REFUSALS: Mapping[Service, Callable[[Exception], Response]] = {
    Service.SCIM: resource_endpoints.refuse,
    Service.TOKEN: token_endpoint.refuse,
    Service.CONSOLE: console.refuse,
}

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Register one error handler for every exception, Werkzeug's HTTP errors and ScimError included.

    A shortage of this host becomes 503, since the client should try again.
    """

    @app.errorhandler(ScimError)
    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        refusal = shortage(error)
        try:
            if refusal is not None:
                log.error("%s", refusal)
            return REFUSALS[service_routing.current()](refusal or error)
        except Exception:
            if refusal is None:
                raise
            headers, body = public_url.refusal(request.path, refusal)  # a page may lack the same
            return Response(body, refusal.status, headers)
        finally:
            detach(error)
