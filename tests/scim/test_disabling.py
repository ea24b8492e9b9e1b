"""A disable is found wherever a client puts it in a request, and what makes the result impossible is left out.

That is impossible alone, or beside what is there: required, immutable and unique values.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from app import bounds
from app.observation.attributes.unstored_attributes import unstored_names
from app.scim.data_types import Text
from app.scim.disabling import Disabling
from app.scim.entra_quirks import correct_document
from app.scim.errors import Code, ScimError
from app.scim.fields import Complex, ScimSchema, attribute
from app.scim.intended_removals import removal_of
from app.scim.patch import Patch, apply
from app.scim.protocol_messages import Operation, read_patch
from app.scim.resource_types import USER, ResourceType
from app.scim.schemas import UserSchema


class DeviceSchema(ScimSchema):
    serial = attribute(Text, "Its number", required=True)
    model = attribute(Text, "Its model")


class StaffSchema(ScimSchema):
    """An extension of one's own."""

    urn = "urn:example:2.0:Staff"
    schema_name = "Staff"

    grade = attribute(Text, "The grade", required=True)
    badge = attribute(Text, "The badge", mutability="immutable")
    desk = attribute(Text, "The desk", uniqueness="server", lookup=True)
    device = attribute(Complex, "The device", DeviceSchema)


URN = StaffSchema.urn
STAFF = ResourceType("User", "/Users", "", UserSchema, (StaffSchema,))
HELD = {"userName": "ada", "active": True}
DISABLE = Operation("replace", "active", False)


def check_unique(document: Mapping[str, Any]) -> None:
    if document.get(URN, {}).get("desk") == "taken":
        raise ScimError(Code.UNIQUENESS, f"{URN}:desk", "a value that no other resource has")


def disabled(held: Mapping[str, Any], *operations: Operation) -> tuple[Any, list[str]]:
    """The extension after a disable and other operations, and the names in it that were left out."""
    partial = Disabling(STAFF, STAFF.load(held), check_unique)
    partial.patch([*operations, DISABLE])
    assert partial.disables
    document = partial.settle()
    assert document == STAFF.load(document) and document["active"] is False
    return document.get(URN), [one.path.removeprefix(f"{URN}:") for one in partial.left_out]


def replaced(**values: Any) -> list[Operation]:
    return [Operation("replace", f"{URN}:{name}", value) for name, value in values.items()]


FULL = HELD | {URN: {"grade": "7", "badge": "b", "desk": "d1", "device": {"serial": "s"}}}


@pytest.mark.parametrize(
    ("held", "operations", "extension", "left_out"),
    [
        (HELD, replaced(desk="d2", grade="7"), {"grade": "7", "desk": "d2"}, []),
        (HELD, replaced(desk="d2"), None, ["desk"]),
        (HELD, replaced(desk="d2", grade="7", badge="x" * 2_000), {"grade": "7", "desk": "d2"}, ["badge"]),
        (HELD, replaced(badge="b", grade="7", desk="taken"), {"grade": "7", "badge": "b"}, ["desk"]),
        (FULL, replaced(grade="", desk="d2"), FULL[URN] | {"desk": "d2"}, ["grade"]),
        (FULL, replaced(badge="c", desk="d2"), FULL[URN] | {"desk": "d2"}, ["badge"]),
        (FULL, replaced(desk="taken", grade="8"), FULL[URN] | {"grade": "8"}, ["desk"]),
        (FULL, replaced(device={"model": "m"}), FULL[URN] | {"device": {"serial": "s", "model": "m"}}, []),
        (FULL, replaced(device={"serial": None, "model": "m"}, desk="d2"), FULL[URN] | {"desk": "d2"}, ["device"]),
        (FULL, [Operation("remove", URN)], FULL[URN], [URN]),
        (HELD | {URN: {"grade": "7"}}, [Operation("remove", URN)], None, []),
    ],
)
def test_only_what_makes_the_result_impossible_is_left_out(
    held: Mapping[str, Any], operations: list[Operation], extension: Any, left_out: list[str]
) -> None:
    assert disabled(held, *operations) == (extension, left_out)


def test_a_put_keeps_what_is_refused_and_what_cannot_be_cleared() -> None:
    partial = Disabling(STAFF, STAFF.load(FULL), check_unique)
    staff = {"grade": "8", "desk": "taken", "device": {"model": "m"}}
    partial.replace({"userName": "ada", "active": False, URN: staff})
    document = partial.settle()
    assert document[URN] == FULL[URN] | {"grade": "8"}
    assert sorted(one.path for one in partial.left_out) == [f"{URN}:desk", f"{URN}:device"]
    assert f"{URN}:grade" in partial.assigned_paths and f"{URN}:desk" not in partial.assigned_paths


def test_what_is_looked_at_again_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many steps on one attribute whose last value is impossible are no way round the bound."""
    monkeypatch.setattr(bounds, "PATCH_VALUES_EXAMINED", 200)
    [taken] = replaced(desk="taken")
    assert disabled(FULL, *[taken] * 20) == (FULL[URN], ["desk"] * 20)
    with pytest.raises(ScimError) as refused:
        disabled(FULL, *[taken] * 180)
    assert refused.value.scim_type == "tooMany"


CORE, ENTERPRISE = USER.schema.urn, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PLACES: dict[str, tuple[dict[str, Any], bool | None]] = {
    "own place, null below the URN": ({"active": False, CORE: {"active": None}}, False),
    "own place, empty below the URN": ({"active": False, CORE: {"active": ""}}, False),
    "own place, true below the URN": ({"active": False, CORE: {"active": True}}, False),
    "null in its own place": ({"active": None, f"{CORE}:active": False}, False),
    "empty in its own place": ({"active": "", f"{CORE}:active": False}, False),
    "null in its own place, false below the URN": ({"active": None, CORE: {"active": False}}, False),
    "a list of one below the URN": ({CORE: [{"active": False}]}, False),
    "two objects below the URN": ({CORE: [{"title": "x"}, {"active": False}]}, False),
    "the URN below the URN": ({CORE: {CORE: {"active": False}}}, False),
    "two spellings of the URN": ({CORE: {"x": 1}, CORE.upper(): {"active": False}}, False),
    "two letter cases": ({"active": False, CORE: {"Active": False}}, False),
    "true in its own place": ({"active": True, CORE: {"active": None}}, True),
    "true in its own place, false below the URN": ({"active": True, CORE: {"active": "False"}}, False),
    "true and then false in another spelling": ({"active": True, "active ": [False]}, False),
    "false and then true in another letter case": ({"active": False, "Active": True}, False),
    "true and then false in another letter case": ({"active": True, "ACTIVE": {"value": False}}, False),
    "true and then false below two spellings of the URN": (
        {CORE: {"active": True}, CORE.upper(): {"active": False}},
        False,
    ),
    "no boolean and then false": ({CORE: {"active": []}, CORE.upper(): {"active": False}}, False),
    "true twice": ({"active": None, "Active": True, f"{CORE}:active": "True"}, True),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_false_wins_and_then_a_value_in_its_own_place_unless_it_is_none(name: str) -> None:
    body, active = PLACES[name]
    assert USER.load(correct_document(USER.tree, {"userName": "ada", **body}))["active"] is active
    patched, _ = apply(USER, USER.load(HELD), [Operation("replace", None, body)])
    assert patched["active"] is active
    for method, sent in (("PUT", body), ("PATCH", {"Operations": [{"op": "add", "value": body}]})):
        assert (removal_of("User", method, "1", sent) is not None) is (active is False), "also when it is refused"


BESIDE: dict[str, Operation] = {
    "an extension that is a list": Operation("replace", None, {ENTERPRISE: [1, 2], "active": False}),
    "an extension with two objects": Operation("replace", None, {ENTERPRISE: [{}, {"x": 1}], "active": False}),
    "a text below the core URN": Operation("replace", None, {CORE: "x", "active": False}),
    "null below the core URN": Operation("replace", None, {CORE: None, "active": False}),
    "numbers below the core URN": Operation("replace", None, {CORE: [1, 2], "active": False}),
    "two objects": Operation("replace", None, [{"active": False}, {"title": "x"}]),
    "null beside an object": Operation("replace", None, [{"active": False}, None]),
    "a text before an object": Operation("replace", None, ["x", {"active": False}]),
    "a list beside an object": Operation("replace", None, [{"active": False}, []]),
    "null beside an object below the core URN": Operation("replace", None, {CORE: [{"active": False}, None]}),
    "a list beside an object with the core URN as path": Operation("replace", CORE, [{"active": False}, []]),
    "the core URN as path": Operation("replace", CORE, {"active": False}),
    "the core URN as path in capitals": Operation("add", CORE.upper(), [{"Active": "False"}]),
}


@pytest.mark.parametrize("operation", BESIDE.values(), ids=BESIDE)
def test_nothing_beside_it_keeps_a_disable_from_being_done(operation: Operation) -> None:
    patch = Disabling(USER, USER.load(HELD), lambda _: None)
    patch.patch([operation])
    assert patch.disables
    assert patch.settle()["active"] is False
    given = {"op": operation.op, "value": operation.value} | ({"path": operation.path} if operation.path else {})
    refused = removal_of("User", "PATCH", "1", {"Operations": [given]})
    assert refused and refused.purpose == "disable"


LITERALS = ("1e999", "9" * 26, "9" * 400, '"\\ud800"', "0.00012345678901234567")


@pytest.mark.parametrize("literal", LITERALS)
@pytest.mark.parametrize("path", ["emails[value eq {}].value", "emails[{} eq {}]", "emails[value {}].value"])
def test_only_a_literal_that_follows_the_grammar_is_left_out(path: str, literal: str) -> None:
    path = path.format(literal, literal)
    patch = Disabling(USER, USER.load(HELD), lambda _: None)
    patch.take(DISABLE)
    if path.startswith("emails[value eq"):
        patch.take(Operation("replace", path, "x"))
        assert patch.settle()["active"] is False
        assert [one.error.scim_type for one in patch.left_out] == ["invalidFilter"]
    else:
        with pytest.raises(ScimError):
            patch.take(Operation("replace", path, "x"))


@pytest.mark.parametrize("path", ["", " "])
def test_an_empty_path_is_none(path: str) -> None:
    given = [{"op": "replace", "path": path, "value": {"active": "False"}}]
    document, _ = apply(USER, USER.load(HELD), read_patch({"Operations": given}))
    assert document["active"] is False
    assert removal_of("User", "PATCH", "1", {"Operations": given}) is not None


@pytest.mark.parametrize("value", [{CORE: "x"}, {ENTERPRISE: [1, 2]}, [{"title": "x"}, 1]])
def test_without_a_disable_they_are_refused(value: Any) -> None:
    with pytest.raises(ScimError):
        Patch(USER, USER.load(HELD)).patch([Operation("replace", None, value)])


def test_what_stands_below_the_core_urn_as_path_is_stored() -> None:
    body = {"Operations": [{"op": "add", "path": CORE, "value": {"title": "x", "shoeSize": 44}}]}
    assert unstored_names(USER, "PATCH", body) == ["shoeSize"]


NAMES = (
    "active",
    "Active",
    "ACTIVE",
    "Active ",
    " active",
    "\tactive",
    "active\u00a0",
    "active.value",
    "Active.VALUE ",
)


@pytest.mark.parametrize("urn", ["", CORE + ":", CORE.upper() + ":", " " + CORE + ":"])
@pytest.mark.parametrize("name", [*NAMES, "aCtIvE"])
def test_letter_case_and_blanks_around_a_name_mean_nothing(name: str, urn: str) -> None:
    disables_by(urn + (name.lstrip() if urn else name))


BELOW_ROOT = ("User.active", "$.active", "/active", "user/Active", f"{CORE}/active", f"{CORE}#active")


@pytest.mark.parametrize("name", [*BELOW_ROOT, f"{CORE}.active.value"])
def test_what_names_the_whole_resource_before_a_name_means_nothing(name: str) -> None:
    disables_by(name)


def disables_by(name: str) -> None:
    """Disable by a name in every place where it may be."""
    given = {name: False}
    for operation in (
        {"op": "replace", "path": name, "value": "False"},
        {"op": "replace", "path": name, "value": {"value ": False}},
        {"op": "replace", "value": given},
        {"op": "add", "value": {CORE + " ": given}},
        {"op": "add", "path": CORE + " ", "value": given},
    ):
        body = {"Operations": [operation]}
        document, _ = apply(USER, USER.load(HELD), read_patch(body))
        assert document["active"] is False, operation
        assert removal_of("User", "PATCH", "1", body) is not None, operation
    for body in ({"userName": "ada"} | given, {"userName": "ada", " " + CORE: given}):
        assert USER.load(correct_document(USER.tree, body))["active"] is False
        assert removal_of("User", "PUT", "1", body) is not None
