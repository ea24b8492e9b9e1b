"""`attributes` and `excludedAttributes`, and the text that goes out (RFC 7644 §3.9, RFC 7643 §7)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app import bounds
from app.scim.errors import ScimError
from app.scim.projection import EVERYTHING, Selection, compact, projection, read_selection
from app.scim.resource_types import GROUP, USER, ResourceType
from tests.scim.vectors import Row, params, read

VECTORS = read("projections.json")
BASE = "https://example.com/scim"


ROW = Row("a1", compact(VECTORS["document"]), 3, VECTORS["meta"]["created"], VECTORS["meta"]["lastModified"])
WHOLE = VECTORS["document"] | VECTORS["memberships"] | {"meta": VECTORS["meta"]}


def represent(
    resource_type: ResourceType,
    memberships: Mapping[str, Sequence[Mapping[str, Any]]],
    selection: Selection = EVERYTHING,
    row: Row = ROW,
) -> str:
    """What is sent of a row; each value of the memberships is a portion of its own."""
    portions = {name: [compact(value) for value in values] for name, values in memberships.items()}
    return projection(resource_type, selection, BASE).text(row, portions)


@pytest.mark.parametrize("case", params(VECTORS["cases"]))
def test_projection(case: dict[str, Any]) -> None:
    selection = read_selection(USER.tree, case.get("attributes"), case.get("excluded"))
    shown = json.loads(represent(USER, VECTORS["memberships"], selection))
    assert sorted(shown) == sorted(case["names"])
    assert shown == {name: WHOLE[name] for name in case["names"]} | case.get("parts", {})


def test_nothing_asked_sends_the_stored_text() -> None:
    text = represent(USER, {})
    assert text.startswith(ROW.document[:-1] + ',"meta":{"resourceType":"User"')


@pytest.mark.parametrize("asked", [None, "members", "members.value"])
def test_an_empty_group_has_an_empty_list_of_members(asked: str | None) -> None:
    selection = read_selection(GROUP.tree, asked, None)
    assert json.loads(represent(GROUP, {"members": []}, selection))["members"] == []


def test_members_that_are_excluded_are_absent() -> None:
    """Entra: a group's members are absent where they are excluded, not even an empty list is there."""
    selection = read_selection(GROUP.tree, None, "members")
    assert "members" not in json.loads(represent(GROUP, {"members": []}, selection))


def test_an_empty_list_is_no_answer_about_members_without_the_wanted_part() -> None:
    selection = read_selection(GROUP.tree, "members.type", None)
    assert "members" not in json.loads(represent(GROUP, {"members": [{"value": "unknown"}]}, selection))


def test_a_user_in_no_group_has_no_groups() -> None:
    assert "groups" not in json.loads(represent(USER, {"groups": []}))


def test_characters_go_out_as_they_are() -> None:
    assert compact({"displayName": "Löwe ☺"}) == '{"displayName":"Löwe ☺"}'


@pytest.mark.parametrize("names", ["groups", "members", "meta", "meta.version", "nothing,GROUPS", "password"])
def test_a_text_of_which_nothing_is_left_out_is_never_parsed(names: str) -> None:
    """Entra: `excludedAttributes=members` is in each lookup of a group."""
    selection = read_selection(USER.tree, None, names)
    unreadable = Row("a1", ROW.document[:-1] + ' "', 3, ROW.created, ROW.last_modified)
    assert represent(USER, VECTORS["memberships"], selection, unreadable).startswith(unreadable.document[:-1] + ",")


def test_references_are_relative() -> None:
    """Only a reference, and no text that looks like one."""
    display = '"$ref":"/Groups/c3'
    members = [{"value": "b2", "$ref": "/Groups/b2"}, {"value": "c3", "$ref": "Groups/c3", "display": display}]
    first, second = json.loads(represent(GROUP, {"members": members}))["members"]
    assert (first["$ref"], second) == (f"{BASE}/Groups/b2", members[1])


@pytest.mark.parametrize("parameter", ["attributes", "excludedAttributes"])
def test_a_list_at_its_bound_and_beyond(parameter: str) -> None:
    def read_list(length: int) -> None:
        names = "x" * length
        read_selection(USER.tree, *((names, None) if parameter == "attributes" else (None, names)))

    read_list(bounds.ATTRIBUTE_LIST_LENGTH)
    with pytest.raises(ScimError, match=f"^{parameter}: expected at most {bounds.ATTRIBUTE_LIST_LENGTH} characters"):
        read_list(bounds.ATTRIBUTE_LIST_LENGTH + 1)
