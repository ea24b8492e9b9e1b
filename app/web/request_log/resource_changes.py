"""This module derives from a result what a request was about and what it changed.

Objects are the keys by which the log finds a later request about the same person or group: `User id <hash>`, `User
userName <hash>`, `Group displayName <hash>`. The hash is of the folded value, so that a key tells values of any
length apart and keeps none of them.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from app import bounds
from app.provisioning.resource_operations import Resource, SearchResult
from app.request_record import Deed, is_id
from app.scim.attribute import Attribute
from app.scim.filter_tree import And, Compare, Node, ValuePath, comparisons
from app.scim.resource_types import ResourceType, is_active, name_of
from app.scim.search_request import Search
from app.scim.value_comparison import normalize_value
from app.web.request_log.record_draft import Draft

DEEDS: Mapping[str, Deed] = {
    "GET": "read",
    "HEAD": "read",
    "POST": "create",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}
"""What a method is to do to a single resource."""

EXTERNAL_ID = "externalId"
REFUSED = "refused "
"""So begins the key of a value that was refused since another resource has it, where nothing else says who was meant.
Whoever gets the value later has the same key: who has it all along does not, or its next change would seem to be this
one's success."""
_HASH_LENGTH = 16


def aim(draft: Draft, method: str, resource_type: ResourceType, resource_id: str = "") -> None:
    """Before it is done: what is to be done to which resource. What cannot be an id of ours is left out."""
    draft.resource_type = resource_type
    draft.deed = DEEDS.get(method, "") if resource_id or method == "POST" else "list"
    if is_id(resource_id):
        draft.resource_id = resource_id
        draft.objects = (_key(resource_type, "id", resource_id),)


def done(draft: Draft, resource: Resource) -> None:
    """After a verb on a single resource that succeeded."""
    document = resource.record.content
    event = resource.event
    draft.resource_type, draft.resource_id = resource.type, resource.record.id
    draft.resource_name = name_of(document)
    draft.objects = tuple(objects_of(resource.type, document))
    if event is not None and event.verb != "delete":
        got = None if event.verb == "create" else {change.attribute for change in event.changes}
        draft.objects += tuple(REFUSED + _key(*one) for one in naming_values(resource.type, document, got))
    draft.mentioned = ((resource.type.name, resource.record.id),)
    draft.given, draft.left_out = resource.given, resource.left_out
    if event is not None:
        draft.joined, draft.departed = event.joined, event.departed
    if draft.deed == "change":
        draft.deed = "confirm" if event is None else _turn(event.changes)


def _turn(changes: Any) -> Deed:
    """Return whether a change disabled or enabled a user, or did neither."""
    for change in changes:
        was_active, is_now = (is_active({"active": value}) for value in (change.old, change.new))
        if change.attribute == "active" and is_now != was_active:
            return "enable" if is_now else "disable"
    return "change"


def found(draft: Draft, search: Search, result: SearchResult) -> None:
    """After a search: who was looked for, by what, and who was found."""
    equalities = None
    if len(search.sought) == 1:
        sought = search.sought[0]
        draft.resource_type = sought.resource_type
        equalities = list(_equalities(sought.where))
        draft.objects = tuple(
            _key(sought.resource_type, one.path[-1].path, one.value) for one in equalities if _names_it(one.path[-1])
        )
    conditions = [(one.resource_type, one.where) for one in search.sought if one.where is not None]
    if conditions:
        draft.named_ids = tuple(one.record.id for one in result.resources)
    draft.named_values = tuple(
        (resource_type.name, one.path[-1].path, str(one.value))
        for resource_type, where in conditions
        for one in comparisons(where)
        if one.op == "eq" and _names_it(one.path[-1])
    )
    draft.deed = _look(equalities, result.total)
    draft.may_be_probe = draft.deed == "match" and not result.total and _has_guid(equalities)
    if len(result.resources) > bounds.MENTIONED_AT_ONCE:
        return
    draft.mentioned = tuple((one.type.name, one.record.id) for one in result.resources)
    if len(result.resources) == 1 and draft.deed == "match":
        resource = result.resources[0]
        document = resource.record.content
        draft.resource_id, draft.resource_name = resource.record.id, name_of(document)
        draft.objects = tuple(dict.fromkeys((*draft.objects, *objects_of(resource.type, document))))


def _look(equalities: list[Compare] | None, total: int) -> Deed:
    """Entra: a probe asks for one random GUID, which nobody has; a match compares with `eq` and nothing else.

    An externalId is often a GUID, so the look-up of a new person by it is no probe; cycles.py says which of them is.
    """
    if not equalities:
        return "list"
    is_probe = not total and _has_guid(equalities) and equalities[0].path[-1].path != EXTERNAL_ID
    return "probe" if is_probe else "match"


def _has_guid(equalities: list[Compare] | None) -> bool:
    """Whether there is one comparison, with a GUID."""
    return equalities is not None and len(equalities) == 1 and is_id(equalities[0].literal)


def _equalities(node: Node | None) -> Iterator[Compare]:
    """The comparisons of a filter that is nothing but equalities joined by `and`; none of any other."""
    parts = _flat(node)
    if all(isinstance(part, Compare) and part.op == "eq" for part in parts):
        yield from (part for part in parts if isinstance(part, Compare))


def _flat(node: Node | None) -> list[Node]:
    match node:
        case None:
            return []
        case And(left, right):
            return [*_flat(left), *_flat(right)]
        case ValuePath(_, where):
            return _flat(where)
        case _:
            return [node]


def objects_of(resource_type: ResourceType, document: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a stored document, or of one that a client sent: names in any letter case, values of any type."""
    named = {name.lower(): value for name, value in document.items()}
    if is_id(named.get("id")):
        yield _key(resource_type, "id", named["id"])
    yield from (_key(*one) for one in naming_values(resource_type, document))


def naming_values(
    resource_type: ResourceType, document: Mapping[str, Any], paths: Collection[str] | None = None
) -> Iterator[tuple[ResourceType, str, str]]:
    """Yield type, path and folded value of what says who is meant, without the id; only of these paths, or of all."""
    named = {name.lower(): value for name, value in document.items()}
    for attribute in resource_type.tree.core.values():
        value = named.get(attribute.name.lower())
        is_wanted = attribute.name != "id" and (paths is None or attribute.path in paths)
        if is_wanted and _names_it(attribute) and isinstance(value, str) and value:
            yield resource_type, attribute.path, normalize_value(attribute, value)


def _names_it(attribute: Attribute) -> bool:
    """Whether a value of the attribute says who is meant: an id, a unique name, or the client's own identifier."""
    is_unique = attribute.traits.uniqueness != "none" or attribute.name == EXTERNAL_ID
    return is_unique and attribute.is_simple and len(attribute.keys) == 1 and attribute.type == "string"


def _key(resource_type: ResourceType, path: str, value: object) -> str:
    hashed = hashlib.sha256(str(value).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{resource_type.name} {path} {hashed[:_HASH_LENGTH]}"
