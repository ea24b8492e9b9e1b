"""This module creates the record of a request from its draft, with every text cut and masked."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
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
    reader = _DraftReader(draft)
    request = reader.request_of(draft, kind)
    request.duration_ms, request.is_plain_http = round(duration_ms, 3), draft.is_plain_http
    if draft.status >= 400:
        if kind in (path_kinds.UNKNOWN, path_kinds.OUTSIDE):
            request.reason = f"{request.reason or 'Nothing is at this address'} ({path_kinds.shown(draft.path)})"
        if kind == BULK and draft.has_key:
            request.removals = tuple(removals_of_bulk(bulk_operations(draft.sent)))
        if draft.body and draft.sent is None:
            request.body = redaction.unread_body(len(draft.body))
    if reader.is_simulated:
        body = draft.body.decode("latin-1") if draft.sent is None else json.dumps(draft.sent)
        ids = ids_in(" ".join((draft.path, unquote_plus(draft.query), body)))
        request.named_ids = ids.union(draft.named_ids)
    if not request.action and draft.has_key:
        request.action = _ACTIONS.get(kind.partition("/")[0] or kind, "")
    return [request, *(reader.request_of(part, OPERATION) for part in draft.parts)] if draft.parts else [request]


class _DraftReader:
    """A reader of the drafts of one request and of its operations."""

    def __init__(self, whole: Draft) -> None:
        self.whole = whole
        self.is_simulated = whole.is_marked and whole.has_key  # it says that it is part of a simulation

    @cached_property
    def is_about_secret(self) -> bool:
        """Whether the request names a password, a secret or a token."""
        return any(map(redaction.names_secret, (self.whole.query, self.whole.path, self.whole.body.decode("latin-1"))))

    def request_of(self, draft: Draft, path: str) -> Request:
        """Return the record of the request or of one operation; `path` is its kind of path."""
        whole, resource_type = self.whole, draft.resource_type
        request = Request(
            number=whole.number,
            at=whole.at,
            method=draft.method if draft.method in METHODS else "…",
            path=path,
            status=draft.status,
            key_id=whole.key_id,
            key_fault=whole.key_fault,
            address=whole.address,
            action=draft.action,
            resource_type=resource_type.name if resource_type else "",
            resource_id=draft.resource_id,
            resource_name=redaction.masked_name(draft.resource_name),
            cycle_id=SIMULATED if self.is_simulated else 0,
            objects=draft.objects or target_objects(resource_type, draft.resource_id),
            resources=draft.resources,
            unindexed=draft.unindexed,
            joined=draft.joined,
            departed=draft.departed,
            may_be_probe=draft.may_be_probe,
            assigned_paths=draft.assigned_paths,
            is_keyless=not whole.has_proof and whole.key_fault in KEYLESS,
        )
        if draft.method == "PATCH":
            request.dialect = dialect_of(draft.sent)
        if draft.action in _WRITES and draft.sent_bytes <= bounds.SENT_BYTES:
            request.sent = draft.sent
        if draft.error is not None:
            for name, value in self.refusal(draft.error, resource_type).items():
                setattr(request, name, value)
        elif draft.action == "confirm":
            request.attribute = _unstored(draft)
        if draft.status >= 400:
            self._add_refused(request, draft)
        if draft.left_out:
            request.left_out = tuple(self.left_out(one, resource_type) for one in draft.left_out)
        if (draft.status >= 400 or draft.left_out) and draft.sent is not None:
            request.body = redaction.body(draft.sent, resource_type)
        if whole.key_fault:
            request.objects = (CONNECTION,)
        if self.is_simulated:
            request.named_values = tuple(_named_values(draft))
        return request

    def _add_refused(self, request: Request, draft: Draft) -> None:
        """Add to the record of what was refused which user or group it was about, and what it was to remove."""
        resource_type, sent = draft.resource_type, draft.sent
        if draft.action in _WRITES and resource_type and isinstance(sent, dict):
            objects = tuple(dict.fromkeys((*request.objects, *objects_of(resource_type, sent))))
            objects = _without_other(objects, resource_type, draft.error) or tuple(REFUSED + one for one in objects)
            request.objects = objects
            request.resource_name = redaction.masked_name(draft.resource_name or _name_in(sent))
        if self.whole.has_key:
            request.removals = tuple(_removals(draft))

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
    if draft.resource_type is None or draft.sent_bytes > bounds.SENT_BYTES:
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
