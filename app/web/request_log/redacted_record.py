"""This module creates the record of a request from its draft, with every text cut and masked."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from app import bounds
from app.observation import redaction
from app.observation.attributes.unstored_attributes import unstored_names
from app.request_record import CONNECTION, SIMULATED, KeyFault, Request, RequestAction, ids_in
from app.scim.disabling import LeftOut
from app.scim.entra_quirks import dialect_of
from app.scim.errors import Code, ScimError
from app.scim.intended_removals import AccessRemoval, bulk_operations, removal_of, removals_of_bulk
from app.scim.resource_types import RESOURCE_TYPES, ResourceType
from app.web.request_log import path_kinds
from app.web.request_log.record_draft import Draft
from app.web.request_log.resource_changes import REFUSED, naming_values, objects_of, target_objects
from app.web.service_routing import RequestTarget

BULK = "Bulk"
OPERATION = "Bulk operation"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

KEYLESS: tuple[KeyFault, ...] = ("", "missing", "no-bearer")
"""The key faults of a request without a token; "" if its key was not checked, as with a wrong Host."""

_INDEX = re.compile(r"\[[0-9]+\]")  # as in `emails[0].value`
_WRITES: tuple[RequestAction, ...] = ("create", "change", "confirm", "disable", "enable")
_ACTIONS: Mapping[str, RequestAction] = {
    **dict.fromkeys(path_kinds.DISCOVERY, "schema"),
    BULK: "bulk",
    path_kinds.ROOT: "list",
    path_kinds.SEARCH: "list",
}
"""The action at a path that is not a resource's; a search determines its own action."""


def requests_of(draft: Draft, target: RequestTarget, duration_ms: float) -> list[Request]:
    """Return the record of a request, followed by the records of a bulk request's operations."""
    kind = path_kinds.kind_of(target)
    is_refused = draft.status >= 400
    texts = (draft.query, draft.path, draft.body.decode("latin-1")) if _has_refusal(draft) else ()
    reader = _DraftReader(draft, is_about_secret=any(map(redaction.names_secret, texts)))
    own = reader.fields_of(draft)
    if kind in (path_kinds.UNKNOWN, path_kinds.OUTSIDE) and is_refused:
        own["reason"] = f"{own.get('reason') or 'Nothing is at this address'} ({path_kinds.shown(draft.path)})"
    if kind == BULK and is_refused and draft.has_key:
        own["removals"] = tuple(removals_of_bulk(bulk_operations(draft.sent)))
    if is_refused and draft.body and draft.sent is None:
        own["body"] = redaction.unread_body(len(draft.body))
    if reader.is_simulated:
        body = draft.body.decode("latin-1") if draft.sent is None else json.dumps(draft.sent)
        ids = ids_in(" ".join((draft.path, unquote_plus(draft.query), body)))
        own["named_ids"] = ids.union(draft.named_ids)
    if not own["action"] and draft.has_key:
        own["action"] = _ACTIONS.get(kind.partition("/")[0] or kind, "")
    shared: dict[str, Any] = {
        "number": draft.number,
        "at": draft.at,
        "key_id": draft.key_id,
        "key_fault": draft.key_fault,
        "address": draft.address,
        "cycle_id": SIMULATED if reader.is_simulated else 0,
        "is_keyless": not draft.has_proof and draft.key_fault in KEYLESS,
    }
    request = Request(path=kind, duration_ms=round(duration_ms, 3), is_plain_http=draft.is_plain_http, **shared, **own)
    return [request, *(Request(path=OPERATION, **shared, **reader.fields_of(part)) for part in draft.parts)]


def _has_refusal(draft: Draft) -> bool:
    return draft.status >= 400 or bool(draft.left_out) or any(map(_has_refusal, draft.parts))


class _DraftReader:
    """A reader of the drafts of one request and of its operations."""

    def __init__(self, whole: Draft, *, is_about_secret: bool) -> None:
        self.whole = whole
        self.is_about_secret = is_about_secret

    @property
    def is_simulated(self) -> bool:
        """Whether the request says that it is part of a simulation, and has a valid key."""
        return self.whole.is_marked and self.whole.has_key

    def fields_of(self, draft: Draft) -> dict[str, Any]:
        """Return the fields of a Request about its subject and its result."""
        resource_type, error, sent = draft.resource_type, draft.error, draft.sent
        is_write, is_refused = draft.action in _WRITES, draft.status >= 400
        name, objects = draft.resource_name, draft.objects or target_objects(resource_type, draft.resource_id)
        if is_refused and is_write and resource_type and isinstance(sent, dict):
            objects = tuple(dict.fromkeys((*objects, *objects_of(resource_type, sent))))
            objects = _without_other(objects, resource_type, error) or tuple(REFUSED + one for one in objects)
            name = name or _name_in(sent)
        return {
            **(self.refusal(error, resource_type) if error else {"attribute": _unstored(draft)}),
            "method": draft.method if draft.method in METHODS else "…",
            "status": draft.status,
            "dialect": dialect_of(sent) if draft.method == "PATCH" else "",
            "action": draft.action,
            "resource_type": resource_type.name if resource_type else "",
            "resource_id": draft.resource_id,
            "resource_name": redaction.masked_name(name),
            "objects": (CONNECTION,) if self.whole.key_fault else objects,
            "may_be_probe": draft.may_be_probe,
            "resources": draft.resources,
            "named_values": tuple(_named_values(draft)) if self.is_simulated else (),
            "unindexed": draft.unindexed,
            "joined": draft.joined,
            "departed": draft.departed,
            "assigned_paths": draft.assigned_paths,
            "left_out": tuple(self.left_out(one, resource_type) for one in draft.left_out),
            "removals": tuple(_removals(draft)) if is_refused and self.whole.has_key else (),
            "body": redaction.body(sent, resource_type) if (is_refused or draft.left_out) and sent is not None else "",
            "sent": sent if is_write and draft.sent_bytes <= bounds.SENT_BYTES else None,
        }

    def left_out(self, one: LeftOut, resource_type: ResourceType | None) -> dict[str, Any]:
        """Return the fields of a record that differ for a value that was left out."""
        attribute = redaction.masked(one.path, bounds.KEPT_NAME_LENGTH)
        return self.refusal(one.error, resource_type) | {"status": one.error.status, "attribute": attribute}

    def refusal(self, error: ScimError, resource_type: ResourceType | None) -> dict[str, str]:
        """Return the recorded fields of an error.

        If the request names a secret, received values are recorded only for declared attributes that are not secret.
        """
        attribute = error.mismatch.attribute
        named = resource_type.tree.find(_INDEX.sub("", attribute)) if resource_type else None
        is_declared = bool(named) and all(one.traits.returned != "never" for one in named or ())
        kept = redaction.kept_error(error, self.is_about_secret and not is_declared)
        return {
            "code": error.code,
            "scim_type": error.scim_type or "",
            "attribute": redaction.masked(attribute, bounds.KEPT_NAME_LENGTH),
            "expected": redaction.masked(kept.mismatch.expected),
            "got": redaction.masked(str(kept.mismatch.got)),
            "reason": redaction.masked(kept.detail),
            "other_id": error.other_id,
        }


def _named_values(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Yield the values in a filter, a document or a PATCH that identify a resource; of every type if it is unknown."""
    yield from draft.named_values
    types = (draft.resource_type,) if draft.resource_type else RESOURCE_TYPES
    for document in _documents(draft.sent):
        for resource_type, path, value in (one for of in types for one in naming_values(of, document)):
            yield resource_type.name, path, value


def _documents(sent: Any) -> Iterator[dict[str, Any]]:
    """Yield a sent document, then as documents each value of a PATCH and the data of each bulk operation."""
    if isinstance(sent, dict):
        yield sent
        operations = sent.get("Operations")
        for one in operations if isinstance(operations, list) else ():
            if isinstance(one, dict):
                value = one.get("value", one.get("data"))
                yield value if isinstance(value, dict) else {str(one.get("path")): value}


def _removals(draft: Draft) -> Iterator[AccessRemoval]:
    """Yield the removals that a refused request intended; none if its body was not read or is not JSON."""
    resource_type = draft.resource_type
    if resource_type and (own := removal_of(resource_type.name, draft.method, draft.resource_id, draft.sent)):
        yield own
    yield from removals_of_bulk(draft.undone)


def _unstored(draft: Draft) -> str:
    """Return the sent names that are not stored here, if they are the reason why nothing changed; else ""."""
    is_wanted = draft.action == "confirm" and draft.sent_bytes <= bounds.SENT_BYTES
    if not is_wanted or draft.resource_type is None:
        return ""
    return ", ".join(unstored_names(draft.resource_type, draft.method, draft.sent))


def _without_other(objects: tuple[str, ...], resource_type: ResourceType, error: ScimError | None) -> tuple[str, ...]:
    """Return the objects without the value that another resource has.

    With it, requests about the other resource would be attributed to this one.
    """
    if error is None or error.code is not Code.UNIQUENESS:
        return objects
    return tuple(one for one in objects if not one.startswith(f"{resource_type.name} {error.mismatch.attribute} "))


def _name_in(sent: Mapping[str, Any]) -> str:
    """Return the name in a client's document about a resource that does not exist here."""
    named = {name.lower(): value for name, value in sent.items()}
    return next((value for name in ("displayname", "username") if isinstance(value := named.get(name), str)), "")
