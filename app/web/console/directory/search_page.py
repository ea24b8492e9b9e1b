"""This module serves the console's search."""

import re
from contextlib import suppress
from dataclasses import dataclass

from flask import current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.observation import request_list
from app.observation.directory import console_search, history_reader
from app.observation.directory.console_search import ListPage, ResourceQuery
from app.observation.directory.history_reader import Event
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.web.console.directory.resource_columns import ResourceRow, lines
from app.web.resource_urls import Endpoints

_NUMBER = re.compile(rf"[0-9a-f]{{{2 * bounds.REQUEST_NUMBER_BYTES}}}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The results of one type: the first matches, how many there are, and the last deleted resources that match."""

    type: ResourceType
    endpoints: Endpoints
    listed: ListPage
    lines: list[ResourceRow]
    deletions: list[Event]


def search() -> str | Response:
    """Show a few results of each type; redirect to the page of an exact request ID or resource id."""
    sought = request.args.get("q", "").strip()
    is_too_long = len(sought) > bounds.SEARCH_TEXT_LENGTH
    if not is_too_long and (address := _address_of(sought)):
        return redirect(address)
    results = [_results(one, sought) for one in _types()] if sought and not is_too_long else []
    return render_template(
        "search.html",
        sought=sought,
        is_too_long=is_too_long,
        results=[one for one in results if one.lines or one.deletions],
    )


_ATTRIBUTES = ("displayName", "userName", "active")
"""The attributes of a result that the page displays, if the resource has them."""


def _address_of(sought: str) -> str:
    """Return the URL of the page that an exact request ID or resource id names, or ""."""
    if _NUMBER.fullmatch(sought) and _is_number(sought.lower()):
        return url_for("console.activity", number=sought.lower())
    name = console_search.types_of([sought]).get(sought)
    of_type = next((one for one in _types() if one.name == name), None)
    return url_for(Endpoints.of(of_type).single, resource_id=sought) if of_type else ""


def _is_number(number: str) -> bool:
    """Return whether the log has a request with this ID; False while it cannot be read, which the page then says."""
    with suppress(ScimError):
        return request_list.has_number(number)
    return False


def _results(resource_type: ResourceType, sought: str) -> SearchResults:
    listed = console_search.find(ResourceQuery(resource_type, sought), _ATTRIBUTES, 1, bounds.FOUND_AT_ONCE)
    deletions = history_reader.deletions(resource_type, sought, bounds.FOUND_AT_ONCE)
    return SearchResults(resource_type, Endpoints.of(resource_type), listed, list(lines(listed.records)), deletions)


def _types() -> tuple[ResourceType, ...]:
    types: tuple[ResourceType, ...] = current_app.config["RECNICE_RESOURCE_TYPES"]
    return types
