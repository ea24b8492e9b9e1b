"""This module serves lists and `/.search` (RFC 7644 §3.4.2, §3.4.3)."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from app.provisioning import resource_operations
from app.scim.protocol_messages import cursor_response, list_response
from app.scim.resource_types import ResourceType
from app.web.request_log import record_draft, resource_changes
from app.web.scim import cursors, query_parameters
from app.web.scim.request_response import add, answered_text, base, body, settings, text_of

Types = tuple[ResourceType, ...]


def add_routes(blueprint: Blueprint, types: Types) -> None:
    """Add the root with its `/.search`, and the `/.search` of each collection, whose GET is `listed`."""
    add(blueprint, "", "root", lambda: listed(types))
    add(blueprint, "/.search", "search", _searched(types), ("POST",))
    for one in types:
        add(blueprint, f"{one.endpoint}/.search", f"{one.name}-search", _searched((one,)), ("POST",))


def listed(types: Types) -> Response:
    """Return the list that the query parameters select."""
    return _list(types, query_parameters.of_get(request.args))


def _searched(types: Types) -> Callable[[], Response]:
    def view() -> Response:
        if len(types) == 1:
            resource_changes.aim(record_draft.current(), "GET", types[0])
        return _list(types, query_parameters.of_message(body()))

    return view


def _list(types: Types, given: Mapping[str, str]) -> Response:
    search = query_parameters.read_search(types, given, base())
    selections = {one.name: query_parameters.selection_of(one, given) for one in types}
    is_by_cursor = "cursor" in given and settings().cursor_paging
    query = cursors.Query(types, given)
    if is_by_cursor:
        search = query.by_cursor(search)
    found = resource_operations.search(search, selections)
    resource_changes.found(record_draft.current(), search, found)
    texts = [text_of(resource, selections[resource.type.name]) for resource in found.resources]
    if search.start_index is None:
        next_cursor = query.cursor(found.end, search.count) if found.end else None
        return answered_text(cursor_response(found.total, next_cursor, texts))
    return answered_text(list_response(found.total, search.start_index, texts))
