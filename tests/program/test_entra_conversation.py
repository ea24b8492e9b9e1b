"""Entra's conversation, played from `tests/vectors/entra`: each file is one story, its requests and what must follow.

In a vector, `${run}` is a fresh word, so that stories never meet; `keep` remembers a part of an answer under a name
that later steps use as `${name}`; `$$` is one `$`. A check names a place by JSON Pointer (RFC 6901).
"""

import json
import uuid
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode

import pytest

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "entra"
STORIES = sorted(VECTORS.glob("*.json"))
ABSENT = object()


def filled(written: Any, known: dict[str, str]) -> Any:
    """What a vector wrote, with every `${name}` replaced by what is known under it."""
    if isinstance(written, str):
        return Template(written).substitute(known)
    if isinstance(written, dict):
        return {filled(name, known): filled(value, known) for name, value in written.items()}
    return [filled(value, known) for value in written] if isinstance(written, list) else written


def found(document: Any, pointer: str) -> Any:
    """The value that a JSON Pointer leads to, or ABSENT."""
    for step in pointer.split("/")[1:]:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return ABSENT
    return document


def holds(value: Any, expected: Any) -> bool:
    match expected:
        case {"absent": True}:
            return value is ABSENT
        case {"length": length}:
            return isinstance(value, list) and len(value) == length
        case {"contains": text}:
            return isinstance(value, str) and text in value
    return type(value) is type(expected) and bool(value == expected)


@pytest.mark.executable
@pytest.mark.parametrize("path", STORIES, ids=[path.stem for path in STORIES])
def test_entra_conversation(path, shared_appliance):
    known = {"run": uuid.uuid4().hex[:12]}
    for number, step in enumerate(json.loads(path.read_text(encoding="utf-8"))["steps"], 1):
        query = "?" + urlencode(filled(step["query"], known)) if "query" in step else ""
        address = "/scim" + filled(step["path"], known) + query
        answer = shared_appliance.request(step["method"], address, filled(step.get("body"), known))

        where = f"step {number}, {step['does']}: {step['method']} {address}\n{answer.status} {answer.text}"
        accepted = step["status"] if isinstance(step["status"], list) else [step["status"]]
        assert answer.status in accepted, where
        if not answer.text:
            assert not step.get("checks") and not step.get("keep"), where
            continue
        assert answer.headers["content-type"] == "application/scim+json", where
        document = answer.json
        for pointer, expected in filled(step.get("checks", {}), known).items():
            assert holds(found(document, pointer), expected), f"{pointer} is not {expected!r} in {where}"
        for name, pointer in step.get("keep", {}).items():
            known[name] = found(document, pointer)
            assert isinstance(known[name], str), where


def test_there_are_stories():
    assert len(STORIES) >= 12
