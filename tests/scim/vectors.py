"""The vector files of `tests/vectors`: cases as JSON, each with an id that says which rule it stands for."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.scim.resource_types import RESOURCE_TYPES, ResourceType

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
TYPES = {resource_type.name: resource_type for resource_type in RESOURCE_TYPES}


@dataclass(frozen=True)
class Row:
    """A stored record, as projection wants it."""

    id: str
    document: str
    version: int
    created: str
    last_modified: str

    @property
    def content(self) -> Any:
        return json.loads(self.document)


def read(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def params(cases: list[dict[str, Any]]) -> list[Any]:
    """One pytest parameter a case. An id that stands twice is an error, since one of the cases would never be found."""
    ids = [case["id"] for case in cases]
    assert len(set(ids)) == len(ids), "an id stands twice"
    return [pytest.param(case, id=case["id"]) for case in cases]


def type_of(case: dict[str, Any]) -> ResourceType:
    return TYPES[case.get("type", "User")]
