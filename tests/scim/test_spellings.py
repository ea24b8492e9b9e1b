"""Values in another spelling than their attribute's type: the same in POST, PATCH and filters, and never guessed."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import bounds
from app.scim.attribute import Attribute
from app.scim.data_types import Decimal, Flag, Integer, Text
from app.scim.entra_quirks import correct_document
from app.scim.errors import ScimError
from app.scim.fields import Complex, ScimSchema, attribute
from app.scim.filter_match import matches
from app.scim.filter_tree import Compare, Not
from app.scim.grammar import parse
from app.scim.json_body import read_json
from app.scim.patch import apply
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.scim.schemas import ResourceSchema
from tests.examples import examples
from tests.normalized import normalize_document

tried = settings(max_examples=examples(100), derandomize=True, deadline=None, database=None)


class StepSchema(ScimSchema):
    value = attribute(Text, "Its name")
    height = attribute(Integer, "Its height", mutability="immutable")


class MeasureSchema(ResourceSchema):
    """A schema of one's own."""

    urn = "urn:example:2.0:Measure"
    schema_name = "Measure"

    whole = attribute(Integer, "A whole number")
    decimal = attribute(Decimal, "A number")
    wholes = attribute(Integer, "Whole numbers", many=True)
    texts = attribute(Text, "Texts", many=True)
    step = attribute(Complex, "A step", StepSchema)
    steps = attribute(Complex, "Steps", StepSchema, many=True)


MEASURE = ResourceType("Measure", "/Measures", "", MeasureSchema)
NUMBERS = ("whole", "decimal")

digits = st.text("0123456789", max_size=12)
likely = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "-", "+", " ", "0", "0x", "٣"]),
        st.integers(0, 10**18).map(str) | digits,
        st.sampled_from(["", "", ".", ","]),
        digits,
        st.sampled_from(["", "", "e1", "E+2", "e-1", "e999", "_0", " ", "\n", "L", "f"]),
    ),
)
spellings = st.one_of(
    likely,
    st.integers(bounds.INTEGER_MINIMUM - 1, bounds.INTEGER_MAXIMUM + 1).map(str),
    st.floats().map(str),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1_000", "0b1", "--1", "1e", "True", "null", "½", "1" * 5_000]),
)


def outcome(name: str, value: Any) -> Any:
    """What a resource has under a name after POST, or the kind of refusal."""
    try:
        return MEASURE.load({name: value}).get(name)
    except ScimError as refused:
        return refused.scim_type


def patched(path: str, value: Any, given: dict[str, Any] | None = None) -> Any:
    document, _ = apply(MEASURE, MEASURE.load(given or {}), [Operation("replace", path, value)])
    return {name: part for name, part in MEASURE.load(document).items() if name != "schemas"}


def in_json(text: str) -> Any:
    """The number that a text is in JSON; None where it is none, or out of bounds."""
    try:
        value = read_json(text) if text == text.strip() else None
    except ScimError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


@tried
@given(spellings)
def test_a_number_as_text_is_the_number_or_is_refused(text: str) -> None:
    """Nothing but the number's own spelling in JSON counts, so no text can become another number than its own."""
    number = in_json(text)
    for name in NUMBERS:
        if text == "":
            assert outcome(name, text) is None
            continue
        expected = "invalidValue" if number is None else outcome(name, number)
        assert outcome(name, text) == expected
        assert type(outcome(name, text)) is type(expected)


@tried
@given(spellings.filter(bool))
def test_post_patch_and_filter_take_the_same_spellings(text: str) -> None:
    for name in NUMBERS:
        stored = outcome(name, text)
        if stored == "invalidValue":
            with pytest.raises(ScimError):
                patched(name, text)
            continue
        assert patched(name, text) == {name: stored}
        document = normalize_document(MEASURE.attributes, {name: stored})
        for literal in (json.dumps(text), json.dumps(stored)):
            assert matches(parse(f"{name} eq {literal}", MEASURE.tree), document)


def test_numbers_as_text_in_lists_and_parts() -> None:
    assert outcome("wholes", ["1", 2, "1"]) == [1, 2]
    assert outcome("steps", [{"value": "a", "height": "4"}]) == [{"value": "a", "height": 4}]
    assert patched('steps[height eq "4"].value', "b", {"steps": [{"value": "a", "height": 4}]}) == {
        "steps": [{"value": "b", "height": 4}]
    }


def test_the_same_immutable_value_in_another_spelling_is_no_change() -> None:
    assert patched("step.height", "4", {"step": {"height": 4}}) == {"step": {"height": 4}}


@pytest.mark.parametrize(("op", "number", "holds"), [("gt", "7", True), ("le", "7", False), ("ne", "8", False)])
def test_a_filter_compares_numbers_not_texts(op: str, number: str, holds: bool) -> None:
    assert matches(parse(f'whole {op} "{number}"', MEASURE.tree), {"whole": 10 if op != "ne" else 8}) is holds


def texts(resource_type: ResourceType) -> list[Attribute]:
    """The attributes of type string that a client may write, top ones and those of extensions."""
    extensions = [part for extension in resource_type.tree.extensions.values() for part in extension.walk()]
    return [
        one
        for one in (*resource_type.tree.core.values(), *extensions)
        if (one.type, one.is_read_only, one.multi_valued) == ("string", False, False)
    ]


ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER = f"{ENTERPRISE}:manager.value"
IDENTIFYING = {
    *(("User", path) for path in ("userName", "externalId", MANAGER)),
    *(("Group", path) for path in ("displayName", "externalId")),
}


NO_REFERENCES = {"displayName", "display", "groups", "location", "title"}


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES, ids=lambda one: one.name)
def test_an_integer_is_its_text_where_it_identifies_nothing(resource_type: ResourceType) -> None:
    for one in texts(resource_type):
        if (resource_type.name, one.path) in IDENTIFYING:
            with pytest.raises(ScimError) as refused:
                apply(resource_type, {}, [Operation("replace", one.path, 701984)])
            assert refused.value.detail == f"{one.path}: expected text, got 701984"
            with pytest.raises(ScimError, match="expected a text in double quotes, got 701984"):
                parse(f"{one.path} eq 701984", resource_type.tree)
        elif one.traits.storage == "document":
            document, _ = apply(resource_type, {}, [Operation("replace", one.path, 701984)])
            node = parse(f"{one.path} eq 701984", resource_type.tree)
            assert matches(node, normalize_document(resource_type.attributes, document)), one.path


@pytest.mark.parametrize("value", [5, {"value": 5}, [{"value": 5}], [{"VALUE": 5, "$ref": "../Users/5"}]])
def test_the_id_of_a_manager_or_member_is_not_made_of_a_number(value: Any) -> None:
    for path in ("manager", f"{ENTERPRISE}:manager"):
        with pytest.raises(ScimError) as refused:
            apply(USER, {}, [Operation("replace", path, value)])
        assert refused.value.scim_type == "invalidValue"
    posted = {"userName": "ada", "manager": value, ENTERPRISE: {"costCenter": "1"}}
    with pytest.raises(ScimError, match="manager"):
        USER.load(correct_document(USER.tree, posted))
    with pytest.raises(ScimError, match="members"):
        GROUP.load(correct_document(GROUP.tree, {"displayName": "x", "members": value}))


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES, ids=lambda one: one.name)
def test_a_value_beside_the_address_of_a_resource_is_its_id(resource_type: ResourceType) -> None:
    """RFC 7643 §2.4; of the attributes that a client may write."""
    for one in resource_type.tree.walk():
        value, ref = (one.sub_attributes.get(name) for name in ("value", "$ref"))
        if value and ref and not one.is_read_only and not set(ref.traits.reference_types) <= {"external", "uri"}:
            assert value.is_reference and value.is_identifying and ref.is_reference, one.path
    assert not any(one.is_reference for one in resource_type.tree.walk() if one.name in NO_REFERENCES)


@pytest.mark.parametrize("value", [1.5, True, 1e3, {}, [1, 2]])
def test_what_is_no_integer_is_no_text(value: Any) -> None:
    for resource_type, name in ((USER, "title"), (GROUP, "externalId")):
        with pytest.raises(ScimError, match=f"{name}: expected text"):
            resource_type.load({"userName": "ada", "displayName": "x", name: value})


def test_no_date_and_no_address_is_made_of_a_number() -> None:
    with pytest.raises(ScimError, match="profileUrl: expected text, got 5"):
        USER.load({"userName": "ada", "profileUrl": 5})
    with pytest.raises(ScimError, match="expected a text in double quotes, got 5"):
        parse("meta.created gt 5", USER.tree)


def test_null_is_no_spelling() -> None:
    assert isinstance(parse("whole eq null", MEASURE.tree), Not)
    assert isinstance(parse('whole eq "8"', MEASURE.tree), Compare)


OBJECTS = [{"value": "a"}, {"Value": "b", "type": "x"}, "a", {"value": None}]


@pytest.mark.parametrize(
    ("given", "operation", "texts"),
    [
        ({}, Operation("add", "texts", OBJECTS), ["a", "b"]),
        ({}, Operation("replace", "texts", OBJECTS), ["a", "b"]),
        ({}, Operation("add", None, {"texts": OBJECTS}), ["a", "b"]),
        ({"texts": ["c"]}, Operation("add", "texts", {"value": "a"}), ["c", "a"]),
        ({"texts": ["a", "b", "c"]}, Operation("remove", "texts", OBJECTS), ["c"]),
    ],
)
def test_a_list_of_texts_may_come_as_objects(given: dict[str, Any], operation: Operation, texts: list[str]) -> None:
    document, _ = apply(MEASURE, MEASURE.load(given), [operation])
    assert MEASURE.load(document)["texts"] == texts


def test_a_posted_list_of_simple_values_may_come_as_objects() -> None:
    body = {"texts": OBJECTS, "wholes": [{"value": "1"}, {"value": 2}]}
    assert MEASURE.load(correct_document(MEASURE.tree, body)) == {
        "schemas": [MeasureSchema.urn], "wholes": [1, 2], "texts": ["a", "b"],
    }  # fmt: skip
    for wrong in ([None], "a", [{"type": "a"}]):
        with pytest.raises(ScimError, match="texts"):
            MEASURE.load(correct_document(MEASURE.tree, {"texts": wrong}))


def test_replace_makes_a_value_of_a_list_of_ones_own() -> None:
    assert patched('steps[value eq "a" and height eq "4"].height', "4") == {"steps": [{"value": "a", "height": 4}]}
    assert patched('steps[value eq "a"]', [{"height": 2}]) == {"steps": [{"value": "a", "height": 2}]}


class PartSchema(ScimSchema):
    type = attribute(Text, "Its kind")
    primary = attribute(Flag, "Whether it is the preferred one")


class ThingSchema(ResourceSchema):
    urn = "urn:example:2.0:Thing"
    schema_name = "Thing"

    parts = attribute(Complex, "What it has", PartSchema, many=True)


def test_a_type_may_be_all_that_a_value_of_ones_own_says() -> None:
    things = ResourceType("Thing", "/Things", "", ThingSchema)
    assert things.load({"parts": [{"type": "bike"}, {"primary": True}]})["parts"] == [{"type": "bike"}]
