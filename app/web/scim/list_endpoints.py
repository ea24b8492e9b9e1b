"""This module serves lists and `/.search` (RFC 7644 §3.4.2, §3.4.3)."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from app.provisioning import resource_operations
from app.scim.projection import projection
from app.scim.protocol_messages import list_response
from app.scim.resource_types import ResourceType
from app.web.request_log import record_draft, resource_changes
from app.web.scim import cursors, query_parameters
from app.web.scim.request_response import add, base, body, json_response, settings

Types = tuple[ResourceType, ...]


def add_routes(blueprint: Blueprint, types: Types) -> None:
    """Add the root with its `/.search`, and the `/.search` of each collection, whose GET is `list_resources`."""
    add(blueprint, "", "root", lambda: list_resources(types))
    add(blueprint, "/.search", "search", _search_view(types), ("POST",))
    for one in types:
        add(blueprint, f"{one.endpoint}/.search", f"{one.name}-search", _search_view((one,)), ("POST",))


def list_resources(types: Types) -> Response:
    """Return the list that the query parameters select."""
    return _list(types, query_parameters.of_get(request.args))


def _search_view(types: Types) -> Callable[[], Response]:
    def view() -> Response:
        if len(types) == 1:
            resource_changes.record_target(record_draft.current(), "GET", types[0])
        return _list(types, query_parameters.of_message(body()))

    return view


def _list(types: Types, parameters: Mapping[str, str]) -> Response:
    search = query_parameters.read_search(types, parameters, base())
    selections = {one.name: query_parameters.selection_of(one, parameters) for one in types}
    is_by_cursor = "cursor" in parameters and settings().cursor_paging
    query = cursors.Query(types, parameters)
    if is_by_cursor:
        search = query.by_cursor(search)
    page = resource_operations.search(search, selections)
    resource_changes.record_search(record_draft.current(), search, page)
    projections = {one.name: projection(one, selections[one.name], search.base) for one in types}
    texts = (projections[one.type.name].pieces(one.record, one.memberships) for one in page.resources)
    next_cursor = query.cursor(page.end, search.count) if search.start_index is None and page.end else None
    return json_response(list_response(page.total, search.start_index, len(page.resources), texts, next_cursor))
