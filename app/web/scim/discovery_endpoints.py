"""This module serves /ServiceProviderConfig, /ResourceTypes and /Schemas (RFC 7644 §4)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from app.scim import discovery_documents, projection
from app.scim.errors import Code, ScimError
from app.scim.protocol_messages import list_response
from app.scim.resource_types import ResourceType
from app.web.scim.request_response import add, base, json_response, message_response, settings
from app.web.service_routing import DOCUMENTATION, TOKEN_ENDPOINT

Documents = Callable[[str], list[dict[str, Any]]]


def add_routes(blueprint: Blueprint, types: tuple[ResourceType, ...]) -> None:
    """Add the discovery endpoints for these resource types."""
    for path in ("/ServiceProviderConfig", "/serviceConfiguration"):  # Microsoft's reference code requests the second
        add(blueprint, path, "config", _config)
    for name, documents in (
        ("ResourceTypes", partial(discovery_documents.resource_types, types)),
        ("Schemas", partial(discovery_documents.schemas, types)),
    ):
        add(blueprint, f"/{name}", name, _list_view(documents))
        add(blueprint, f"/{name}/<name>", f"{name}-one", _document_view(documents))


def _config() -> Response:
    public_url = settings().public_url
    return message_response(
        discovery_documents.service_provider_config(
            base(), public_url + DOCUMENTATION, public_url + TOKEN_ENDPOINT, has_cursors=settings().cursor_paging
        )
    )


def _list_view(documents: Documents) -> Callable[[], Response]:
    def view() -> Response:
        if "filter" in request.args:
            raise ScimError(Code.FORBIDDEN, "filter", "none, since discovery is not searched (RFC 7644 section 4)")
        texts = [[projection.compact(document)] for document in documents(base())]
        return json_response(list_response(len(texts), 1, len(texts), texts))

    return view


def _document_view(documents: Documents) -> Callable[[str], Response]:
    def view(name: str) -> Response:
        for document in documents(base()):
            if document["id"].lower() == name.lower():
                return message_response(document)
        raise ScimError(Code.NOT_FOUND, sentence="Nothing has this name")

    return view
