"""The one place where exceptions become answers: SCIM errors below `/scim`, OAuth's at the token endpoint, a plain page
elsewhere.

Not here: what they look like.
"""

from collections.abc import Callable, Mapping

from flask import Flask
from werkzeug.wrappers import Response

from app.scim.errors import ScimError, detach
from app.web import console, oauth_api, scim_api, services
from app.web.services import Service

REFUSALS: Mapping[Service, Callable[[Exception], Response]] = {
    Service.SCIM: scim_api.refuse,
    Service.TOKEN: oauth_api.refuse,
    Service.CONSOLE: console.refuse,
}


def init_app(app: Flask) -> None:
    """Every exception goes through here, HTTP's own and ours included."""

    @app.errorhandler(ScimError)
    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        try:
            return REFUSALS[services.current()](error)
        finally:
            detach(error)
