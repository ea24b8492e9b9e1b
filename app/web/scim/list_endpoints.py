"""This module serves lists and `/.search` (RFC 7644 §3.4.2, §3.4.3)."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response

from app.provisioning import resource_operations
from app.scim.projection import projection
from app.scim.protocol_messages import list_response
from app.scim.resource_types import ResourceType
from app.web.request_log import resource_changes
from app.web.scim import cursors, query_parameters
from app.web.scim.request_response import Answer, add, current, response, settings
from app.web.scim.scim_request import ScimRequest

Types = tuple[ResourceType, ...]


def add_routes(blueprint: Blueprint, types: Types) -> None:
    """Add the root with its `/.search`, and the `/.search` of each collection, whose GET is `list_resources`."""
    add(blueprint, "", "root", lambda: response(list_resources(current(), types)))
    add(blueprint, "/.search", "search", _search_view(types), ("POST",))
    for one in types:
        add(blueprint, f"{one.endpoint}/.search", f"{one.name}-search", _search_view((one,)), ("POST",))


def list_resources(request: ScimRequest, types: Types) -> Answer:
    """Return the list that the query parameters select."""
    return _list(request, types, request.parameters())


def _search_view(types: Types) -> Callable[[], Response]:
    def view() -> Response:
        request = current()
        if len(types) == 1:
            resource_changes.record_target(request.draft, "GET", types[0])
        return response(_list(request, types, query_parameters.of_message(request.body())))

    return view


def _list(request: ScimRequest, types: Types, parameters: Mapping[str, str]) -> Answer:
    search = query_parameters.read_search(types, parameters, request.base)
    selections = {one.name: query_parameters.selection_of(one, parameters) for one in types}
    query = cursors.Query(types, parameters) if "cursor" in parameters and settings().cursor_paging else None
    if query is not None:
        search = query.by_cursor(search)
    page = resource_operations.search(search, selections, request.generation)
    resource_changes.record_search(request.draft, search, page)
    projections = {one.name: projection(one, selections[one.name], search.base) for one in types}
    texts = (projections[one.type.name].pieces(one.record, one.memberships) for one in page.resources)
    next_cursor = query.cursor(page.end, search.count) if query is not None and page.end else None
    return Answer(200, list_response(page.total, search.start_index, len(page.resources), texts, next_cursor))
