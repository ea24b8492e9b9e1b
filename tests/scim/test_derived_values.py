"""What follows from a document, and that it follows from nothing else."""

import copy
import json
from typing import Any

import pytest

from app.scim.derived_values import DerivedValues
from app.scim.recnice_mapping import MAPPING
from app.scim.resource_types import GROUP, USER, ResourceType, name_of
from tests.examples import examples
from tests.scim.test_quick_check import TYPES, Chance

ADA = {
    "schemas": [USER.schema.urn],
    "id": "1",
    "userName": "ADA@Recnice.example",
    "externalId": "A1",
    "active": True,
    "name": {"givenName": "Äda", "familyName": "King-Noel"},
    "emails": [{"type": "work", "value": "Ada@b.c"}, {"type": "home", "value": "ada@B.c"}],
}


def test_everything_is_derived_from_a_document_without_changing_it() -> None:
    document = copy.deepcopy(ADA)
    values = DerivedValues(USER, document)
    assert json.loads(values.text) == ADA
    assert values.lookups == {
        ("userName", "ada@recnice.example", True),
        ("externalId", "A1", False),
        ("emails.value", "ada@b.c", False),
    }
    assert values.words == {"ada", "recnice", "example", "a1", "king", "noel", "b", "c"}
    assert values.filled_paths == {
        "userName",
        "externalId",
        "active",
        "name.givenName",
        "name.familyName",
        'emails[type eq "work"].value',
    }
    assert (values.name, values.is_active) == (name_of(ADA), True)
    assert document == ADA


def test_nothing_follows_from_no_resource() -> None:
    values = DerivedValues(USER)
    assert (values.lookups, values.words, values.filled_paths, values.is_active) == (set(), set(), set(), False)


def test_a_value_is_derived_once() -> None:
    values = DerivedValues(USER, ADA)
    names = ("text", "lookups", "word_text", "words", "filled_paths")
    first = [getattr(values, name) for name in names]
    assert all(getattr(values, name) is value for name, value in zip(names, first, strict=True))


@pytest.mark.parametrize(("sent", "is_active"), [({}, True), ({"active": True}, True), ({"active": False}, False)])
def test_who_has_no_value_for_active_is_active(sent: dict[str, bool], is_active: bool) -> None:
    assert DerivedValues(USER, {"userName": "ada"} | sent).is_active is is_active


@pytest.mark.parametrize(
    ("resource_type", "document", "members", "others"),
    [
        (USER, ADA, 0, set()),
        (USER, {}, 0, set()),
        (GROUP, {"displayName": "Staff"}, 0, set()),
        (GROUP, {"displayName": "Staff", "externalId": "s"}, 2, {"members"}),
    ],
)
def test_the_mask_has_a_bit_for_each_filled_path(
    resource_type: ResourceType, document: dict[str, Any], members: int, others: set[str]
) -> None:
    values = DerivedValues(resource_type, document)
    paths = {row.path: 1 << place for place, row in enumerate(MAPPING[resource_type.name])}
    mask = values.filled_mask(members)
    assert {path for path, bit in paths.items() if mask & bit} == values.filled_paths | others
    assert mask < 1 << len(paths)


@pytest.mark.parametrize("name", TYPES)
def test_what_a_change_changes_is_what_differs_between_the_whole(name: str) -> None:
    resource_type, chance = TYPES[name], Chance(name)
    before = DerivedValues(resource_type)
    for _ in range(examples(300)):
        if (document := resource_type._accept(chance.document(resource_type))) is None:
            continue
        # Some values stay the same objects, as after a PATCH.
        kept = {one: value for one, value in before.document.items() if one in document and chance.random() < 0.5}
        after = DerivedValues(resource_type, {**document, **kept})
        gone, new = after.lookup_changes(before)
        assert (gone, new) == (before.lookups - after.lookups, after.lookups - before.lookups)
        assert after.changed_mask(before, before.filled_mask(members=0)) == after.filled_mask(members=0)
        assert after.changed_mask(before, before.filled_mask(members=2)) == after.filled_mask(members=2)
        before = after
