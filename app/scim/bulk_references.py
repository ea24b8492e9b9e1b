"""This module finds and resolves the references between the operations of a Bulk request (RFC 7644 §3.7.2).

A text with `bulkId:` is a reference only as the value of an attribute that refers to a resource. Anywhere else it is
ordinary text: a displayName may begin with it.

See also: bulk_message.py (the message), data_types.py (how an unresolved reference is refused).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from app.scim.attribute import Attribute, AttributeTree
from app.scim.data_types import UnresolvedReference
from app.scim.errors import ScimError
from app.scim.filter_tree import Target, comparisons
from app.scim.grammar import parse_path

PREFIX = "bulkId:"
_INSIDE = re.compile(r"(?<=/)bulkId:([^/]+)")  # in a URL: ../Users/bulkId:ada

Read = Callable[[str], str]
_quoted = partial(json.dumps, ensure_ascii=False)


def references(text: str) -> list[str]:
    """Return the bulkIds that the value of a reference names; none if it is an id or a URL."""
    return [text.removeprefix(PREFIX)] if text.startswith(PREFIX) else _INSIDE.findall(text)


def resolve(text: str, ids: Mapping[str, str]) -> str:
    """Return the value of a reference with an id for each bulkId; an UnresolvedReference if one has no id."""
    if any(one not in ids for one in references(text)):
        return UnresolvedReference(text)
    return ids[text.removeprefix(PREFIX)] if text.startswith(PREFIX) else _INSIDE.sub(lambda at: ids[at[1]], text)


def with_references(method: str, body: Any, tree: AttributeTree, read: Read) -> Any:
    """Return a body of POST, PUT or PATCH with the result of `read` for each text in it that is a reference.

    References are found in every place where these methods look for a value. What they would refuse stays unchanged.
    """
    if not _contains_bulk_id(body):
        return body
    if method != "PATCH":
        return _whole(tree, body, read)
    return _in_members(body, "operations", lambda operations: _operations(tree, operations, read))


def _contains_bulk_id(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_contains_bulk_id(name) or _contains_bulk_id(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(_contains_bulk_id, value))
    return isinstance(value, str) and PREFIX in value


def _in_members(value: Any, member: str, change: Callable[[Any], Any]) -> Any:
    """Return an object with one member changed, whose name is matched case-insensitively."""
    if not isinstance(value, dict):
        return value
    return {name: change(inner) if name.lower() == member else inner for name, inner in value.items()}


def _operations(tree: AttributeTree, operations: Any, read: Read) -> Any:
    return [_operation(tree, one, read) for one in operations] if isinstance(operations, list) else operations


def _operation(tree: AttributeTree, operation: Any, read: Read) -> Any:
    named = {name.lower(): value for name, value in operation.items()} if isinstance(operation, dict) else {}
    path = named.get("path")
    if path is None or (isinstance(path, str) and (not path.strip() or tree.is_whole(path))):
        return _in_members(operation, "value", lambda value: _whole(tree, value, read))
    if not isinstance(path, str):
        return operation
    operation = _in_members(operation, "path", lambda path: _in_filter(tree, path, read))
    return _in_members(operation, "value", lambda value: _at(tree, path, value, read))


def _whole(tree: AttributeTree, value: Any, read: Read) -> Any:
    """Return a document, or a value without a path, with each name in it read as a path."""
    if isinstance(value, list):
        return [_whole(tree, one, read) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _whole(tree, inner, read) if tree.is_whole(name) else _at(tree, name, inner, read)
        for name, inner in value.items()
    }


def _at(tree: AttributeTree, path: str, value: Any, read: Read) -> Any:
    target = _target(tree, path)
    return _below(target.part or target.attribute, value, read) if target else value


def _target(tree: AttributeTree, path: str) -> Target | None:
    with suppress(ScimError):
        return parse_path(path, tree)
    return None


def _in_filter(tree: AttributeTree, path: str, read: Read) -> str:
    """Return `members[value eq "bulkId:ada"]` with the id; an UnresolvedReference if one has no id."""
    target = _target(tree, path)
    for one in comparisons(target.where) if target and target.where else ():
        if one.path[-1].is_reference and isinstance(one.literal, str):
            replacement = read(one.literal)
            if isinstance(replacement, UnresolvedReference):
                return UnresolvedReference(path)
            path = path.replace(_quoted(one.literal), _quoted(replacement))
    return path


def _below(attribute: Attribute, value: Any, read: Read) -> Any:
    """Return a value of an attribute, in any allowed shape, with its parts or the one that represents it changed."""
    if isinstance(value, list):
        return [_below(attribute, one, read) for one in value]
    if isinstance(value, dict):
        return dict(_parts(attribute, value, read))
    named = attribute.value_attribute if attribute.type == "complex" else attribute
    return read(value) if isinstance(value, str) and named and named.is_reference else value


def _parts(attribute: Attribute, value: Mapping[str, Any], read: Read) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        is_value = attribute.type != "complex" and name.strip().lower() == "value"
        part = attribute if is_value else attribute.sub_attributes.get(name.lower())
        yield name, _below(part, inner, read) if part else inner
