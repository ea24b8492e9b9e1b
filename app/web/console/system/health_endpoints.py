"""This module serves /healthz and /readyz.

They are public, so they reveal nothing else.
"""

from flask import Flask
from werkzeug.wrappers import Response

from app.administration.accounts import first_administrator
from app.scim.errors import ScimError
from app.web.public_url import HEALTH


def init_app(app: Flask) -> None:
    """Register both. They load no page, since the server of a container is asked from its start."""
    app.add_url_rule(HEALTH, "console.healthz", healthz)
    app.add_url_rule("/readyz", "console.readyz", readyz)


def healthz() -> Response:
    """Return 200 while the process answers.

    It does not use the database, so that a slow disk does not cause a restart.
    """
    return Response("ok\n", 200, content_type="text/plain; charset=utf-8")


def readyz() -> Response:
    """Return 200 if the database can be read, else 503."""
    try:
        first_administrator.is_set_up()
    except ScimError as error:
        return Response("not ready\n", 503, error.headers, content_type="text/plain; charset=utf-8")
    return Response("ok\n", 200, content_type="text/plain; charset=utf-8")
