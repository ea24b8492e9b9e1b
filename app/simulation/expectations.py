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
Found = Mapping[str, Any]


def accepted(answer: Answer, *statuses: int) -> bool:
    """Check that the status is one of these and the body is readable. Return whether the status was correct."""
    wanted = " or ".join(map(str, statuses))
    held = answer.check(answer.status in statuses, f"status {wanted}", f"status {answer.status}: {answer.text}")
    if answer.status >= ERRORS:
        readable_error(answer)
    elif answer.status != 204:
        readable(answer)
    return held


def readable(answer: Answer) -> bool:
    """Check for SCIM's media type and a JSON object. Entra gives up on a proxy's own page (ServiceIncompatible)."""
    return all(
        [
            answer.check(answer.media_type == SCIM_TYPE, f"media type {SCIM_TYPE}", answer.media_type),
            answer.check(bool(answer.document), "a JSON object", answer.text),
        ]
    )


def readable_error(answer: Answer) -> None:
    """Check for an error body that Entra can display (RFC 7644 §3.12): `detail` and `status` are text."""
    if not readable(answer):
        return
    found = answer.document
    answer.check(ERROR_SCHEMA in _texts(found.get("schemas")), f"schemas with {ERROR_SCHEMA}", found.get("schemas"))
    answer.check(found.get("status") == str(answer.status), f'status "{answer.status}" as text', found.get("status"))
    detail = found.get("detail")
    answer.check(isinstance(detail, str) and bool(detail), "detail as text", detail)


def refused(answer: Answer, status: int, scim_type: str | None = None) -> None:
    """Check for a refusal with this status, and with this scimType if one is given."""
    accepted(answer, status)
    if scim_type:
        found = answer.document.get("scimType")
        answer.check(found == scim_type, f'scimType "{scim_type}"', found)


def listed(answer: Answer, start_index: int = 1) -> list[Found]:
    """Check for a ListResponse (RFC 7644 §3.4.2), also if it is empty or has one resource; return its resources."""
    if not accepted(answer, 200):
        return []
    found = answer.document
    answer.check(LIST_SCHEMA in _texts(found.get("schemas")), f"schemas with {LIST_SCHEMA}", found.get("schemas"))
    given = found.get("Resources", [])
    resources: list[Found] = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if not answer.check(resources == given, "Resources as a list of resources", given):
        return []
    total, number = found.get("totalResults"), found.get("itemsPerPage", len(resources))
    answer.check(_is_number(total, len(resources)), f"totalResults, {len(resources)} or more", total)
    answer.check(number == len(resources), f"itemsPerPage {len(resources)}, as many as came", number)
    echoed = found.get("startIndex", 1 if start_index == 1 else None)
    answer.check(echoed == start_index, f"startIndex {start_index}", echoed)
    for one in resources:
        answer.check(_is_id(one.get("id")), "an id in every resource", one.get("id"))
    return resources


def same_id(answer: Answer, found: Found, known: str) -> bool:
    """Check that the id is the one that Entra remembers."""
    return answer.check(found.get("id") == known, f"id {known}", found.get("id"))


def same_values(answer: Answer, found: Found, mapped: Mapped) -> None:
    """Check that every mapped attribute is exactly as it was sent: otherwise Entra sends it again in each cycle."""
    for path, value in mapped.items():
        received = mapping.value_at(found, path)
        held = type(received) is type(value) and received == value
        answer.check(held, f"{path} {value!r}", f"{path} {received!r}")


def absent(answer: Answer, found: Found, *paths: str) -> None:
    """Check that these attributes have no value, not even an empty text."""
    for path in paths:
        received = mapping.value_at(found, path)
        answer.check(received is None, f"{path} without a value", f"{path} {received!r}")


def without_members(answer: Answer, found: Found) -> None:
    """Check that excluded `members` are absent, not even an empty list: Entra would read it as all members."""
    answer.check("members" not in found, "no key members", found.get("members"))


def has_members(answer: Answer, found: Found, ids: set[str]) -> None:
    """Check for exactly these members."""
    given = found.get("members", [])
    values = [one.get("value") for one in given if isinstance(one, dict)] if isinstance(given, list) else [given]
    shown = {str(value) for value in values}
    answer.check(len(values) == len(shown), "every member once", given)
    lost, foreign = sorted(ids - shown), sorted(shown - ids)
    answer.check(not lost, f"all {len(ids)} members", f"{len(shown)} members, without {lost}")
    answer.check(not foreign, "no other members", f"also {foreign}")


def _texts(found: object) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _is_number(found: object, smallest: int) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= smallest


def _is_id(found: object) -> bool:
    return isinstance(found, str) and bool(found)
