"""A disable is found wherever a client puts it in a request, and whatever stands beside it."""

from typing import Any

import pytest

from app.observation.unstored import unstored_names
from app.scim.access_removal import removal_of
from app.scim.disabling import Disabling
from app.scim.errors import ScimError
from app.scim.messages import Operation
from app.scim.patch import Patch
from app.scim.resource_types import USER

CORE = USER.schema.urn
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
HELD = {"schemas": [CORE], "id": "1", "userName": "ada", "active": True}

PLACES: dict[str, tuple[dict[str, Any], bool | None]] = {
    "own place, null below the URN": ({"active": False, CORE: {"active": None}}, False),
    "own place, empty below the URN": ({"active": False, CORE: {"active": ""}}, False),
    "own place, true below the URN": ({"active": False, CORE: {"active": True}}, False),
    "null in its own place": ({"active": None, f"{CORE}:active": False}, False),
    "empty in its own place": ({"active": "", f"{CORE}:active": False}, False),
    "null in its own place, false below the URN": ({"active": None, CORE: {"active": False}}, False),
    "a list of one below the URN": ({CORE: [{"active": False}]}, False),
    "two spellings of the URN": ({CORE: {"x": 1}, CORE.upper(): {"active": False}}, False),
    "two letter cases": ({"active": False, CORE: {"Active": False}}, False),
    "true in its own place": ({"active": True, CORE: {"active": None}}, True),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_value_in_its_own_place_wins_unless_it_is_none(name: str):
    body, active = PLACES[name]
    assert USER.tree.placed({"userName": "ada", **body}).get("active") is active


BESIDE: dict[str, Operation] = {
    "an extension that is a list": Operation("replace", None, {ENTERPRISE: [1, 2], "active": False}),
    "an extension with two objects": Operation("replace", None, {ENTERPRISE: [{}, {"x": 1}], "active": False}),
    "a text below the core URN": Operation("replace", None, {CORE: "x", "active": False}),
    "null below the core URN": Operation("replace", None, {CORE: None, "active": False}),
    "numbers below the core URN": Operation("replace", None, {CORE: [1, 2], "active": False}),
    "two objects": Operation("replace", None, [{"active": False}, {"title": "x"}]),
    "the core URN as path": Operation("replace", CORE, {"active": False}),
    "the core URN as path in capitals": Operation("add", CORE.upper(), [{"Active": "False"}]),
}


@pytest.mark.parametrize("name", BESIDE)
def test_nothing_beside_it_keeps_a_disable_from_being_done(name: str):
    patch = Disabling(USER, HELD, lambda _: None)
    patch.patch([BESIDE[name]])
    assert patch.disables
    assert patch.settle()["active"] is False


@pytest.mark.parametrize("value", [{CORE: "x"}, {ENTERPRISE: [1, 2]}, [{"title": "x"}, 1]])
def test_without_a_disable_they_are_refused(value: Any):
    patch = Patch(USER, HELD)
    with pytest.raises(ScimError):
        patch.patch([Operation("replace", None, value)])


@pytest.mark.parametrize("name", BESIDE)
def test_a_refused_request_in_this_form_is_known_to_disable(name: str):
    given = BESIDE[name]
    body = {"Operations": [{"op": given.op, "value": given.value} | ({"path": given.path} if given.path else {})]}
    found = removal_of("User", "PATCH", "1", body)
    assert found is not None and found.purpose == "disable"


def test_what_stands_below_the_core_urn_as_path_is_stored():
    body = {"Operations": [{"op": "add", "path": CORE, "value": {"title": "x", "shoeSize": 44}}]}
    assert unstored_names(USER, "PATCH", body) == ["shoeSize"]
