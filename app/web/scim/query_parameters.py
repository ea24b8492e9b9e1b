"""This module reads query parameters and search messages (RFC 7644 §3.4.2, §3.4.3, §3.9)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from app import bounds
from app.scim.attribute import Attribute
from app.scim.errors import Code, ScimError, shown
from app.scim.filter_tree import Node
from app.scim.projection import Selection, read_selection
from app.scim.resource_types import ResourceType
from app.scim.search_request import Search, TypeSearch, read_filter

SEARCH_URN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_LISTS = ("attributes", "excludedAttributes")
_SINGLES = ("filter", "sortBy", "sortOrder", "startIndex", "count", "cursor")
_ERRORS = "werkzeug.url_quote"
_WHOLE = re.compile(r"([+-]?)([0-9]+)\Z")


def of_get(query: str) -> dict[str, str]:
    """Return the SCIM parameters in the query of a URL; others are ignored. Entra: `?aadOptscim062020`.

    Raises invalidValue for a repeated parameter, which would be ambiguous.
    """
    if not query:
        return {}
    values: dict[str, list[str]] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        values.setdefault(decoded(name), []).append(decoded(value))
    parameters = {name: ",".join(values[name]) for name in _LISTS if name in values}
    for name in _SINGLES:
        if name in values:
            if len(values[name]) > 1:
                raise ScimError(Code.INVALID_VALUE, name, "once", f"{len(values[name])} times")
            parameters[name] = values[name][0]
    return parameters


def decoded(text: str) -> str:
    """Return a name or a value as Werkzeug's `args` has it, and as `urllib.parse.parse_qsl` returns it."""
    text = text.replace("+", " ").replace("%20", " ").replace("%40", "@")  # most have no other escape
    if "%" not in text:
        return text
    if text.isascii():
        return unquote_to_bytes(text).decode(errors=_ERRORS)
    return unquote(text, errors=_ERRORS)


def of_message(message: Any) -> dict[str, str]:
    """Return the SCIM parameters in the body of a POST to `/.search` (RFC 7644 §3.4.3).

    Raises invalidSyntax for a malformed message.
    """
    if not isinstance(message, dict):
        raise ScimError(Code.INVALID_SYNTAX, "body", "an object", shown(message))
    named = {name.lower(): value for name, value in message.items()}
    urns = named.get("schemas")
    if urns is not None and (not isinstance(urns, list) or SEARCH_URN not in urns):
        raise ScimError(Code.INVALID_SYNTAX, "schemas", f"[{shown(SEARCH_URN)}]", shown(urns))
    parameters = {}
    for name in (*_LISTS, *_SINGLES):
        value = named.get(name.lower())
        if value is None:
            continue
        if name in _LISTS and isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = ",".join(value)
        elif name in ("startIndex", "count") and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        elif not isinstance(value, str):
            raise ScimError(Code.INVALID_SYNTAX, name, "another type", shown(value))
        parameters[name] = value
    return parameters


def read_search(types: Sequence[ResourceType], parameters: Mapping[str, str], base: str) -> Search:
    """Return a search by index for resources of these types. `base` is the public URL of the requested root.

    Raises invalidFilter, invalidPath for an unknown `sortBy`, invalidValue.
    """
    wheres: Iterable[tuple[ResourceType, Node | None]] = [(one, None) for one in types]
    if "filter" in parameters:
        wheres = read_filter(parameters["filter"], types)
    keys = _sort_by(types, parameters)
    start_index = whole(parameters, "startIndex")
    count = whole(parameters, "count")
    return Search(
        tuple(TypeSearch(one, where, keys.get(one.name)) for one, where in wheres),
        is_descending=_is_descending(parameters),
        count=bounds.PAGE_SIZE if count is None else min(max(count, 0), bounds.PAGE_SIZE_MAXIMUM),
        start_index=1 if start_index is None else min(max(start_index, 1), bounds.START_INDEX_MAXIMUM),
        base=base,
    )


def selection_of(resource_type: ResourceType, parameters: Mapping[str, str]) -> Selection:
    """Return the attributes that the parameters select. Raises invalidValue for a list that is too long."""
    return read_selection(resource_type.tree, parameters.get("attributes"), parameters.get("excludedAttributes"))


def _sort_by(types: Sequence[ResourceType], parameters: Mapping[str, str]) -> dict[str, tuple[Attribute, ...]]:
    """Return the path to the `sortBy` attribute, by the name of each type that has it.

    A complex attribute is sorted by its `value` (RFC 7644 §3.4.2.3). Raises invalidPath if no type has the attribute.
    """
    name = parameters.get("sortBy")
    if not name:
        return {}
    paths = {one.name: path for one in types if (path := _sortable(one.tree.find(name)))}
    if not paths:
        raise ScimError(Code.INVALID_PATH, "sortBy", "an attribute with a simple value", shown(name))
    return paths


def _sortable(path: tuple[Attribute, ...] | None) -> tuple[Attribute, ...] | None:
    if path is not None and path[-1].type == "complex" and path[-1].value_attribute:
        path = (*path, path[-1].value_attribute)
    is_simple = path is not None and path[-1].type != "complex" and path[-1].traits.returned != "never"
    return path if is_simple else None


def _is_descending(parameters: Mapping[str, str]) -> bool:
    if "sortOrder" not in parameters:
        return False
    direction = parameters["sortOrder"]
    if direction.lower() not in ("ascending", "descending"):
        raise ScimError(Code.INVALID_VALUE, "sortOrder", "ascending or descending", shown(direction))
    return direction.lower() == "descending"


def whole(parameters: Mapping[str, str], name: str) -> int | None:
    """Return a parameter as a whole number; None if it is missing or empty. Raises invalidValue.

    A number of more than `bounds.NUMBER_DIGITS` digits is cut to that length, which still exceeds every limit.
    """
    text = parameters.get(name)
    if text is None or text == "":
        return None
    match = _WHOLE.match(text)
    if not match:
        raise ScimError(Code.INVALID_VALUE, name, "a whole number", shown(text))
    return int(match[1] + (match[2].lstrip("0")[: bounds.NUMBER_DIGITS] or "0"))
