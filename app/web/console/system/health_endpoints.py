"""This module serves /healthz and /readyz.

They are public, so they reveal nothing but why the database cannot be used.
"""

from flask import Flask, current_app
from werkzeug.wrappers import Response

from app.administration.accounts import first_administrator
from app.administration.readiness import Readiness
from app.scim.errors import RETRY_AFTER_S, ScimError
from app.web.public_url import HEALTH

EXTENSION = "recnice_readiness"
TEXT = "text/plain; charset=utf-8"


def init_app(app: Flask) -> None:
    """Register both. They load no page, since the server of a container is asked from its start."""
    app.extensions[EXTENSION] = Readiness(app.app_context)
    app.add_url_rule(HEALTH, "console.healthz", healthz)
    app.add_url_rule("/readyz", "console.readyz", readyz)


def healthz() -> Response:
    """Return 200 while the process answers.

    It does not use the database, so that a slow disk does not cause a restart.
    """
    return Response("ok\n", 200, content_type=TEXT)


def readyz() -> Response:
    """Return 200 if the database can be read and a write was stored a moment ago, else 503 with the reason."""
    readiness: Readiness = current_app.extensions[EXTENSION]
    try:
        first_administrator.is_set_up()
        refusal = readiness.refusal()
    except ScimError as error:
        refusal = error.detail
    if not refusal:
        return Response("ok\n", 200, content_type=TEXT)
    return Response(f"not ready: {refusal}\n", 503, {"Retry-After": str(RETRY_AFTER_S)}, content_type=TEXT)
