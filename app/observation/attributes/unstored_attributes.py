"""This module names the attributes that a request sent although nothing of them is stored.

See also: app/scim/patch.py (what is skipped), attribute_arrivals.py (what arrives in all requests).
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from app import bounds
from app.observation.attributes.attribute_arrivals import shown_name
from app.scim.attribute import Attribute, AttributeTree
from app.scim.errors import ScimError
from app.scim.grammar import parse_path
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import ResourceType


def unstored_names(resource_type: ResourceType, method: str, body: Any) -> list[str]:
    """Return the first `bounds.UNSTORED_NAMES` names or paths in a body that are unknown here or not stored.

    `body` is that of a PATCH, POST or PUT that succeeded. No name contains a value.
    """
    tree = resource_type.tree
    names = map(shown_name, _of_patch(tree, body) if method == "PATCH" else _of_object(tree, body))
    return list(islice(_each_once(names), bounds.UNSTORED_NAMES))


def _each_once(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name not in seen:
            seen.add(name)
            yield name


def _of_patch(tree: AttributeTree, body: Any) -> Iterator[str]:
    try:
        operations = read_patch(body)
    except ScimError:
        return
    for operation in operations:
        if operation.path is not None and not tree.is_whole(operation.path):
            yield from _at(tree, operation.path, operation.value)
        elif operation.op != "remove":
            yield from _of_object(tree, operation.value)


def _of_object(tree: AttributeTree, values: Any) -> Iterator[str]:
    for name, value, _ in tree.named(values):
        yield from _at(tree, name, value)


def _at(tree: AttributeTree, path: str, value: Any) -> Iterator[str]:
    try:
        target = parse_path(path, tree)
    except ScimError:  # a name in a value, which is skipped (app/scim/patch.py)
        target = None
    if target is None or target.attribute.traits.storage == "nowhere":
        yield path
    elif target.part is None:
        yield from _of_parts(path, target.attribute, value)


def _of_parts(path: str, attribute: Attribute, value: Any) -> Iterator[str]:
    """Yield the unstored names in the values of a complex attribute or of an extension."""
    for one in value if isinstance(value, list) else (value,):
        for name, inner in one.items() if isinstance(one, dict) and attribute.type == "complex" else ():
            part = attribute.sub_attributes.get(name.lower())
            own_path = f"{path}{':' if attribute.is_extension else '.'}{name}"
            if part is None:
                yield own_path
            elif attribute.is_extension:
                yield from _of_parts(own_path, part, inner)
