"""This module serves /healthz and /readyz.

They are public, so they reveal nothing but why the database cannot be used, and what will soon prevent it.
"""

from functools import partial

from flask import Flask, current_app, jsonify, request
from werkzeug.wrappers import Response

from app.administration import disk_usage
from app.administration.accounts import first_administrator
from app.administration.readiness import Readiness
from app.scim.errors import RETRY_AFTER_S, ScimError
from app.settings import Settings
from app.web.public_url import HEALTH

EXTENSION = "recnice_readiness"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


def init_app(app: Flask) -> None:
    """Register both. They load no page, since the server of a container is asked from its start."""
    settings: Settings = app.config["RECNICE_SETTINGS"]
    storage = partial(disk_usage.storage, settings.database, settings.requests_database)
    app.extensions[EXTENSION] = Readiness(app.app_context, storage)
    app.add_url_rule(HEALTH, "console.healthz", healthz)
    app.add_url_rule("/readyz", "console.readyz", readyz)


def healthz() -> Response:
    """Return 200 while the process answers.

    It does not use the database, so that a slow disk does not cause a restart.
    """
    return Response("ok\n", 200, content_type=TEXT)


def readyz() -> Response:
    """Return 200 if the database can be read and a write was stored a moment ago, else 503 with the reason.

    `Accept: application/json` gets `{"ready", "reason", "warnings"}`; warnings do not change the status.
    """
    readiness: Readiness = current_app.extensions[EXTENSION]
    try:
        first_administrator.is_set_up()
        refusal = readiness.refusal()
    except ScimError as error:
        refusal = error.detail
    if request.accept_mimetypes.best_match(("text/plain", JSON)) == JSON:
        answer: Response = jsonify(ready=not refusal, reason=refusal, warnings=dict(readiness.warnings))
    else:
        answer = Response(f"not ready: {refusal}\n" if refusal else "ok\n", content_type=TEXT)
    if refusal:
        answer.status_code = 503
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer
