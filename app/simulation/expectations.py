"""This module checks each answer as Entra would.

Every function records its checks in the answer's ledger.
"""

from collections.abc import Mapping
from typing import Any

from app.simulation import mapping
from app.simulation.client import Answer
from app.simulation.mapping import Mapped

SCIM_TYPE = "application/scim+json"
LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
CHANGED = (200, 204)
ERRORS = 400
Document = Mapping[str, Any]


def accepted(answer: Answer, *statuses: int) -> bool:
    """Check that the status is one of these and the body is readable. Return whether the status was correct."""
    expected = " or ".join(map(str, statuses))
    is_met = answer.check(answer.status in statuses, f"status {expected}", f"status {answer.status}: {answer.text}")
    if answer.status >= ERRORS:
        readable_error(answer)
    elif answer.status != 204:
        readable(answer)
    return is_met


def readable(answer: Answer) -> bool:
    """Check for SCIM's media type and a JSON object. Entra gives up on a proxy's own page (ServiceIncompatible)."""
    has_type = answer.check(answer.media_type == SCIM_TYPE, f"media type {SCIM_TYPE}", answer.media_type)
    return answer.check(bool(answer.document), "a JSON object", answer.text) and has_type


def readable_error(answer: Answer) -> None:
    """Check for an error body that Entra can display (RFC 7644 §3.12): `detail` and `status` are text."""
    if not readable(answer):
        return
    status, detail = answer.document.get("status"), answer.document.get("detail")
    _has_schema(answer, ERROR_SCHEMA)
    answer.check(status == str(answer.status), f'status "{answer.status}" as text', status)
    answer.check(isinstance(detail, str) and bool(detail), "detail as text", detail)


def refused(answer: Answer, status: int, scim_type: str) -> None:
    """Check for a refusal with this status and scimType."""
    accepted(answer, status)
    received = answer.document.get("scimType")
    answer.check(received == scim_type, f'scimType "{scim_type}"', received)


def listed(answer: Answer, start_index: int = 1) -> list[Document]:
    """Check for a ListResponse (RFC 7644 §3.4.2), also if it is empty or has one resource; return its resources."""
    if not accepted(answer, 200):
        return []
    body = answer.document
    _has_schema(answer, LIST_SCHEMA)
    values = body.get("Resources", [])
    resources: list[Document] = [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
    if not answer.check(resources == values, "Resources as a list of resources", values):
        return []
    total, number = body.get("totalResults"), body.get("itemsPerPage", len(resources))
    is_total = isinstance(total, int) and not isinstance(total, bool) and total >= len(resources)
    answer.check(is_total, f"totalResults, {len(resources)} or more", total)
    answer.check(number == len(resources), f"itemsPerPage {len(resources)}, as many as came", number)
    start = body.get("startIndex", 1 if start_index == 1 else None)
    answer.check(start == start_index, f"startIndex {start_index}", start)
    for one in resources:
        id = one.get("id")
        answer.check(isinstance(id, str) and bool(id), "an id in every resource", id)
    return resources


def same_id(answer: Answer, resource: Document, known: str) -> bool:
    """Check that the id is the one that Entra remembers."""
    return answer.check(resource.get("id") == known, f"id {known}", resource.get("id"))


def same_values(answer: Answer, resource: Document, mapped: Mapped) -> None:
    """Check that every mapped attribute is exactly as it was sent: otherwise Entra sends it again in each cycle."""
    for path, value in mapped.items():
        received = mapping.value_at(resource, path)
        is_same = type(received) is type(value) and received == value
        answer.check(is_same, f"{path} {value!r}", f"{path} {received!r}")


def absent(answer: Answer, resource: Document, *paths: str) -> None:
    """Check that these attributes have no value, not even an empty text."""
    for path in paths:
        received = mapping.value_at(resource, path)
        answer.check(received is None, f"{path} without a value", f"{path} {received!r}")


def without_members(answer: Answer, resource: Document) -> None:
    """Check that excluded `members` are absent, not even an empty list: Entra would read it as all members."""
    answer.check("members" not in resource, "no key members", resource.get("members"))


def has_members(answer: Answer, resource: Document, ids: set[str]) -> None:
    """Check for exactly these members."""
    members = resource.get("members", [])
    values = [one.get("value") for one in members if isinstance(one, dict)] if isinstance(members, list) else [members]
    received = {str(value) for value in values}
    answer.check(len(values) == len(received), "every member once", members)
    lost, foreign = sorted(ids - received), sorted(received - ids)
    answer.check(not lost, f"all {len(ids)} members", f"{len(received)} members, without {lost}")
    answer.check(not foreign, "no other members", f"also {foreign}")


def _has_schema(answer: Answer, urn: str) -> None:
    schemas = answer.document.get("schemas")
    answer.check(isinstance(schemas, list) and urn in schemas, f"schemas with {urn}", schemas)
