"""Custom attributes of every type and characteristic over HTTP: where a built-in attribute lives, they live."""

from collections.abc import Callable
from typing import Any

import pytest

from app.scim import custom_schemas
from app.scim.filter_match import matches
from app.scim.grammar import parse
from tests.conftest import Appliance
from tests.custom.conftest import BADGE, CORE, EXTENSION, SCHEMAS, make, patch, resource
from tests.normalized import normalize_document

TEST = custom_schemas.read(SCHEMAS)[2]

FULL = {
    "caseExactString": "Grün",
    "caseInsensitiveString": "Äpfel",
    "integerAttr": -(2**63),
    "decimalAttr": 3.25,
    "booleanAttr": False,
    "dateTimeAttr": "2026-01-31T09:00:00.5+01:00",
    "binaryAttr": "aGVsbG8=",
    "referenceAttr": "https://example.com/x",
    "immutableAttr": "stone",
    "alwaysReturnedAttr": "always",
    "multiStrings": ["b", "a"],
    "multiIntegers": [3, 1, 2],
    "multiInstants": ["2026-01-31T09:00:00Z"],
    "complexAttr": {"sub1": "one", "sub2": 2, "sub3": True},
    "multiComplex": [{"value": "x", "type": "work", "primary": True, "weight": 4}, {"value": "y"}],
}


def get(custom: Appliance, made: dict[str, Any], query: str = "") -> dict[str, Any]:
    answer = custom.request("GET", f"/scim/TestResources/{made['id']}{query}")
    assert answer.status == 200, answer.text
    read: dict[str, Any] = answer.json
    return read


def test_every_type_comes_back_as_it_was_sent(custom: Appliance) -> None:
    made = make(custom, **FULL, extension={"extInteger": 2**63 - 1, "extString": "e"})
    for read in (made, get(custom, made)):
        assert {name: read[name] for name in FULL} == FULL
        assert read[EXTENSION] == {"extString": "e", "extRequired": "there", "extInteger": 2**63 - 1}
        assert read["schemas"] == [CORE, EXTENSION]
        assert read["meta"]["location"] == f"{custom.url}/scim/TestResources/{made['id']}"


def test_names_are_taken_in_any_letter_case_and_keep_their_own(custom: Appliance) -> None:
    made = make(custom, INTEGERATTR=1, complexattr={"SUB1": "x"})
    assert (made["integerAttr"], made["complexAttr"]) == (1, {"sub1": "x"})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("integerAttr", 1.5, "integerAttr: expected a whole number, got 1.5"),
        ("integerAttr", "1.5", 'integerAttr: expected a whole number, got "1.5"'),
        ("decimalAttr", "1,5", 'decimalAttr: expected a number, got "1,5"'),
        ("integerAttr", True, "integerAttr: expected a whole number"),
        ("integerAttr", 2**63, "fits 64 bits"),
        ("decimalAttr", "x", "decimalAttr: expected a number"),
        ("booleanAttr", 1, "booleanAttr: expected true or false"),
        ("dateTimeAttr", "yesterday", "dateTimeAttr: expected a dateTime"),
        ("dateTimeAttr", "2026-02-30T00:00:00Z", "dateTimeAttr: expected a dateTime that exists"),
        ("binaryAttr", "a?", "binaryAttr: expected base64"),
        ("referenceAttr", 5, "referenceAttr: expected text"),
        ("multiStrings", "a", "multiStrings: expected a list"),
        ("multiIntegers", [1, "x"], "multiIntegers[1]: expected a whole number"),
        ("multiIntegers", [1, None], "multiIntegers[1]: expected a whole number, got null"),
        ("multiStrings", ["x"] * 201, "multiStrings: expected at most 200 values"),
        ("complexAttr", {"sub2": "x"}, "complexAttr.sub2: expected a whole number"),
        ("complexAttr", "x", "complexAttr: expected an object"),
        ("identifier", None, "identifier: expected a value, got none"),
        (EXTENSION, None, f"{EXTENSION}:extRequired: expected a value, got none"),
        (EXTENSION, {"extString": "x"}, f"{EXTENSION}:extRequired: expected a value, got none"),
    ],
)
def test_a_wrong_value_is_refused(custom: Appliance, name: str, value: Any, told: str) -> None:
    answer = custom.request("POST", "/scim/TestResources", resource() | {name: value})
    assert (answer.status, answer.json["scimType"]) == (400, "invalidValue")
    assert told in answer.json["detail"]


def test_many_simple_values_are_kept_once(custom: Appliance) -> None:
    made = make(custom, multiStrings=["a", "b", "a", ""], multiIntegers=[])
    assert made["multiStrings"] == ["a", "b"]
    assert "multiIntegers" not in made


def test_read_only_values_are_ignored(custom: Appliance) -> None:
    made = make(custom, readOnlyAttr="mine")
    assert "readOnlyAttr" not in made
    answer = patch(custom, made, {"op": "add", "path": "readOnlyAttr", "value": "mine"})
    assert (answer.status, answer.json["scimType"]) == (400, "mutability")


def test_returned_decides_who_sees_a_value(custom: Appliance) -> None:
    made = make(
        custom,
        writeOnlyAttr="w", neverReturnedAttr="n", requestOnlyAttr="r", alwaysReturnedAttr="a",
        complexAttr={"sub1": "s", "secret": "t"}, extension={"extAlways": "e"},
    )  # fmt: skip
    names = ("writeOnlyAttr", "neverReturnedAttr", "requestOnlyAttr", "alwaysReturnedAttr")

    def seen(query: str = "") -> list[str]:
        return [name for name in names if name in get(custom, made, query)]

    assert [name for name in names if name in made] == ["alwaysReturnedAttr"]
    assert seen() == ["alwaysReturnedAttr"]
    assert seen("?attributes=requestOnlyAttr,writeOnlyAttr,neverReturnedAttr") == ["requestOnlyAttr", names[3]]
    assert seen("?excludedAttributes=alwaysReturnedAttr") == ["alwaysReturnedAttr"]
    assert get(custom, made, "?attributes=complexAttr")["complexAttr"] == {"sub1": "s"}
    assert "complexAttr" not in get(custom, made, "?attributes=complexAttr.secret")
    assert get(custom, made, "?attributes=identifier")[EXTENSION] == {"extAlways": "e"}
    assert get(custom, made, f"?excludedAttributes={EXTENSION}")[EXTENSION] == {"extAlways": "e"}
    assert get(custom, made, f"?attributes={EXTENSION}")[EXTENSION] == {"extRequired": "there", "extAlways": "e"}


@pytest.mark.parametrize("name", ["writeOnlyAttr", "neverReturnedAttr", "complexAttr.secret"])
def test_what_nobody_may_read_nobody_may_find(custom: Appliance, name: str) -> None:
    for query in (f"filter={name}%20pr", f"filter={name}%20sw%20%22w%22", f"sortBy={name}"):
        assert custom.request("GET", f"/scim/TestResources?{query}").status == 400, query


def test_write_only_values_stay_through_put_and_patch(custom: Appliance) -> None:
    made = make(custom, writeOnlyAttr="secret", complexAttr={"sub1": "s", "secret": "t"})
    sent = resource(identifier=made["identifier"])
    assert custom.request("PUT", f"/scim/TestResources/{made['id']}", sent).status == 200
    assert patch(custom, made, {"op": "replace", "path": "writeOnlyAttr", "value": "other"}).status == 200
    stored = rows(custom, "SELECT document FROM resource WHERE id = ?", made["id"])
    assert '"writeOnlyAttr":"other"' in stored[0][0]
    assert '"complexAttr":{"secret":"t"}' in stored[0][0]


def rows(custom: Appliance, statement: str, *values: str) -> list[tuple[Any, ...]]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(custom.data / "recnice.sqlite3")) as connection:
        return connection.execute(statement, values).fetchall()


def test_an_immutable_value_is_set_once(custom: Appliance) -> None:
    made = make(custom)
    where = f"/scim/TestResources/{made['id']}"
    assert patch(custom, made, {"op": "add", "path": "immutableAttr", "value": "stone"}).status == 200
    for operation in (
        {"op": "replace", "path": "immutableAttr", "value": "sand"},
        {"op": "remove", "path": "immutableAttr"},
        {"op": "replace", "value": {"immutableAttr": "sand"}},
    ):
        answer = patch(custom, made, operation)
        assert (answer.status, answer.json["scimType"]) == (400, "mutability"), operation
    same = {"op": "replace", "path": "immutableAttr", "value": "stone"}
    assert patch(custom, made, same).status == 200
    other = custom.request("PUT", where, resource(identifier=made["identifier"], immutableAttr="sand"))
    assert (other.status, other.json["scimType"]) == (400, "mutability")
    unsaid = custom.request("PUT", where, resource(identifier=made["identifier"]))
    assert (unsaid.status, unsaid.json["immutableAttr"]) == (200, "stone")


def test_an_immutable_part_is_set_once(custom: Appliance) -> None:
    made = make(custom, complexAttr={"sub1": "a", "fixed": "x"})
    for operation in (
        {"op": "replace", "path": "complexAttr.fixed", "value": "y"},
        {"op": "replace", "path": "complexAttr", "value": {"fixed": "y"}},
        {"op": "remove", "path": "complexAttr"},
    ):
        answer = patch(custom, made, operation)
        assert (answer.status, answer.json["scimType"]) == (400, "mutability"), operation
    assert patch(custom, made, {"op": "replace", "path": "complexAttr.sub1", "value": "b"}).status == 200


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("identifier", "Only-One", "Only-One"),
        ("uniqueString", "Once", "oNCE"),
        ("uniqueNumber", 12.0, 12),
        ("uniqueTags", ["p", "q"], ["x", "Q"]),
    ],
)
def test_a_unique_value_is_there_once(custom: Appliance, name: str, first: Any, second: Any) -> None:
    made = make(custom, **{name: first})
    answer = custom.request("POST", "/scim/TestResources", resource(**{name: second}))
    assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")
    named = second[-1] if isinstance(second, list) else second
    assert answer.json["detail"].startswith(f"{name}: ") and str(named) in answer.json["detail"]
    other = make(custom)
    assert patch(custom, other, {"op": "replace", "path": name, "value": second}).status == 409
    assert custom.request("DELETE", f"/scim/TestResources/{made['id']}").status == 204
    assert patch(custom, other, {"op": "replace", "path": name, "value": second}).status == 200


FILTERS = [
    ("integerAttr gt 9007199254740992", [1]),
    ("integerAttr le -5", [0]),
    ("integerAttr eq -5.0", [0]),
    ("decimalAttr ge 0.25 and decimalAttr lt 1", [0]),
    ("decimalAttr eq 7", [1]),
    ("booleanAttr eq true", [0]),
    ("booleanAttr ne true", [1]),
    ('dateTimeAttr eq "2026-01-31T08:00:00.500Z"', [0]),
    ('dateTimeAttr gt "2026-02-01T00:00:00+14:00"', [1]),
    ('binaryAttr eq "aGVsbG8="', [0]),
    ('referenceAttr sw "https://"', [0]),
    ('caseExactString eq "ab"', []),
    ('caseExactString co "B"', [0]),
    ('caseInsensitiveString eq "ÄPFEL"', [0]),
    ('requestOnlyAttr eq "r"', [0]),
    ('multiStrings eq "B"', [0]),
    ('multiStrings co "c"', [1]),
    ("multiIntegers gt 3", [1]),
    ('multiInstants ge "2027-01-01T00:00:00Z"', [1]),
    ("multiStrings pr", [0, 1]),
    ("not (multiIntegers pr)", [0]),
    ('complexAttr.sub1 eq "ONE" and complexAttr[sub2 ge 2]', [0]),
    ('multiComplex[type eq "work" and weight gt 3]', [0]),
    ('multiComplex eq "y"', [1]),
    (f"{EXTENSION}:extInteger lt 5", [0]),
    (f"{CORE}:integerAttr eq -5", [0]),
    ("uniqueNumber eq 1e3", [1]),
    ('uniqueTags eq "T1"', [0]),
]


PAIR: tuple[dict[str, Any], ...] = (
    {
        "integerAttr": -5, "decimalAttr": 0.5, "booleanAttr": True, "dateTimeAttr": "2026-01-31T09:00:00.5+01:00",
        "binaryAttr": "aGVsbG8=", "referenceAttr": "https://example.com/x", "caseExactString": "aB",
        "caseInsensitiveString": "äpfel", "requestOnlyAttr": "r", "multiStrings": ["a", "b"],
        "complexAttr": {"sub1": "one", "sub2": 2}, "multiComplex": [{"value": "x", "type": "work", "weight": 4}],
        "uniqueTags": ["t1"], "extension": {"extInteger": 4},
    },
    {
        "integerAttr": 2**53 + 1, "decimalAttr": 7.0, "booleanAttr": False, "dateTimeAttr": "2026-02-01T00:00:00Z",
        "multiStrings": ["cd"], "multiIntegers": [1, 9], "multiInstants": ["2027-05-01T00:00:00Z"],
        "multiComplex": [{"value": "y", "weight": 9}], "uniqueNumber": 1000, "extension": {"extInteger": 6},
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def pair(custom: Appliance) -> list[str]:
    """The identifiers of two resources that filters tell apart."""
    return [make(custom, **values)["identifier"] for values in PAIR]


@pytest.mark.parametrize(("where", "expected"), FILTERS, ids=[where for where, _ in FILTERS])
def test_filters_in_memory(where: str, expected: list[int]) -> None:
    folded = [normalize_document(TEST.attributes, TEST.load(resource(**values))) for values in PAIR]
    assert [number for number in (0, 1) if matches(parse(where, TEST.tree), folded[number])] == expected


@pytest.mark.parametrize(("where", "expected"), FILTERS, ids=[where for where, _ in FILTERS])
def test_filters(pair: list[str], found: Callable[..., list[str]], where: str, expected: list[int]) -> None:
    ours = f'(identifier eq "{pair[0]}" or identifier eq "{pair[1]}")'
    assert found(f"{ours} and {where}") == [pair[number] for number in expected]
    assert set(found(where)) & set(pair) == {pair[number] for number in expected}


@pytest.mark.parametrize(
    "where",
    [
        "booleanAttr gt true",
        'binaryAttr co "a"',
        'integerAttr sw "1"',
        'integerAttr eq "1_0"',
        "integerAttr eq 99999999999999999999",
        'dateTimeAttr eq "soon"',
        'multiStrings[value eq "a"]',
    ],
)
def test_filters_that_make_no_sense(custom: Appliance, where: str) -> None:
    from urllib.parse import quote

    answer = custom.request("GET", f"/scim/TestResources?filter={quote(where)}")
    assert (answer.status, answer.json["scimType"]) == (400, "invalidFilter")


@pytest.mark.parametrize(
    "name", ["integerAttr", "decimalAttr", "dateTimeAttr", "multiStrings", "multiComplex", f"{EXTENSION}:extInteger"]
)
def test_sort(pair: list[str], found: Callable[..., list[str]], name: str) -> None:
    ours = f'identifier eq "{pair[0]}" or identifier eq "{pair[1]}"'
    assert found(ours, sortBy=name) == pair
    assert found(ours, sortBy=name, sortOrder="descending") == pair[::-1]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "multiStrings", "value": ["b", "c"]}, ["a", "b", "c"]),
        ({"op": "add", "path": "multiStrings", "value": "c"}, ["a", "b", "c"]),
        ({"op": "add", "value": {"multiStrings": ["c", "c"]}}, ["a", "b", "c"]),
        ({"op": "add", "value": {f"{CORE}:multiStrings": ["c"]}}, ["a", "b", "c"]),
        ({"op": "replace", "path": "multiStrings", "value": ["z", "z"]}, ["z"]),
        ({"op": "remove", "path": "multiStrings", "value": ["A", "nobody"]}, ["b"]),
        ({"op": "remove", "path": "multiStrings", "value": "b"}, ["a"]),
        ({"op": "remove", "path": "multiStrings"}, None),
        ({"op": "replace", "path": "multiStrings", "value": []}, None),
        ({"op": "replace", "path": "multiStrings", "value": None}, None),
    ],
)
def test_patch_of_many_simple_values(custom: Appliance, operation: dict[str, Any], expected: Any) -> None:
    answer = patch(custom, make(custom, multiStrings=["a", "b"]), operation)
    assert (answer.status, answer.json.get("multiStrings")) == (200, expected)


@pytest.mark.parametrize(
    ("operation", "status", "scim_type"),
    [
        ({"op": "remove", "path": 'multiStrings[value eq "a"]'}, 400, "invalidFilter"),
        ({"op": "add", "path": "multiIntegers", "value": ["x"]}, 400, "invalidValue"),
        ({"op": "remove", "path": "identifier"}, 400, "mutability"),
        ({"op": "remove", "path": EXTENSION}, 400, "mutability"),
        ({"op": "remove", "path": f"{EXTENSION}:extRequired"}, 400, "mutability"),
        ({"op": "replace", "path": "integerAttr", "value": "5x"}, 400, "invalidValue"),
    ],
)
def test_patches_that_are_refused(custom: Appliance, operation: dict[str, Any], status: int, scim_type: str) -> None:
    answer = patch(custom, make(custom, multiStrings=["a"]), operation)
    assert (answer.status, answer.json["scimType"]) == (status, scim_type)


def test_patch_of_complex_values(custom: Appliance) -> None:
    made = make(custom, multiComplex=[{"value": "x", "type": "work", "primary": True}, {"value": "y", "type": "home"}])
    changed = patch(
        custom,
        made,
        {"op": "replace", "path": 'multiComplex[type eq "home"].weight', "value": 7},
        {"op": "add", "path": "multiComplex", "value": [{"value": "z", "primary": True}]},
        {"op": "add", "path": "complexAttr.sub3", "value": "True"},
        {"op": "replace", "path": f"{EXTENSION}:extInteger", "value": 8},
    ).json
    assert changed["multiComplex"] == [
        {"value": "x", "type": "work", "primary": False},
        {"value": "y", "type": "home", "weight": 7},
        {"value": "z", "primary": True},
    ]
    assert (changed["complexAttr"], changed[EXTENSION]["extInteger"]) == ({"sub3": True}, 8)


def test_a_patch_that_changes_nothing_leaves_the_version_alone(custom: Appliance) -> None:
    made = make(custom, **FULL)
    again = [{"op": "replace", "path": name, "value": value} for name, value in FULL.items()]
    answer = patch(custom, made, *again)
    assert (answer.status, answer.json["meta"]) == (200, made["meta"])


def test_a_user_carries_an_extension_of_ones_own(custom: Appliance) -> None:
    badge = {"badgeNumber": 7, "site": "Leeds", "doors": ["n", "s"], "lockers": [{"value": "l", "floor": 2}]}
    user = custom.request("POST", "/scim/Users", {"schemas": [BADGE], "userName": "eva@example.com", BADGE: badge})
    assert user.status == 201, user.text
    badge["Site"] = badge.pop("site")
    assert user.json[BADGE] == badge
    assert BADGE in user.json["schemas"]
    twin = custom.request("POST", "/scim/Users", {"userName": "ben@example.com", BADGE: {"badgeNumber": 7}})
    assert (twin.status, twin.json["detail"]) == (
        409, f"{BADGE}:badgeNumber: expected a value that no other resource has, got 7"
    )  # fmt: skip
    listed = custom.request("GET", f"/scim/Users?filter={BADGE}:lockers[floor%20gt%201]&attributes={BADGE}:site")
    assert [one[BADGE] for one in listed.json["Resources"]] == [{"Site": "Leeds"}]


def test_a_custom_resource_is_no_member_of_a_group(custom: Appliance) -> None:
    made = make(custom)
    group = {"displayName": "Readers", "members": [{"value": made["id"]}]}
    answer = custom.request("POST", "/scim/Groups", group)
    assert (answer.status, answer.json["members"]) == (201, [{"value": made["id"]}])


def test_discovery_tells_of_them(custom: Appliance) -> None:
    types = {one["name"]: one for one in custom.request("GET", "/scim/ResourceTypes").json["Resources"]}
    assert list(types) == ["User", "Group", "TestResource"]
    assert types["TestResource"]["schemaExtensions"] == [{"schema": EXTENSION, "required": True}]
    assert {"schema": BADGE, "required": False} in types["User"]["schemaExtensions"]
    schemas = {one["id"]: one for one in custom.request("GET", "/scim/Schemas").json["Resources"]}
    told = {one["name"]: one for one in schemas[CORE]["attributes"]}
    assert told["writeOnlyAttr"] == {
        "name": "writeOnlyAttr", "type": "string", "multiValued": False, "description": "The writeOnlyAttr",
        "required": False, "caseExact": False, "mutability": "writeOnly", "returned": "never", "uniqueness": "none",
    }  # fmt: skip
    assert told["multiIntegers"]["type"] == "integer" and told["multiIntegers"]["multiValued"] is True
    assert told["uniqueString"]["uniqueness"] == "global"
    assert told["referenceAttr"]["referenceTypes"] == ["external"]
    assert told["multiComplex"]["subAttributes"][1]["canonicalValues"] == ["work", "home"]
    assert [one["name"] for one in schemas[BADGE]["attributes"]] == [
        "badgeNumber", "Site", "doors", "validUntil", "lockers"
    ]  # fmt: skip


def test_the_schema_command_shows_them(custom: Appliance) -> None:
    printed = custom.command("schema").stdout
    assert "TestResource multiComplex.weight" in printed and f"User {BADGE}:Site" in printed
