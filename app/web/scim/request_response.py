"""This module reads a SCIM request from Flask and builds its response (RFC 7644 §3.1, §3.8)."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, g
from flask import request as flask_request
from werkzeug.wsgi import wrap_file

from app import bounds
from app.provisioning.resource_queries import Resource
from app.scim import projection
from app.scim.precondition import Precondition
from app.scim.projection import Selection
from app.settings import Settings
from app.web.public_url import without_base
from app.web.request_log import record_draft
from app.web.scim.scim_request import ScimRequest
from app.web.service_routing import BLUEPRINT_V2, ROOT, ROOT_V2, is_scim

MEDIA_TYPE = "application/scim+json"


class Answer(NamedTuple):
    """A response without the headers that all have. `pieces` are JSON text, read once; None: it has no content."""

    status: int
    pieces: Iterable[str] | None = None
    headers: Mapping[str, str] = {}


def add(
    blueprint: Blueprint, path: str, endpoint: str, view: Callable[..., Response], methods: tuple[str, ...] = ("GET",)
) -> None:
    """Add a route with and without a trailing slash; HEAD is included with GET.

    Werkzeug's own tolerance of slashes does not cover 405 and OPTIONS.
    """
    for one in (path, path + "/"):
        blueprint.add_url_rule(one, endpoint, view, methods=methods)


def settings() -> Settings:
    """Return the settings of the current application."""
    current: Settings = current_app.config["RECNICE_SETTINGS"]
    return current


def base() -> str:
    """Return the public URL of the requested root, never derived from the Host header."""
    return settings().public_url + (ROOT_V2 if flask_request.blueprint == BLUEPRINT_V2 else ROOT)


def current() -> ScimRequest:
    """Return the SCIM request that Flask received."""
    return ScimRequest(
        flask_request.method,
        base(),
        flask_request.query_string.decode(errors="replace"),
        record_draft.current(),
        g.scim_author,
        flask_request.mimetype,
        partial(flask_request.get_data, cache=False),
        Precondition(flask_request.headers.get("If-Match"), flask_request.headers.get("If-None-Match")),
    )


def below_root(path: str) -> str:
    """Return the part after the SCIM root in the path of a bulk operation; "" for another URL of this server.

    The path may be a full URL of this server, a path on it, or a path below the root (RFC 7644 §3.7). What HTTP accepts
    is accepted here: `https://host/base/scim/v2/Users`, `/base/scim//Users`, `/scim/Users`, `//Users`, `Users`.
    """
    url, base_path = settings().public_url, settings().base_path
    if is_full := path.lower().startswith(url.lower() + "/"):
        path = path[len(url) :]
    local_path = without_base(path, base_path)
    if not is_scim(local_path):
        if is_full:
            return ""
        local_path = without_base(f"{ROOT}/{path}", base_path)
    return local_path.removeprefix(ROOT_V2 if local_path.startswith(ROOT_V2 + "/") else ROOT)


def version_headers(request: ScimRequest, resource: Resource) -> dict[str, str]:
    """Return the headers with a resource's version and URL, equal to its `meta`."""
    location = projection.location(request.base, resource.type, resource.record.id)
    return {"ETag": projection.entity_tag(resource.record.version), "Content-Location": location}


def resource_answer(request: ScimRequest, resource: Resource, selection: Selection, status: int = 200) -> Answer:
    """Return the answer with one resource."""
    projection_of_type = projection.projection(resource.type, selection, request.base)
    pieces = projection_of_type.pieces(resource.record, resource.memberships)
    return Answer(status, pieces, version_headers(request, resource))


def response(answer: Answer) -> Response:
    """Return an answer as Flask sends it; app/web/hot_routes.py sends it without Flask."""
    if answer.pieces is None:
        return Response(status=answer.status, headers=answer.headers)
    flask_response = json_response(answer.pieces)
    flask_response.status_code = answer.status
    flask_response.headers.update(answer.headers)
    return flask_response


def message_response(document: Mapping[str, Any]) -> Response:
    """Return a response with any other message."""
    return json_response([json.dumps(document, ensure_ascii=False)])


def json_response(pieces: Iterable[str]) -> Response:
    """Return a response with JSON text in pieces. One that is too long for memory is sent from a temporary file."""
    remaining = iter(pieces)
    first, length = [], 0
    for piece in remaining:
        first.append(piece)
        length += len(piece)
        if length > bounds.ANSWER_IN_MEMORY_LENGTH:
            return _response_from_file(chain(first, remaining))
    return Response("".join(first), content_type=MEDIA_TYPE)


def _response_from_file(pieces: Iterable[str]) -> Response:
    file = TemporaryFile()  # noqa: SIM115  # closed by the server
    file.writelines(piece.encode() for piece in pieces)
    length = file.tell()
    file.seek(0)
    # The server takes the file over, so that no thread waits for a client that reads slowly.
    answer = Response(wrap_file(flask_request.environ, file), content_type=MEDIA_TYPE, direct_passthrough=True)
    answer.content_length = length
    return answer
