"""This module derives from a result which resource a request was about and what it changed.

Objects are the keys by which the log finds later requests about the same user or group: `User id <hash>`, `User
userName <hash>`, `Group displayName <hash>`. The hash is of the normalized value, so keys distinguish values of any
length and contain none of them.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app import bounds
from app.provisioning.resource_queries import Resource, SearchResult
from app.request_record import RequestAction, is_id
from app.scim.differences import Change
from app.scim.filter_tree import And, Compare, Node, ValuePath, comparisons
from app.scim.resource_types import ResourceType, is_active
from app.scim.search_request import Search
from app.scim.value_comparison import normalize_value
from app.web.request_log.record_draft import Draft

ACTIONS: Mapping[str, RequestAction] = {
    "GET": "read",
    "HEAD": "read",
    "POST": "create",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}
"""The action of each method on a single resource."""

EXTERNAL_ID = "externalId"
REFUSED = "refused "
"""The prefix of the key of a value that was refused because another resource has it, if nothing else identifies the
resource. A resource that gets the value later gets the same key. The present owner does not, since its next change
would look like the success of the refused request."""
_HASH_LENGTH = 16


def record_target(draft: Draft, method: str, resource_type: ResourceType, resource_id: str = "") -> None:
    """Record the intended action and resource, before it is done. An invalid resource id is left out."""
    draft.resource_type = resource_type
    draft.action = ACTIONS.get(method, "") if resource_id or method == "POST" else "list"
    if is_id(resource_id):
        draft.resource_id = resource_id


def record_result(draft: Draft, resource: Resource) -> None:
    """Record a successful action on a single resource."""
    record, event = resource.record, resource.event
    draft.resource_type, draft.resource_id, draft.resource_name = resource.type, record.id, record.name
    draft.resources = ((resource.type.name, record.id),)
    draft.assigned_paths, draft.left_out = resource.assigned_paths, resource.left_out
    changed: Collection[str] | None = ()
    if event is not None:
        draft.joined, draft.departed = event.joined, event.departed
        if event.verb != "delete":
            changed = None if event.verb == "create" else {change.attribute for change in event.changes}
    draft.objects = _ObjectKeys(resource.type, (), record.document, changed).to_keep()
    if draft.action == "change":
        draft.action = "confirm" if event is None else _turn(event.changes)


def _turn(changes: Iterable[Change]) -> RequestAction:
    """Return whether a change disabled or enabled a user, or did neither."""
    for change in changes:
        if change.attribute == "active":
            was_active, is_now = (is_active({"active": value}) for value in (change.old, change.new))
            return "change" if is_now == was_active else "enable" if is_now else "disable"
    return "change"


def record_search(draft: Draft, search: Search, result: SearchResult) -> None:
    """Record a search: the values that it searched for, and the resources that it found."""
    equalities = None
    if len(search.sought) == 1:
        [sought] = search.sought
        draft.resource_type = sought.resource_type
        equalities = _equalities(sought.where)
    if draft.is_marked:
        _record_named(draft, search, result)
    draft.unindexed = search.unindexed
    draft.action = _look(equalities, result.total)
    draft.may_be_probe = draft.action == "match" and not result.total and _has_guid(equalities)
    document = ""
    if len(result.resources) <= bounds.LAST_SEEN_AT_ONCE:
        draft.resources = tuple((one.type.name, one.record.id) for one in result.resources)
        if draft.action == "match" and len(result.resources) == 1:
            record = result.resources[0].record
            draft.resource_id, draft.resource_name, document = record.id, record.name, record.document
    if equalities:
        draft.objects = _ObjectKeys(sought.resource_type, equalities, document).to_keep()


def _record_named(draft: Draft, search: Search, result: SearchResult) -> None:
    """Record what tells whether a search of a simulation names a resource outside of it."""
    conditions = [(one.resource_type, one.where) for one in search.sought if one.where is not None]
    if conditions:
        draft.named_ids = tuple(one.record.id for one in result.resources)
    draft.named_values = tuple(
        (resource_type.name, one.path[-1].path, str(one.value))
        for resource_type, where in conditions
        for one in comparisons(where)
        if one.op == "eq" and one.path[-1].path in resource_type.identifying
    )


def _look(equalities: list[Compare] | None, total: int) -> RequestAction:
    """Return the action of a search.

    Entra: a probe searches for one random GUID, which no resource has; a match compares with `eq` and nothing else. An
    externalId is often a GUID, so the lookup of a new user by it is not a probe; app/observation/cycles/detection.py
    decides which of these are.
    """
    if not equalities:
        return "list"
    is_probe = not total and _has_guid(equalities) and equalities[0].path[-1].path != EXTERNAL_ID
    return "probe" if is_probe else "match"


def _has_guid(equalities: list[Compare] | None) -> bool:
    """Return whether there is exactly one comparison, with a GUID."""
    return equalities is not None and len(equalities) == 1 and is_id(equalities[0].literal)


def _equalities(node: Node | None) -> list[Compare]:
    """Return the comparisons of a filter that only joins equalities by `and`; none of any other filter."""
    parts = _flat(node)
    equalities = [part for part in parts if isinstance(part, Compare) and part.op == "eq"]
    return equalities if len(equalities) == len(parts) else []


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


@dataclass(slots=True)
class _ObjectKeys:
    """The keys of the values that a search compared, and of a stored resource, hashed when first iterated over.

    `document` is the text of the resource, "" for none. `changed` are the attributes whose new values end what was
    refused because another resource had them; None means all.
    """

    resource_type: ResourceType
    compared: Sequence[Compare]
    document: str = ""
    changed: Collection[str] | None = ()
    hashed: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[str]:
        if self.hashed is None:
            self.hashed = tuple(self._hash())
        return iter(self.hashed)

    def _hash(self) -> Iterator[str]:
        for one in self.compared:
            if one.path[-1].path in self.resource_type.identifying:
                yield _key(self.resource_type, one.path[-1].path, one.value)
        if self.document:
            document = json.loads(self.document)
            yield from objects_of(self.resource_type, document, is_stored=True)
            yield from (REFUSED + _key(*one) for one in _naming_values(self.resource_type, document, self.changed))

    def to_keep(self) -> Iterable[str]:
        """Return the keys as they are kept until the request is written: hashed at once if the text is long."""
        return self if len(self.document) <= bounds.HASHED_LATER_LENGTH else tuple(self)


def objects_of(resource_type: ResourceType, document: Mapping[str, Any], *, is_stored: bool = False) -> Iterator[str]:
    """Yield the keys of a client's document, or of a stored one: then all names are in declared case."""
    named = document if is_stored else _by_path(resource_type, document)
    if is_id(named.get("id")):
        yield _key(resource_type, "id", named["id"])
    yield from (_key(*one) for one in _naming_values(resource_type, named))


def target_objects(resource_type: ResourceType | None, resource_id: str) -> tuple[str, ...]:
    """Return the key of the resource that a request names, for one that found none; () without a valid id."""
    return (_key(resource_type, "id", resource_id),) if resource_type and resource_id else ()


def naming_values(resource_type: ResourceType, document: Mapping[str, Any]) -> Iterator[tuple[ResourceType, str, str]]:
    """Yield type, path and normalized value of each attribute of a client's document that identifies a resource.

    Without the id.
    """
    return _naming_values(resource_type, _by_path(resource_type, document))


def _naming_values(
    resource_type: ResourceType, named: Mapping[str, Any], paths: Collection[str] | None = None
) -> Iterator[tuple[ResourceType, str, str]]:
    """Yield the same for values by path. `paths` limits the attributes; None means all."""
    for path, attribute in resource_type.identifying.items():
        value = named.get(path)
        if isinstance(value, str) and value and path != "id" and (paths is None or path in paths):
            yield resource_type, path, normalize_value(attribute, value)


def _by_path(resource_type: ResourceType, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the identifying values of a client's document, whose names are case-insensitive, by path."""
    named = {name.lower(): value for name, value in document.items()}
    return {path: named.get(path.lower()) for path in resource_type.identifying}


def _key(resource_type: ResourceType, path: str, value: object) -> str:
    hashed = hashlib.sha256(str(value).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{resource_type.name} {path} {hashed[:_HASH_LENGTH]}"
