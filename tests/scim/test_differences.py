"""What differs between two documents, told whole for the history and in detail for people."""

import json
from typing import Any

import pytest

from app.scim.data_types import Text
from app.scim.differences import (
    HIDDEN,
    Change,
    all_cleared,
    differences,
    flatten,
    from_stored,
    in_detail,
    spread,
    to_stored,
    undone,
)
from app.scim.errors import ScimError
from app.scim.fields import ScimSchema, attribute
from app.scim.projection import compact
from app.scim.resource_types import GROUP, USER, ResourceType
from tests.examples import examples
from tests.scim.test_quick_check import TYPES, Chance

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def user(**values: Any) -> dict[str, Any]:
    return {"schemas": [USER.schema.urn], "id": "1", "userName": "ada", **values}


def test_a_new_resource_differs_in_all_that_it_has() -> None:
    assert differences(USER, None, user(active=True)) == (
        Change("userName", None, "ada"),
        Change("active", None, True),
    )


def test_a_resource_that_is_gone_differs_too() -> None:
    assert differences(GROUP, {"schemas": [], "id": "2", "displayName": "Staff"}, None) == (
        Change("displayName", "Staff", None),
    )


def test_what_is_gone_needs_no_declaration() -> None:
    parts = {"department": "Sales", "manager": {"value": "m"}}
    document = user(active=False, name={"givenName": "A"}, emails=[{"value": "a@x"}], **{ENTERPRISE: parts})
    assert all_cleared(document) == tuple(sorted(differences(USER, document, None), key=lambda one: one.attribute))
    assert all_cleared({"id": "1", "urn:x:gone": {"badge": 7}}) == (Change("urn:x:gone:badge", 7, None),)


def test_ours_is_no_difference() -> None:
    assert differences(USER, user(), user() | {"schemas": [USER.schema.urn, ENTERPRISE]}) == ()


def test_an_extension_is_told_attribute_by_attribute() -> None:
    before = user(**{ENTERPRISE: {"department": "Sales", "costCenter": "7"}})
    after = user(**{ENTERPRISE: {"department": "Legal", "costCenter": "7"}})
    assert differences(USER, before, after) == (Change(f"{ENTERPRISE}:department", "Sales", "Legal"),)


IN_DETAIL = [
    ("name", {"givenName": "A"}, {"givenName": "B", "familyName": "L"}, [
        Change("name.givenName", "A", "B"), Change("name.familyName", None, "L"),
    ]),
    ("emails", None, [{"type": "work", "value": "a@x"}], [Change('emails[type eq "work"].value', None, "a@x")]),
    ("emails", [{"type": "work", "value": "a@x", "primary": True}], [{"type": "work", "value": "b@x", "primary": True}],
     [Change('emails[type eq "work"].value', "a@x", "b@x")]),
    ("emails", [{"value": "a@x"}], [{"type": "work", "value": "a@x"}],
     [Change("emails", [{"value": "a@x"}], [{"type": "work", "value": "a@x"}])]),
    ("roles", [{"type": "t", "value": "1"}], [{"type": "t", "value": "1"}, {"type": "t", "value": "2"}],
     [Change("roles", [{"type": "t", "value": "1"}], [{"type": "t", "value": "1"}, {"type": "t", "value": "2"}])]),
    ("title", "Engineer", None, [Change("title", "Engineer", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("attribute", "old", "new", "told"), IN_DETAIL)
def test_a_change_in_detail(attribute: str, old: Any, new: Any, told: list[Change]) -> None:
    assert list(in_detail([Change(attribute, old, new)])) == told


def test_changes_can_be_undone_one_after_the_other() -> None:
    states = [
        user(),
        user(title="Engineer", emails=[{"value": "a@x"}]),
        user(emails=[{"type": "work", "value": "b@x"}], **{ENTERPRISE: {"department": "Sales"}}),
        user(name={"givenName": "Ada"}),
    ]
    now = spread(USER, states[-1])
    for earlier, later in reversed(list(zip(states, states[1:], strict=False))):
        now = undone(now, differences(USER, earlier, later))
        assert now == spread(USER, earlier)
    assert undone(now, differences(USER, None, states[0])) == {}


def test_a_change_is_stored_with_the_parts_that_differ() -> None:
    work, home = {"type": "work", "locality": "Leeds", "country": "UK"}, {"type": "home", "locality": "York"}
    assert to_stored(Change("addresses", [work, home], [work | {"locality": "Hull"}, home])) == [
        [work, home], None, {"0": {"locality": "Hull"}},
    ]  # fmt: skip
    assert to_stored(Change("name", {"givenName": "A", "familyName": "L"}, {"familyName": "K"})) == [
        {"givenName": "A", "familyName": "L"}, None, {"givenName": None, "familyName": "K"},
    ]  # fmt: skip
    for old, new in ((work, {**work, "region": "Y"}), ([work], [work, home]), ("a", "b"), (None, work)):
        assert to_stored(Change("x", old, new)) == [old, new]


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (0.0, 0), (0.0, -0.0), (-0.0, 0)])
def test_a_number_that_is_written_in_another_way_is_kept_as_it_is_written(old: float, new: float) -> None:
    for value, changed in (
        ({"weight": old, "unit": "kg"}, {"weight": new, "unit": "lb"}),
        ([{"weight": old}, {"unit": "kg"}], [{"weight": new}, {"unit": "lb"}]),
    ):
        change = Change("load", value, changed)
        stored = json.loads(compact(to_stored(change)))
        assert compact(from_stored("load", stored)) == compact(change)


@pytest.mark.parametrize("name", TYPES)
def test_a_stored_change_is_the_change(name: str) -> None:
    resource_type, chance = TYPES[name], Chance(name)
    before: dict[str, Any] = {}
    for _ in range(examples(300)):
        document = chance.mixed(resource_type.attributes, before, chance.document(resource_type))
        try:
            after = {"schemas": [], "id": "1"} | resource_type.load(document)
        except ScimError:
            continue
        for change in differences(resource_type, before, after):
            stored = json.loads(compact(to_stored(change)))
            assert compact(from_stored(change.attribute, stored)) == compact(change)
        before = after


def test_a_flat_document_has_the_paths_of_a_mapping() -> None:
    document = user(active=True, addresses=[{"type": "work", "country": "UK"}], **{ENTERPRISE: {"department": "Sales"}})
    assert flatten(spread(USER, document)) == {
        "userName": "ada",
        "active": True,
        'addresses[type eq "work"].country': "UK",
        f"{ENTERPRISE}:department": "Sales",
    }


class LockSchema(ScimSchema):
    """A lock, of which the code is never told."""

    urn = "urn:example:Lock"
    code = attribute(Text, "How it opens", returned="never")


LOCK = ResourceType("Lock", "/Locks", "Locks", LockSchema)


def test_that_a_value_changed_is_told_also_where_the_value_is_not() -> None:
    before, after = ({"schemas": [LockSchema.urn], "id": "1", "code": code} for code in ("1234", "4321"))
    (change,) = differences(LOCK, before, after)
    assert change == Change("code", HIDDEN, HIDDEN)
    assert list(in_detail([change])) == [change]
    assert differences(LOCK, before, before) == ()
    assert spread(LOCK, after) == {"code": HIDDEN}
