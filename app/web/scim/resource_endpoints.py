"""This module serves POST, GET, PUT, PATCH and DELETE of SCIM resources (RFC 7644 §3).

It serves `/scim` and `/scim/v2` alike, with and without a trailing slash, and never redirects.
"""

import logging
from collections.abc import Callable, Mapping
from typing import NoReturn

from flask import Blueprint, Flask, Response
from flask import request as flask_request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from app import bounds
from app.provisioning import resource_operations, resource_queries
from app.scim import projection
from app.scim.errors import Code, ScimError
from app.scim.projection import Selection
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import ResourceType
from app.web.request_log import record_draft, resource_changes
from app.web.scim import bulk_endpoint, discovery_endpoints, list_endpoints
from app.web.scim.request_response import MEDIA_TYPE, Answer, add, current, resource_answer, response, version_headers
from app.web.scim.scim_request import ScimRequest
from app.web.service_routing import BLUEPRINT, BLUEPRINT_V2, ROOT, ROOT_V2

ID_ROUTE = "/<identifier:resource_id>"
EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")

log = logging.getLogger(__name__)


def create_blueprint(types: tuple[ResourceType, ...]) -> Blueprint:
    """Return a blueprint with every route below one root; it is registered once for each root."""
    blueprint = Blueprint(BLUEPRINT, __name__)
    for resource_type in types:
        _add_resource_routes(blueprint, resource_type)
    list_endpoints.add_routes(blueprint, types)
    bulk_endpoint.add_routes(blueprint, types)
    discovery_endpoints.add_routes(blueprint, types)
    add(blueprint, "/Me", "me", _me, EVERY_METHOD)
    blueprint.after_request(_without_media_type)
    return blueprint


class ResourceIdConverter(BaseConverter):
    """The path segment of a resource's id: anything except `.search`."""

    regex = r"(?!\.search\Z)[^/]+"
    part_isolating = True


def init_app(app: Flask) -> None:
    """Register the routes below `/scim` and `/scim/v2`."""
    app.url_map.converters["identifier"] = ResourceIdConverter
    blueprint = create_blueprint(app.config["RECNICE_RESOURCE_TYPES"])
    app.register_blueprint(blueprint, url_prefix=ROOT)
    app.register_blueprint(blueprint, url_prefix=ROOT_V2, name=BLUEPRINT_V2)


def refuse(error: Exception) -> Response:
    """Return the Error message (RFC 7644 §3.12) for any failure below `/scim`; never HTML, never a traceback."""
    refusal = record_draft.current().error = _as_scim_error(error)
    headers = refusal.headers
    return Response(projection.compact(refusal.to_scim()), refusal.status, headers, content_type=MEDIA_TYPE)


def _as_scim_error(error: Exception) -> ScimError:
    if isinstance(error, ScimError):
        return error
    if isinstance(error, RequestEntityTooLarge):
        return ScimError(Code.TOO_LARGE, "body", f"at most {bounds.BODY_BYTES} bytes")
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        if error.code == 404:
            return ScimError(Code.NOT_FOUND, sentence="Nothing is at this address")
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        sentence = f"{flask_request.method if len(flask_request.method) < 10 else 'This method'} is not possible here"
        return ScimError(Code.of(error.code), sentence=sentence if error.code == 405 else error.name, headers=headers)
    number = record_draft.current().number
    log.error("request failed, number %s", number, exc_info=error)
    return ScimError(Code.INTERNAL, sentence=f"Something went wrong here; the log tells more under the number {number}")


def _add_resource_routes(blueprint: Blueprint, resource_type: ResourceType) -> None:
    """Add the endpoint of one resource type: the collection and single resources."""

    def collection() -> Response:
        return response(COLLECTION[flask_request.method](current(), resource_type))

    def single(resource_id: str) -> Response:
        return response(SINGLE[flask_request.method](current(), resource_type, resource_id))

    endpoint, name = resource_type.endpoint, resource_type.name
    add(blueprint, endpoint, f"{name}-collection", collection, ("GET", "POST"))
    add(blueprint, endpoint + ID_ROUTE, f"{name}-single", single, ("GET", "PUT", "PATCH", "DELETE"))


def _create(request: ScimRequest, resource_type: ResourceType) -> Answer:
    resource_changes.record_target(request.draft, request.method, resource_type)
    selection = request.selection_of_change(resource_type)
    resource = resource_operations.create(resource_type, request.body(), request.author(), selection)
    resource_changes.record_result(request.draft, resource)
    status, pieces, headers = resource_answer(request, resource, selection, 201)
    return Answer(status, pieces, {**headers, "Location": headers["Content-Location"]})


def _list(request: ScimRequest, resource_type: ResourceType) -> Answer:
    resource_changes.record_target(request.draft, request.method, resource_type)
    return list_endpoints.list_resources(request, (resource_type,))


def _get(request: ScimRequest, resource_type: ResourceType, resource_id: str) -> Answer:
    resource_changes.record_target(request.draft, request.method, resource_type, resource_id)
    selection = request.selection_of_read(resource_type)
    resource = resource_queries.get(resource_type, resource_id, selection, request.generation)
    resource_changes.record_result(request.draft, resource)
    if request.precondition.is_known(resource.record.version):
        return Answer(304, None, version_headers(request, resource))
    return resource_answer(request, resource, selection)


def _put(request: ScimRequest, resource_type: ResourceType, resource_id: str) -> Answer:
    resource_changes.record_target(request.draft, request.method, resource_type, resource_id)
    selection = request.selection_of_change(resource_type)
    resource = resource_operations.replace(
        resource_type, resource_id, request.body(), request.author(), request.precondition, selection
    )
    resource_changes.record_result(request.draft, resource)
    return resource_answer(request, resource, selection)


def _patch(request: ScimRequest, resource_type: ResourceType, resource_id: str) -> Answer:
    """Change a resource and return it with 200; a group without its members if the request selects no attributes.

    A group may have very many members, and Entra reads none of them
    (docs/decisions/0039-what-a-group-is-answered-with.md).
    """
    resource_changes.record_target(request.draft, request.method, resource_type, resource_id)
    operations = read_patch(request.body())
    selection = request.selection_of_change(resource_type)
    if selection.is_everything and resource_type.has_members and resource_type.membership:
        selection = Selection(excluded=frozenset({resource_type.membership.path}))
    resource = resource_operations.change(
        resource_type, resource_id, operations, request.author(), request.precondition, selection
    )
    resource_changes.record_result(request.draft, resource)
    return resource_answer(request, resource, selection)


def _delete(request: ScimRequest, resource_type: ResourceType, resource_id: str) -> Answer:
    resource_changes.record_target(request.draft, request.method, resource_type, resource_id)
    resource = resource_operations.delete(resource_type, resource_id, request.author(), request.precondition)
    resource_changes.record_result(request.draft, resource)
    return Answer(204)


COLLECTION: Mapping[str, Callable[[ScimRequest, ResourceType], Answer]] = {"GET": _list, "HEAD": _list, "POST": _create}
SINGLE: Mapping[str, Callable[[ScimRequest, ResourceType, str], Answer]] = {
    "GET": _get,
    "HEAD": _get,
    "PUT": _put,
    "PATCH": _patch,
    "DELETE": _delete,
}
"""The answers by method, which need no context of Flask: app/web/hot_routes.py calls them, too."""


def _me() -> NoReturn:
    """Raise 501, since /Me is not implemented (RFC 7644 §3.11)."""
    raise ScimError(Code.NOT_IMPLEMENTED, sentence="/Me is not offered: a SCIM Key is no person")


def _without_media_type(sent: Response) -> Response:
    """Remove the Content-Type of a response without content; a response to OPTIONS is only its Allow header."""
    if sent.status_code == 204 or (flask_request.method == "OPTIONS" and sent.status_code == 200):
        del sent.headers["Content-Type"]
    return sent
