"""This module sends the requests of *Test Connection* and of the mapping page."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from app.simulation import expectations, mapping
from app.simulation.directory import Entry, Person
from app.simulation.expectations import Document
from app.simulation.provisioning_job import PEOPLE, Job, equals

ALLOWED = {
    "type": {"string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"},
    "mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
    "returned": {"always", "never", "default", "request"},
    "uniqueness": {"none", "server", "global"},
}
"""The values of RFC 7643 §7; Entra requires exactly this spelling."""
FLATTENED = {"emails", "addresses", "phoneNumbers"}  # mapped as `emails[type eq "work"].value`


def probe(job: Job, kind: type[Entry] = Person) -> None:
    """Send Test Connection: match a user or group that cannot exist. Any answer but an empty list means quarantine."""
    answer, matches = job.search(kind.endpoint, equals(kind.matching, str(uuid.uuid4())), "probe")
    answer.check(not matches, "totalResults 0", matches)


def validate_credentials(job: Job) -> None:
    """Send the gallery's check of the key: a page with one resource."""
    answer = job.send("GET", PEOPLE, "probe", {"startIndex": 1, "count": 1})
    number = len(expectations.listed(answer))
    answer.check(number <= 1, "at most one resource", number)


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
        values = declared.get(f"{name}.type", {}).get("canonicalValues")
        answer.check(
            isinstance(values, list) and "work" in values, f"{name}.type with the canonical value work", values
        )


def _attributes(schema: Document, key: str = "attributes", above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every attribute of a schema with its dotted name."""
    attributes = schema.get(key)
    for attribute in attributes if isinstance(attributes, list) else []:
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
