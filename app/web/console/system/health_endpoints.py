"""This module serves /healthz and /readyz.

They say nothing else, since anybody may ask.
"""

from werkzeug.wrappers import Response

from app.administration.accounts import first_administrator
from app.scim.errors import ScimError
from app.web.console.shared.blueprint import console
from app.web.public_url import HEALTH


@console.get(HEALTH)
def healthz() -> Response:
    """The process answers. Asks nothing of the database, so that a slow disk restarts nobody."""
    return Response("ok\n", 200, content_type="text/plain; charset=utf-8")


@console.get("/readyz")
def readyz() -> Response:
    """The database can be read; else 503."""
    try:
        first_administrator.is_set_up()
    except ScimError as error:
        return Response("not ready\n", 503, error.headers, content_type="text/plain; charset=utf-8")
    return Response("ok\n", 200, content_type="text/plain; charset=utf-8")
