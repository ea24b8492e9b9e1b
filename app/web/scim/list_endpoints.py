"""This module serves lists and `/.search` (RFC 7644 §3.4.2, §3.4.3)."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from flask import Blueprint, Response

from app.provisioning import resource_queries
from app.scim.errors import ScimError
from app.scim.grammar import with_text
from app.scim.projection import Projection, Selection, projection
from app.scim.protocol_messages import list_response
from app.scim.resource_types import ResourceType
from app.scim.search_request import Search
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


class ListReading(NamedTuple):
    """What a list request selects, with the selections and projections by the names of the types.

    `query` is that of a list by cursor, None by index.
    """

    search: Search
    selections: Mapping[str, Selection]
    projections: Mapping[str, Projection]
    query: cursors.Query | None = None


Lookup = Callable[[str], ListReading | None]
"""A function that returns what a query with this value selects; None if the value has to be read with the query."""


def lookup(resource_type: ResourceType, base: str, before: str, after: str) -> Lookup | None:
    """Return the lookup by the text between these parts of a query; None for another list, such as one by cursor.

    Its lists are by one value of an attribute with an index. Two texts are tried: the filter differs by them and in
    nothing else.
    """
    readings = []
    for text in ("a", "b"):
        try:
            parameters = query_parameters.of_get(f"{before}{text}{after}")
            if "cursor" in parameters:
                return None
            readings.append(_read((resource_type,), parameters, base))
        except ScimError:
            return None
    [reading, other] = readings
    [where], [other_where] = ([sought.where for sought in one.search.sought] for one in readings)
    if where is None or where == other_where or other_where != with_text(where, "b") or other.search.unindexed:
        return None
    search, selections, projections, _ = reading

    def read(text: str) -> ListReading | None:
        equality = with_text(where, text)
        return ListReading(search.with_filter(equality), selections, projections) if equality else None

    return read


def list_resources(request: ScimRequest, types: Types) -> Answer:
    """Return the list that the query parameters select."""
    return answer(request, _read(types, request.parameters(), request.base))


def _search_view(types: Types) -> Callable[[], Response]:
    def view() -> Response:
        request = current()
        if len(types) == 1:
            resource_changes.record_target(request.draft, "GET", types[0])
        return response(answer(request, _read(types, query_parameters.of_message(request.body()), request.base)))

    return view


def _read(types: Types, parameters: Mapping[str, str], base: str) -> ListReading:
    """Return what these parameters select. Raises what they are refused for."""
    search = query_parameters.read_search(types, parameters, base)
    selections = {one.name: query_parameters.selection_of(one, parameters) for one in types}
    query = cursors.Query(types, parameters) if "cursor" in parameters and settings().cursor_paging else None
    if query is not None:
        search = query.by_cursor(search)
    return ListReading(
        search, selections, {one.name: projection(one, selections[one.name], base) for one in types}, query
    )


def answer(request: ScimRequest, reading: ListReading) -> Answer:
    """Return the list, and record the search."""
    search, selections, projections, query = reading
    page = resource_queries.search(search, selections, request.generation)
    resource_changes.record_search(request.draft, search, page)
    texts = [projections[one.type.name].pieces(one.record, one.memberships) for one in page.resources]
    next_cursor = query.cursor(page.end, search.count) if query is not None and page.end else None
    return Answer(200, list_response(page.total, search.start_index, len(page.resources), texts, next_cursor))
