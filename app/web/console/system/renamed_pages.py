"""This module redirects URLs of earlier versions to the renamed pages."""

from urllib.parse import quote

from flask import redirect, request
from werkzeug.wrappers import Response

from app.web.console.shared.blueprint import console

RENAMED = {"sources": "ip-allow-list", "operators": "administrators"}
"""The former and current segments of paths. Until 0.3."""


@console.route("/<any(sources, operators):name>", methods=["GET", "POST"])
@console.route("/<any(sources, operators):name>/<path:rest>", methods=["GET", "POST"])
@console.get("/help/<any(sources, operators):name>")
def renamed(name: str, rest: str = "") -> Response:  # noqa: ARG001
    """Redirect to the current path, which checks the permission. With 308 a browser posts a form there again."""
    path = quote(request.script_root + request.path.replace(name, RENAMED[name], 1))
    query = request.query_string.decode("ascii", "replace")
    return redirect(path + (f"?{query}" if query else ""), 308)
