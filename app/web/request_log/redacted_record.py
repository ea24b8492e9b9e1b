"""This module makes the record of a request from its draft, every text cut and masked."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from app import bounds
from app.observation import redaction
from app.observation.attributes.unstored_attributes import unstored_names
from app.observation.request_record import CONNECTION, Deed, KeyFault, LeftOutValue, Request, ids_in
from app.scim.disabling import LeftOut
from app.scim.entra_quirks import dialect_of
from app.scim.errors import Code, ScimError
from app.scim.intended_removals import AccessRemoval, bulk_operations, removal_of, removals_of_bulk
from app.scim.resource_types import ResourceType
from app.web.request_log import path_kinds
from app.web.request_log.record_draft import Draft, Facts
from app.web.request_log.resource_changes import REFUSED, naming_values, objects_of
from app.web.service_routing import Target

BULK = "Bulk"
OPERATION = "Bulk operation"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

KEYLESS: tuple[KeyFault, ...] = ("", "missing", "no-bearer")
"""What is said of a request without a token; "" where its key was not looked at, as in one for another host."""

_INDEX = re.compile(r"\[[0-9]+\]")  # as in `emails[0].value`
_WRITES: tuple[Deed, ...] = ("create", "change", "confirm", "disable", "enable")
_DEEDS: Mapping[str, Deed] = {
    **dict.fromkeys(path_kinds.DISCOVERY, "schema"),
    BULK: "bulk",
    path_kinds.ROOT: "list",
    path_kinds.SEARCH: "list",
}
"""What is done at an address that is no resource's; a search says more about itself."""


class Came(NamedTuple):
    """How a request came. `path` is without the sub-path; of the `query` only is asked whether it names a secret.

    `has_proof`: whether its Authorization header may hold a key, or a client's secret at the token endpoint.
    """

    at: str
    target: Target
    method: str
    path: str
    query: str
    address: str
    has_proof: bool
    is_plain_http: bool = False


def requests_of(came: Came, draft: Draft, duration_ms: float) -> list[Request]:
    """The request, and behind it each operation of a bulk request."""
    kind = path_kinds.kind_of(came.target)
    spoken = (came.query, came.path, draft.body.decode("latin-1")) if _has_refusal(draft) else ()
    reader = _Reader(draft, is_about_secret=any(map(redaction.names_secret, spoken)))
    own = reader.told(came.method, draft.status, draft.facts)
    if kind in (path_kinds.UNKNOWN, path_kinds.OUTSIDE) and draft.status >= 400:
        own["reason"] = f"{own.get('reason') or 'Nothing is at this address'} ({path_kinds.shown(came.path)})"
    if kind == BULK and draft.status >= 400 and reader.has_key:
        own["removals"] = tuple(removals_of_bulk(bulk_operations(draft.facts.sent)))
    if draft.status >= 400 and draft.body and draft.facts.sent is None:
        own["body"] = redaction.unread_body(len(draft.body))
    if reader.is_marked:
        sent = draft.facts.sent
        body = draft.body.decode("latin-1") if sent is None else json.dumps(sent)
        ids = ids_in(" ".join((came.path, unquote_plus(came.query), body)))
        own["named_ids"] = ids.union(draft.facts.named_ids)
    if not own["deed"] and reader.has_key:
        own["deed"] = _DEEDS.get(kind.partition("/")[0] or kind, "")
    request = Request(
        number=draft.number,
        at=came.at,
        path=kind,
        duration_ms=round(duration_ms, 3),
        key_id=draft.key_id,
        key_fault=draft.key_fault,
        address=came.address,
        is_keyless=not came.has_proof and draft.key_fault in KEYLESS,
        is_plain_http=came.is_plain_http,
        is_simulated=reader.is_marked,
        **own,
    )
    parts = (reader.told(part.method, part.status, part.facts) for part in draft.parts)
    return [request, *(replace(request, path=OPERATION, is_plain_http=False, duration_ms=0.0, **one) for one in parts)]


def _has_refusal(draft: Draft) -> bool:
    all_facts = (draft.facts, *(part.facts for part in draft.parts))
    statuses = (draft.status, *(part.status for part in draft.parts))
    return any(status >= 400 for status in statuses) or any(facts.left_out for facts in all_facts)


class _Reader:
    """Reads the facts of one request, and of its operations."""

    def __init__(self, draft: Draft, *, is_about_secret: bool) -> None:
        self.draft = draft
        self.is_about_secret = is_about_secret

    @property
    def has_key(self) -> bool:
        return bool(self.draft.key_id) and not self.draft.key_fault

    @property
    def is_marked(self) -> bool:
        """Whether it says that it is part of a simulation, and has a valid key."""
        return self.draft.is_marked and self.has_key

    def told(self, method: str, status: int, facts: Facts) -> dict[str, Any]:
        """The fields of a Request that say what it was about and what came of it."""
        resource_type, error, sent = facts.resource_type, facts.error, facts.sent
        is_write, has_refusal = facts.deed in _WRITES, status >= 400 or bool(facts.left_out)
        name, objects = facts.resource_name, facts.objects
        if status >= 400 and is_write and resource_type and isinstance(sent, dict):
            objects = tuple(dict.fromkeys((*objects, *objects_of(resource_type, sent))))
            objects = _without_other(objects, resource_type, error) or tuple(REFUSED + one for one in objects)
            name = name or _name_in(sent)
        return {
            "method": method if method in METHODS else "…",
            "status": status,
            **(self.refusal(error, resource_type) if error else {"attribute": _unstored(method, facts)}),
            "dialect": dialect_of(sent) if method == "PATCH" else "",
            "deed": facts.deed,
            "resource_type": resource_type.name if resource_type else "",
            "resource_id": facts.resource_id,
            "resource_name": redaction.masked_name(name),
            "objects": (CONNECTION,) if self.draft.key_fault else objects,
            "may_be_probe": facts.may_be_probe,
            "mentioned": facts.mentioned,
            "named_values": tuple(self.named_values(facts)) if self.is_marked else (),
            "joined": facts.joined,
            "departed": facts.departed,
            "given": facts.given,
            "left_out": tuple(self.left_out(one, resource_type) for one in facts.left_out),
            "removals": tuple(self.removals(method, facts)) if status >= 400 and self.has_key else (),
            "body": redaction.body(sent, resource_type) if has_refusal and sent is not None else "",
            "sent": sent if is_write and facts.sent_bytes <= bounds.SENT_BYTES else None,
        }

    def named_values(self, facts: Facts) -> Iterator[tuple[str, str, str]]:
        """What a filter or a document says of who is meant."""
        yield from facts.named_values
        if facts.resource_type and isinstance(facts.sent, dict):
            for resource_type, path, value in naming_values(facts.resource_type, facts.sent):
                yield resource_type.name, path, value

    def removals(self, method: str, facts: Facts) -> Iterator[AccessRemoval]:
        """What a refused request was meant to take away; nothing where its body was not read, or is no JSON."""
        if facts.resource_type and (own := removal_of(facts.resource_type.name, method, facts.resource_id, facts.sent)):
            yield own
        yield from removals_of_bulk(facts.undone)

    def left_out(self, one: LeftOut, resource_type: ResourceType | None) -> LeftOutValue:
        """A value that was left out, as the log notes it."""
        refusal = self.refusal(one.error, resource_type)
        refusal["attribute"] = redaction.masked(one.path, bounds.KEPT_NAME_LENGTH)
        return LeftOutValue(status=one.error.status, **refusal)

    def refusal(self, error: ScimError, resource_type: ResourceType | None) -> dict[str, str]:
        """Return what is recorded of an error. Beside a password only what came for another declared attribute is."""
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


def _unstored(method: str, facts: Facts) -> str:
    """Why nothing changed, where that is since the names mean nothing here."""
    is_wanted = facts.deed == "confirm" and facts.sent_bytes <= bounds.SENT_BYTES
    if not is_wanted or facts.resource_type is None:
        return ""
    return ", ".join(unstored_names(facts.resource_type, method, facts.sent))


def _without_other(objects: tuple[str, ...], resource_type: ResourceType, error: ScimError | None) -> tuple[str, ...]:
    """Without the value that another resource has: by that, requests about the other one would be taken for these."""
    if error is None or error.code is not Code.UNIQUENESS:
        return objects
    return tuple(one for one in objects if not one.startswith(f"{resource_type.name} {error.mismatch.attribute} "))


def _name_in(sent: Mapping[str, Any]) -> str:
    """What a client calls a resource that is not here."""
    named = {name.lower(): value for name, value in sent.items()}
    return next((value for name in ("displayname", "username") if isinstance(value := named.get(name), str)), "")
