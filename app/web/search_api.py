"""Lists over HTTP: GET on a collection or the root, and POST to `/.search` below either (RFC 7644 §3.4.2, §3.4.3).

Not here: how a list is found (app/provisioning.py), and what the parameters mean (parameters.py).
"""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from app import provisioning
from app.scim.messages import cursor_response, list_response
from app.scim.resource_types import ResourceType
from app.web import cursors, draft, facts, parameters
from app.web.exchange import add, answered_text, base, body, settings, text_of

Types = tuple[ResourceType, ...]


def add_routes(blueprint: Blueprint, types: Types) -> None:
    """The root with its `/.search`, and the `/.search` of each collection, whose GET is `listed`."""
    add(blueprint, "", "root", lambda: listed(types))
    add(blueprint, "/.search", "search", _searched(types), ("POST",))
    for one in types:
        add(blueprint, f"{one.endpoint}/.search", f"{one.name}-search", _searched((one,)), ("POST",))


def listed(types: Types) -> Response:
    """A list as the query parameters ask for it."""
    return _list(types, parameters.of_get(request.args))


def _searched(types: Types) -> Callable[[], Response]:
    def view() -> Response:
        if len(types) == 1:
            facts.aim(draft.facts(), "GET", types[0])
        return _list(types, parameters.of_message(body()))

    return view


def _list(types: Types, given: Mapping[str, str]) -> Response:
    search = parameters.read_search(types, given, base())
    selections = {one.name: parameters.selection_of(one, given) for one in types}
    is_by_cursor = "cursor" in given and settings().cursor_paging
    query = cursors.Query(types, given)
    if is_by_cursor:
        search = query.by_cursor(search)
    found = provisioning.search(search, selections)
    facts.found(draft.facts(), search, found)
    texts = [text_of(resource, selections[resource.type.name]) for resource in found.resources]
    if search.start_index is None:
        next_cursor = query.cursor(found.end, search.count) if found.end else None
        return answered_text(cursor_response(found.total, next_cursor, texts))
    return answered_text(list_response(found.total, search.start_index, texts))
