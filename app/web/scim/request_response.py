"""This module reads the body of a SCIM request and builds its response (RFC 7644 §3.1, §3.8)."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from tempfile import TemporaryFile
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from werkzeug.wsgi import wrap_file

from app import bounds
from app.provisioning.resource_operations import Author, Resource
from app.scim import projection
from app.scim.errors import Code, ScimError, shown
from app.scim.json_body import examine_json
from app.scim.precondition import Precondition
from app.scim.projection import EVERYTHING, Selection
from app.scim.resource_types import ResourceType
from app.settings import Settings
from app.web.public_url import without_base
from app.web.request_log import record_draft
from app.web.scim import query_parameters
from app.web.service_routing import BLUEPRINT_V2, ROOT, ROOT_V2, is_scim

MEDIA_TYPE = "application/scim+json"
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


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
    return settings().public_url + (ROOT_V2 if request.blueprint == BLUEPRINT_V2 else ROOT)


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


def body() -> Any:
    """Return the JSON of the request, with any media type except a form's: Entra and others send several, or none.

    Raises ScimError for a form and for invalid JSON.
    """
    if request.mimetype in FORM_TYPES:
        raise ScimError(Code.UNSUPPORTED_MEDIA, "Content-Type", "application/scim+json", shown(request.mimetype))
    draft = record_draft.current()
    draft.body = request.get_data(cache=False)
    draft.sent_bytes = len(draft.body)
    draft.sent, fault = examine_json(draft.body)
    if fault is not None:
        raise fault
    return draft.sent


def selection_of_read(resource_type: ResourceType) -> Selection:
    """Return the attributes of one resource that the request selects."""
    if not request.query_string:
        return EVERYTHING
    return query_parameters.selection_of(resource_type, query_parameters.of_get(request.args))


def selection_of_change(resource_type: ResourceType) -> Selection:
    """Return the attributes for the response to a change; all of them if the query is invalid.

    The query does not affect the change, which might disable a user, so an invalid query refuses none.
    """
    try:
        return selection_of_read(resource_type)
    except ScimError:
        return EVERYTHING


def author() -> Author:
    """Return the author of a change: this request, with its key or client."""
    draft = record_draft.current()
    return Author(draft.number, g.scim_author, draft.is_marked)


def precondition() -> Precondition:
    """Return the conditions in If-Match and If-None-Match of the request."""
    return Precondition(request.headers.get("If-Match"), request.headers.get("If-None-Match"))


def url_of(resource: Resource) -> str:
    """Return a resource's `meta.location`, on the requested root."""
    return projection.location(base(), resource.type, resource.record.id)


def version_headers(resource: Resource) -> dict[str, str]:
    """Return the headers with a resource's version and URL, equal to its `meta`."""
    return {"ETag": projection.entity_tag(resource.record.version), "Content-Location": url_of(resource)}


def resource_response(
    resource: Resource, selection: Selection = EVERYTHING, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response with one resource."""
    projection_of_type = projection.projection(resource.type, selection, base())
    answer = json_response(projection_of_type.pieces(resource.record, resource.memberships))
    answer.status_code = status
    answer.headers.update(version_headers(resource) | dict(headers or {}))
    return answer


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
    answer = Response(wrap_file(request.environ, file), content_type=MEDIA_TYPE, direct_passthrough=True)
    answer.content_length = length
    return answer
