"""Two addresses for machines that watch this one: is the process there, can it use its database.

They say nothing else, since anybody may ask. Not here: why something is wrong (the log says that).
"""

from werkzeug.wrappers import Response

from app import administration
from app.scim.errors import ScimError
from app.web.console.blueprint import console
from app.web.proxy import HEALTH


@console.get(HEALTH)
def healthz() -> Response:
    """The process answers. Asks nothing of the database, so that a slow disk restarts nobody."""
    return Response("ok\n", 200, content_type="text/plain; charset=utf-8")


@console.get("/readyz")
def readyz() -> Response:
    """The database can be read; else 503."""
    try:
        administration.is_set_up()
    except ScimError as error:
        return Response("not ready\n", 503, error.headers, content_type="text/plain; charset=utf-8")
    return Response("ok\n", 200, content_type="text/plain; charset=utf-8")
