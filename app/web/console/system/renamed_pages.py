"""This module redirects URLs of earlier versions to the pages that have another URL now."""

from urllib.parse import quote

from flask import redirect, request
from werkzeug.wrappers import Response

from app.web.console.shared.blueprint import console

RENAMED = {"sources": "ip-allow-list", "operators": "administrators"}
"""Parts of paths, before and now. Until 0.3."""


@console.route("/<any(sources, operators):name>", methods=["GET", "POST"])
@console.route("/<any(sources, operators):name>/<path:rest>", methods=["GET", "POST"])
@console.get("/help/<any(sources, operators):name>")
def renamed(name: str, rest: str = "") -> Response:  # noqa: ARG001
    """Redirect to the new path, which decides who may open it. 308: a browser posts a form there again."""
    path = quote(request.script_root + request.path.replace(name, RENAMED[name], 1))
    query = request.query_string.decode("ascii", "replace")
    return redirect(path + (f"?{query}" if query else ""), 308)
