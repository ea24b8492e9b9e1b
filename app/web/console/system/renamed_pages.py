"""This module redirects URLs of earlier versions to the renamed pages."""

from urllib.parse import quote

from flask import redirect, request
from werkzeug.wrappers import Response

RENAMED = {
    "sources": "ip-allow-list",
    "operators": "administrators",
    "stop": "revoke",
    "heed": "stop-ignoring",
    "trust": "federated-credential",
    "trusts": "federated-credentials",
    "provider": "single-sign-on",
    "rehearsal": "simulation",
}
"""The former and current segments of paths. Until 0.3."""


def renamed(**_: str | int) -> Response:
    """Redirect to the current path, which checks the permission. With 308 a browser posts a form there again."""
    path = "/".join(RENAMED.get(segment, segment) for segment in request.path.split("/"))
    query = request.query_string.decode("ascii", "replace")
    return redirect(quote(request.script_root + path) + (f"?{query}" if query else ""), 308)
