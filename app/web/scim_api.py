"""The SCIM service provider over HTTP: verbs to provisioning, results and refusals to SCIM bodies (RFC 7644 §3).

It serves `/scim` and `/scim/v2` alike, with and without a trailing slash, and never redirects. Not here: who may call
(security.py), what a verb does (provisioning.py).
"""

import json
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app import bounds, provisioning
from app.provisioning import Resource
from app.scim import discovery, errors, projection
from app.scim.errors import ScimError
from app.scim.messages import list_response, read_patch
from app.scim.precondition import Precondition
from app.scim.projection import EVERYTHING, Selection
from app.scim.resource_types import ResourceType
from app.scim.wire import read_json
from app.settings import Settings
from app.web import parameters
from app.web.proxy import SCIM_ROOT as ROOT

MEDIA_TYPE = "application/scim+json"
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
ROOT_V2 = ROOT + "/v2"

log = logging.getLogger(__name__)


def make_blueprint(types: tuple[ResourceType, ...]) -> Blueprint:
    """Every route below one root. It is registered once for each root."""
    blueprint = Blueprint("scim", __name__)
    for resource_type in types:
        _add_resource_routes(blueprint, resource_type)
    _add(blueprint, "/ServiceProviderConfig", "config", lambda: _answer(discovery.service_provider_config(_base())))
    for path, documents in (
        ("/ResourceTypes", partial(discovery.resource_types, types)),
        ("/Schemas", partial(discovery.schemas, types)),
    ):
        _add(blueprint, path, path, _listed(documents))
        _add(blueprint, f"{path}/<name>", f"{path}.one", _one_of(documents))
    for path, what in (
        ("/Bulk", "Bulk"),
        ("/Me", "/Me: a SCIM Key is no person"),
        ("/.search", "A search over all types"),
    ):
        _add(blueprint, path, path, _not_offered(what), ("GET", "POST", "PUT", "PATCH", "DELETE"))
    return blueprint


def init_app(app: Flask) -> None:
    blueprint = make_blueprint(app.config["RECNICE_RESOURCE_TYPES"])
    app.register_blueprint(blueprint, url_prefix=ROOT)
    app.register_blueprint(blueprint, url_prefix=ROOT_V2, name="scim_v2")


def refuse(error: Exception) -> Response:
    """Any failure of a request below `/scim` as the Error message of RFC 7644 §3.12; never HTML, never a traceback."""
    refusal = _as_scim_error(error)
    headers = refusal.headers
    return Response(projection.compact(refusal.to_scim()), refusal.status, headers, content_type=MEDIA_TYPE)


def _as_scim_error(error: Exception) -> ScimError:
    if isinstance(error, ScimError):
        return error
    if isinstance(error, RequestEntityTooLarge):
        return errors.too_large(bounds.BODY_BYTES)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        if error.code == 404:
            return errors.not_found("Nothing is at this address")
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        detail = f"{request.method if len(request.method) < 10 else 'This method'} is not possible here"
        return ScimError(error.code, detail if error.code == 405 else error.name, headers=headers)
    number = secrets.token_hex(4)
    log.error("request failed, number %s", number, exc_info=error)
    return ScimError(500, f"Something went wrong here; the log tells more under the number {number}")


def _add(
    blueprint: Blueprint, path: str, endpoint: str, view: Callable[..., Response], methods: tuple[str, ...] = ("GET",)
) -> None:
    blueprint.add_url_rule(path, endpoint.strip("/").replace(".", "-"), view, methods=methods)


def _add_resource_routes(blueprint: Blueprint, resource_type: ResourceType) -> None:
    """The endpoint of one resource type: collection, search and single resources."""

    def collection() -> Response:
        return _create(resource_type) if request.method == "POST" else _list(resource_type, _parameters())

    def search() -> Response:
        return _list(resource_type, parameters.of_message(_body()))

    def single(resource_id: str) -> Response:
        return _VERBS[request.method](resource_type, resource_id)

    endpoint, name = resource_type.endpoint, resource_type.name
    _add(blueprint, endpoint, f"{name}.collection", collection, ("GET", "POST"))
    _add(blueprint, f"{endpoint}/.search", f"{name}.search", search, ("POST",))
    _add(blueprint, f"{endpoint}/<resource_id>", f"{name}.single", single, ("GET", "PUT", "PATCH", "DELETE"))


def _create(resource_type: ResourceType) -> Response:
    resource = provisioning.create(resource_type, _body(), selection := _selection(resource_type))
    location = projection.location(_base(), resource_type, resource.record.id)
    return _represented(resource, selection, 201, {"Location": location})


def _list(resource_type: ResourceType, given: Mapping[str, str]) -> Response:
    asked = parameters.read_query(resource_type, given)
    selection = parameters.selection_of(resource_type, given)
    found = provisioning.search(resource_type, asked, selection)
    texts = [_text(resource, selection) for resource in found.resources]
    return Response(list_response(found.total, asked.start_index, texts), 200, content_type=MEDIA_TYPE)


def _get(resource_type: ResourceType, resource_id: str) -> Response:
    resource = provisioning.get(resource_type, resource_id, selection := _selection(resource_type))
    if _precondition().is_known(resource.record.version):
        return Response(status=304, headers={"ETag": projection.entity_tag(resource.record.version)})
    return _represented(resource, selection)


def _put(resource_type: ResourceType, resource_id: str) -> Response:
    selection = _selection(resource_type)
    return _represented(
        provisioning.replace(resource_type, resource_id, _body(), _precondition(), selection), selection
    )


def _patch(resource_type: ResourceType, resource_id: str) -> Response:
    """200 with the resource; for a group that nobody asked to see 204, since it may have very many members.

    Entra: group changes want no members in the answer.
    """
    operations = read_patch(_body())
    selection = _selection(resource_type)
    is_brief = resource_type.has_members and selection.is_everything
    wanted = Selection(asked=frozenset()) if is_brief else selection
    resource = provisioning.change(resource_type, resource_id, operations, _precondition(), wanted)
    if is_brief:
        return Response(status=204, headers={"ETag": projection.entity_tag(resource.record.version)})
    return _represented(resource, selection)


def _delete(resource_type: ResourceType, resource_id: str) -> Response:
    provisioning.delete(resource_type, resource_id, _precondition())
    return Response(status=204)


_VERBS: Mapping[str, Callable[[ResourceType, str], Response]] = {
    "GET": _get,
    "HEAD": _get,
    "PUT": _put,
    "PATCH": _patch,
    "DELETE": _delete,
}


def _listed(documents: Callable[[str], list[dict[str, Any]]]) -> Callable[[], Response]:
    def view() -> Response:
        if "filter" in request.args:
            raise errors.forbidden("filter: expected none, since discovery is not searched (RFC 7644 section 4)")
        texts = [projection.compact(document) for document in documents(_base())]
        return Response(list_response(len(texts), 1, texts), 200, content_type=MEDIA_TYPE)

    return view


def _one_of(documents: Callable[[str], list[dict[str, Any]]]) -> Callable[[str], Response]:
    def view(name: str) -> Response:
        for document in documents(_base()):
            if document["id"].lower() == name.lower():
                return _answer(document)
        raise errors.not_found("Nothing has this name")

    return view


def _not_offered(what: str) -> Callable[[], NoReturn]:
    def view() -> NoReturn:
        raise errors.not_implemented(f"{what} is not offered")

    return view


def _parameters() -> dict[str, str]:
    return parameters.of_get(request.args)


def _selection(resource_type: ResourceType) -> Selection:
    return parameters.selection_of(resource_type, _parameters())


def _precondition() -> Precondition:
    return Precondition(request.headers.get("If-Match"), request.headers.get("If-None-Match"))


def _body() -> Any:
    """The JSON of the request, whatever media type it claims but a form's. Entra and others send several, or none."""
    if request.mimetype in FORM_TYPES:
        raise errors.unsupported_media(request.mimetype)
    return read_json(request.get_data(cache=False))


def _base() -> str:
    """The public address of the root that was asked, never taken from the Host header."""
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    root = ROOT_V2 if request.blueprint == "scim_v2" else ROOT
    return settings.public_url + root


def _text(resource: Resource, selection: Selection) -> str:
    return projection.represent(resource.type, resource.record, resource.memberships, _base(), selection)


def _represented(
    resource: Resource, selection: Selection = EVERYTHING, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    tag = {"ETag": projection.entity_tag(resource.record.version)}
    return Response(_text(resource, selection), status, {**tag, **(headers or {})}, content_type=MEDIA_TYPE)


def _answer(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), 200, content_type=MEDIA_TYPE)
