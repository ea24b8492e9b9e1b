"""This module sends the requests of *Test Connection* and of the mapping page."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from app.simulation import expectations, mapping
from app.simulation.expectations import Found
from app.simulation.mapping import DISPLAY_NAME, USER_NAME
from app.simulation.provisioning_job import GROUPS, PEOPLE, Job, equals

ALLOWED = {
    "type": {"string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"},
    "mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
    "returned": {"always", "never", "default", "request"},
    "uniqueness": {"none", "server", "global"},
}
"""The values of RFC 7643 §7; Entra requires exactly this spelling."""
FLATTENED = {"emails", "addresses", "phoneNumbers"}  # mapped as `emails[type eq "work"].value`


def probe_people(job: Job) -> None:
    """Send Test Connection: match a user who cannot exist. Any answer but an empty list means quarantine."""
    answer, found = job.search(PEOPLE, equals(USER_NAME, str(uuid.uuid4())), "probe")
    answer.check(not found, "totalResults 0", found)


def probe_groups(job: Job) -> None:
    """Send Test Connection for groups."""
    answer, found = job.search(GROUPS, equals(DISPLAY_NAME, str(uuid.uuid4())), "probe")
    answer.check(not found, "totalResults 0", found)


def validate_credentials(job: Job) -> None:
    """Send the gallery's check of the key: a page with one resource."""
    answer = job.send("GET", PEOPLE, "probe", {"startIndex": 1, "count": 1})
    found = expectations.listed(answer)
    answer.check(len(found) <= 1, "at most one resource", len(found))


def read_schemas(job: Job) -> None:
    """Read the attributes for the mapping page from GET /Schemas (RFC 7643 §7), and check them."""
    answer = job.send("GET", "/Schemas", "mapping page")
    schemas = {str(one.get("id")): one for one in expectations.listed(answer)}
    nulls = [place for place in _places(answer.document) if place.endswith("=null")]
    answer.check(not nulls, "no nulls", nulls)
    for urn in (mapping.USER_SCHEMA, mapping.ENTERPRISE_SCHEMA, mapping.GROUP_SCHEMA):
        answer.check(urn in schemas, f"the schema {urn}", sorted(schemas))
    for urn, schema in schemas.items():
        for name, attribute in _attributes(schema):
            for characteristic, allowed in ALLOWED.items():
                value = attribute.get(characteristic)
                answer.check(
                    value is None or value in allowed, f"{urn}:{name} {characteristic} one of {sorted(allowed)}", value
                )
    declared: dict[str, dict[str, Any]] = {}
    for urn in (mapping.ENTERPRISE_SCHEMA, mapping.USER_SCHEMA):
        declared.update(_attributes(schemas.get(urn, {})))
    for path in mapping.USER_TARGETS:
        name = re.sub(r"\[.*]", "", path.removeprefix(f"{mapping.ENTERPRISE_SCHEMA}:"))
        if name != mapping.EXTERNAL_ID:  # a common attribute (RFC 7643 §3.1), which schemas need not list
            answer.check(name in declared, f"the mapped attribute {name}", sorted(declared))
        if path not in mapping.NEEDED:
            required = declared.get(name, {}).get("required", False)
            answer.check(required is False, f"{name} not required: Entra sends no nulls", f"required {required}")
    for name in FLATTENED:
        found = declared.get(f"{name}.type", {}).get("canonicalValues")
        answer.check(isinstance(found, list) and "work" in found, f"{name}.type with the canonical value work", found)


def _attributes(schema: Found, key: str = "attributes", above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every attribute of a schema with its dotted name."""
    given = schema.get(key)
    for attribute in given if isinstance(given, list) else []:
        if isinstance(attribute, dict):
            name = above + str(attribute.get("name"))
            yield name, attribute
            yield from _attributes(attribute, "subAttributes", name + ".")


def _places(value: Any, above: str = "") -> Iterator[str]:
    """Yield every leaf of a document as `path=value`; only null is written out."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, f"{above}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, f"{above}/{number}")
    else:
        yield above + ("=null" if value is None else "=")
