"""The one place where exceptions become answers: SCIM errors below `/scim`, OAuth's at the token endpoint, a plain page
elsewhere.

Not here: what they look like.
"""

from flask import Flask, request
from werkzeug.wrappers import Response

from app.scim.errors import ScimError
from app.web import console, oauth_api, scim_api
from app.web.proxy import is_scim, is_token_endpoint


def init_app(app: Flask) -> None:
    """Every exception goes through here, HTTP's own and ours included."""

    @app.errorhandler(ScimError)
    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        if is_scim(request.path):
            return scim_api.refuse(error)
        if is_token_endpoint(request.path):
            return oauth_api.refuse(error)
        return console.refuse(error)
