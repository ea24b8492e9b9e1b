"""The messages of the protocol: what a PATCH must look like, and the list that answers a search (RFC 7644 §3.4.2)."""

import json
from typing import Any

import pytest

from app import bounds
from app.scim.errors import ScimError
from app.scim.protocol_messages import LIST_URN, PATCH_URN, Operation, list_response, read_patch

REPLACE = {"op": "replace", "path": "title", "value": "Chief"}
READ = Operation("replace", "title", "Chief")


@pytest.mark.parametrize(
    ("body", "operations"),
    [
        ({"schemas": [PATCH_URN], "Operations": [REPLACE]}, (READ,)),
        ({"Operations": [REPLACE]}, (READ,)),
        ({"schemas": None, "Operations": [REPLACE]}, (READ,)),
        ({"schemas": ["urn:x", PATCH_URN.upper()], "Operations": [REPLACE]}, (READ,)),
        ({"operations": [{"OP": "Replace", "Path": "title", "VALUE": "Chief"}]}, (READ,)),
        ({"Operations": []}, ()),
        ({"Operations": [{"op": "Remove", "path": "title"}]}, (Operation("remove", "title"),)),
        ({"Operations": [{"op": "add", "path": None, "value": {}, "more": 1}]}, (Operation("add", None, {}),)),
        ({"Operations": [{"op": "add", "path": "title", "value": None}]}, (Operation("add", "title", None, True),)),
    ],
)  # fmt: skip
def test_patch_is_read(body: Any, operations: tuple[Operation, ...]) -> None:
    assert read_patch(body) == operations


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([], "body: expected an object, got a list"),
        ("x", 'body: expected an object, got "x"'),
        ({}, "Operations: expected a list of operations, once"),
        ({"Operations": None}, "Operations: expected a list of operations, once"),
        ({"Operations": {}}, "Operations: expected a list, got an object"),
        ({"Operations": [], "operations": []}, "Operations: expected a list of operations, once"),
        ({"schemas": ["urn:x"], "Operations": []}, f'schemas: expected ["{PATCH_URN}"], got a list'),
        ({"schemas": PATCH_URN, "Operations": []}, "schemas: expected"),
        ({"schemas": [PATCH_URN], "Schemas": [PATCH_URN], "Operations": []}, "schemas: expected"),
        ({"schemas": [], "Operations": []}, "schemas: expected"),
        ({"Operations": [REPLACE, 5]}, "Operations[1]: expected an object, got 5"),
        ({"Operations": [{"path": "title"}]}, "Operations[0].op: expected a value, got none"),
        ({"Operations": [{"op": None}]}, "Operations[0].op: expected one of add, remove, replace, got null"),
        ({"Operations": [{"op": ""}]}, 'Operations[0].op: expected one of add, remove, replace, got ""'),
        ({"Operations": [{"op": "move"}]}, 'Operations[0].op: expected one of add, remove, replace, got "move"'),
        ({"Operations": [{"op": 5}]}, "got 5"),
        ({"Operations": [{"op": "add", "OP": "add"}]}, "Operations[0].op: expected once, got twice"),
        ({"Operations": [{"op": "remove", "path": 5}]}, "Operations[0].path: expected text, got 5"),
    ],
)
def test_patch_is_refused(body: Any, detail: str) -> None:
    with pytest.raises(ScimError) as refused:
        read_patch(body)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidSyntax")
    assert detail in refused.value.detail


def test_operations_at_their_bound_and_beyond() -> None:
    assert len(read_patch({"Operations": [REPLACE] * bounds.PATCH_OPERATIONS})) == bounds.PATCH_OPERATIONS
    with pytest.raises(ScimError) as refused:
        read_patch({"Operations": [REPLACE] * (bounds.PATCH_OPERATIONS + 1)})
    assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")


@pytest.mark.parametrize("resources", [[], ['{"id":"a"}'], ['{"id":"a"}', '{"id":"b"}']])
def test_list_response(resources: list[str]) -> None:
    assert json.loads("".join(list_response(7, 3, len(resources), resources))) == {
        "schemas": [LIST_URN],
        "totalResults": 7,
        "startIndex": 3,
        "itemsPerPage": len(resources),
        "Resources": [json.loads(text) for text in resources],
    }
