"""Which access a request was meant to take away, read from a request that is refused."""

from typing import Any

import pytest

from app import bounds
from app.scim.bulk_message import read_operation
from app.scim.filter_tree import Node
from app.scim.intended_removals import AccessRemoval, bulk_operations, removal_of, removals_of_bulk
from app.scim.member_changes import LinkChange
from app.scim.resource_types import USER

ID = "5b3f6c1e-0000-4000-8000-000000000001"
OTHER = "5b3f6c1e-0000-4000-8000-000000000002"
BROKEN = {"op": "Replace", "path": "name..givenName", "value": "x"}
OFF = {"op": "Replace", "path": "active", "value": "False"}
ON = {"op": "Replace", "path": "active", "value": "True"}
URN = USER.schema.urn


def patched(*operations: Any) -> dict[str, Any]:
    return {"Operations": list(operations)}


def without_path(**values: Any) -> dict[str, Any]:
    return {"op": "replace", "value": values}


DISABLING = {
    "text, as Entra writes it": patched(OFF),
    "a boolean": patched({"op": "replace", "path": "active", "value": False}),
    "without a path": patched(without_path(active=False, title="x")),
    "without a path, any letter case": patched(without_path(ACTIVE="false")),
    "under the core URN": patched(without_path(**{URN: {"title": 5, "active": False}})),
    "with the core URN": patched({"op": "replace", "path": f"{URN}:active", "value": False}),
    "with the core URN, without a path": patched(without_path(**{f"{URN}:active": False})),
    "names in any letter case": {"operations": [{"OP": "Add", "Path": "Active", "Value": "False"}]},
    "another message": {"schemas": ["urn:x"], **patched(OFF)},
    "before a malformed path": patched(OFF, BROKEN),
    "behind a malformed path": patched(BROKEN, OFF),
    "beside a value that cannot be read": patched(without_path(active=False, userName={"a": 1})),
    "beside operations of no form": patched(OFF, 5, {"op": "nonsense", "path": "active"}, {"op": "Remove"}),
    "beside too many": patched(*[BROKEN] * (bounds.PATCH_OPERATIONS + 1), OFF),
    "before an unreadable value": patched(OFF, {"op": "replace", "path": "active", "value": "perhaps"}),
    "before active is cleared": patched(OFF, {"op": "remove", "path": "active"}),
    "behind an enable": patched(ON, OFF),
}
NOT_DISABLING: dict[str, Any] = {
    "before an enable": patched(OFF, ON),
    "active cleared": patched({"op": "replace", "path": "active", "value": ""}),
    "another attribute": patched({"op": "replace", "path": "title", "value": "active"}),
    "an attribute of an extension": patched(without_path(**{"urn:x:User": {"active": False}})),
    "no operations": {},
    "no list": {"Operations": OFF},
    "no object": [OFF],
    "no JSON": None,
}


@pytest.mark.parametrize("name", DISABLING)
def test_a_patch_that_was_meant_to_disable_is_known(name: str):
    assert removal_of("User", "PATCH", ID, DISABLING[name]) == AccessRemoval("disable", ID)


@pytest.mark.parametrize("name", NOT_DISABLING)
def test_any_other_patch_was_not(name: str):
    assert removal_of("User", "PATCH", ID, NOT_DISABLING[name]) is None


@pytest.mark.parametrize(
    ("body", "is_meant"),
    [
        ({"userName": {"a": 1}, "Active": "False"}, True),
        ({URN: {"active": False}, "title": 5}, True),
        ({"userName": "ada"}, False),
        ({"userName": "ada", "active": True}, False),
        ({"active": "perhaps"}, False),
        ([], False),
        (None, False),
    ],
)
def test_a_put_with_active_false_was_meant_to_disable(body: Any, is_meant: bool):
    assert removal_of("User", "PUT", ID, body) == (AccessRemoval("disable", ID) if is_meant else None)


def test_a_delete_needs_no_body_and_other_methods_take_nothing_away():
    assert removal_of("User", "DELETE", ID, None) == AccessRemoval("delete", ID)
    assert removal_of("User", "GET", ID, None) is None
    assert removal_of("User", "POST", "", {"active": False}) is None
    assert removal_of("Device", "DELETE", ID, None) is None


def members(*ids: Any) -> list[dict[str, Any]]:
    return [{"value": id} for id in ids]


def removing(value: Any) -> dict[str, Any]:
    return {"op": "Remove", "path": "members", "value": value}


LEAVING = {
    "as Entra writes it": ("PATCH", patched(removing(members("a"))), [("remove", ("a",))]),
    "by a filter": ("PATCH", patched({"op": "remove", "path": 'members[value eq "a"]'}), [("remove", ("a",))]),
    "everybody": ("PATCH", patched({"op": "remove", "path": "members"}), [("remove_where", ())]),
    "all others": (
        "PATCH",
        patched({"op": "replace", "path": "members", "value": members("a")}),
        [("replace", ("a",))],
    ),
    "all others, without a path": ("PATCH", patched(without_path(members=members("a"))), [("replace", ("a",))]),
    "and back again": (
        "PATCH",
        patched(removing(members("a", "b")), {"op": "Add", "path": "members", "value": members("a")}),
        [("remove", ("a", "b")), ("add", ("a",))],
    ),
    "beside a malformed path": ("PATCH", patched(BROKEN, removing(members("a"))), [("remove", ("a",))]),
    "beside one that cannot be read": (
        "PATCH",
        patched(removing(members("a", {"no": "text"}, "b"))),
        [("remove", ("a",)), ("remove", ("b",))],
    ),
    "PUT": ("PUT", {"displayName": 5, "members": members("a")}, [("replace", ("a",))]),
    "PUT without members": ("PUT", {"displayName": "x"}, [("replace", ())]),
    "DELETE": ("DELETE", None, [("remove_where", ())]),
}


@pytest.mark.parametrize("name", LEAVING)
def test_a_change_of_a_group_says_who_was_to_leave(name: str):
    method, body, links = LEAVING[name]
    found = removal_of("Group", method, ID, body)
    assert found is not None and (found.purpose, found.id) == ("leave", ID)
    assert [(link.verb, link.ids) for link in found.links] == links


def test_other_filters_are_left_to_the_store():
    found = removal_of("Group", "PATCH", ID, patched({"op": "remove", "path": 'members[type eq "User"]'}))
    assert found is not None and isinstance(found.links[0].where, Node)
    assert found.links == (LinkChange("remove_where", where=found.links[0].where),)


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PATCH", patched({"op": "Add", "path": "members", "value": members("a")})),
        ("PATCH", patched({"op": "replace", "path": "members", "value": members("a", {"no": "text"})})),
        ("PATCH", patched({"op": "replace", "path": "displayName", "value": "members"})),
        ("PUT", {"displayName": "x", "members": 5}),
        ("PUT", None),
    ],
)
def test_who_is_to_leave_is_never_guessed(method: str, body: Any):
    assert removal_of("Group", method, ID, body) is None


def test_a_bulk_message_is_read_operation_by_operation():
    message = {
        "operations": [
            {"method": "patch", "path": f"/Users/{ID}", "data": patched(OFF)},
            {"method": "DELETE", "path": f"https://x.example/scim/v2/Users/{OTHER}/"},
            {"method": "PATCH", "path": f"/Users/{ID}", "data": patched(ON)},
            {"method": "DELETE", "path": "/Groups/d"},
            {"method": "POST", "path": "/Users", "bulkId": "e", "data": {"active": False}},
            {"method": "DELETE", "path": "/Devices/f"},
            {"method": "DELETE", "path": 5},
            5,
        ]
    }
    found = list(removals_of_bulk(bulk_operations(message)))
    assert [(one.purpose, one.id) for one in found] == [("disable", ID), ("delete", OTHER), ("leave", "d")]
    assert list(removals_of_bulk(bulk_operations(None))) == []


def test_only_so_many_operations_are_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "REFUSED_OPERATIONS_READ", 2)
    assert removal_of("User", "PATCH", ID, patched(BROKEN, BROKEN, OFF)) is None
    bulk = [read_operation({"method": "DELETE", "path": f"/Users/{number}"}) for number in range(3)]
    assert len(list(removals_of_bulk(bulk))) == 2
    assert len(bulk_operations({"Operations": [{}] * 3})) == 2
    found = removal_of("Group", "PATCH", ID, patched(removing(members("a", {"no": "text"}, "b"))))
    assert found is not None and [link.ids for link in found.links] == [("a",)]
