"""The review of the schema file that Entra exports: what it finds in good, poor and foreign files."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import bounds
from app.observation.attributes.mapping_review import Review, UnreadableSchemaError, review
from app.observation.attributes.usual_entra_mapping import USUAL_SOURCES
from app.scim.recnice_mapping import MAPPING
from app.scim.resource_types import RESOURCE_TYPES
from tests.conftest import ROOT

FILES = ROOT / "tests" / "vectors" / "entra_schemas"
Said = set[tuple[str, str, str]]


def reviewed(name: str) -> Review:
    return review((FILES / f"{name}.json").read_bytes(), RESOURCE_TYPES)


def said(found: Review) -> Said:
    """Type, level and path of all findings but the notes about roles, which stand in every file."""
    return {
        (one.resource_type, finding.level, finding.path)
        for one in found.mappings
        for finding in one.all_findings
        if (finding.level, finding.path) != ("note", "roles")
    }


def changed(source: dict[str, Any] | None = None, target: str = "active", **more: Any) -> Review:
    """The good file with one line of users changed."""
    given = json.loads((FILES / "good.json").read_text(encoding="utf-8"))
    users = given["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"]
    line = next(one for one in users if one["targetAttributeName"] == target)
    line.update(more | ({"source": source} if source is not None else {}))
    return review(json.dumps(given).encode(), RESOURCE_TYPES)


def test_a_good_mapping_has_nothing_to_mend():
    found = reviewed("good")
    assert said(found) == set()
    for one in found.mappings:
        sources = {row.mapped.path: [line.mapping.source for line in row.lines] for row in one.rows}
        assert sources == {path: [source] for path, source in USUAL_SOURCES[one.resource_type].items()}
        assert sources.keys() == {mapped.path for mapped in MAPPING[one.resource_type]}
    users = found.mappings[0]
    assert [line.mapping.target for line in users.beside] == [
        'phoneNumbers[type eq "work"].value',
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    ]
    assert not users.unknown


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        ("nickname", {("User", "warning", "externalId")}),
        ("additive_roles", {("User", "warning", "roles")}),
        ("twins", {("User", "wrong", "title"), ("User", "wrong", "roles")}),
        ("groups_off", {("User", "warning", ""), ("Group", "note", "")}),
        (
            "poor",
            {
                ("User", "warning", ""),
                ("User", "wrong", "id"),
                ("User", "wrong", "active"),
                ("User", "warning", "title"),
                ("User", "warning", 'emails[type eq "work"].value'),
                ("User", "warning", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
                ("User", "warning", "name.givenName"),
                ("User", "note", 'addresses[type eq "work"].country'),
            },
        ),
    ],
)
def test_what_is_wrong_is_found_and_nothing_else(name: str, findings: Said):
    assert said(reviewed(name)) == findings


def test_what_is_not_kept_is_listed():
    assert [line.mapping.target for line in reviewed("poor").mappings[0].unknown] == ["badgeColour"]


@pytest.mark.parametrize(
    ("expression", "level"),
    [
        ('Switch([IsSoftDeleted], , "False", "True", "True", "False")', None),
        ('switch([issoftdeleted],"True","False","True","True","False")', None),
        ("Not([IsSoftDeleted])", None),
        ('Switch([IsSoftDeleted], , "False", "False", "True", "True")', "wrong"),
        ('IIF([IsSoftDeleted]="True", "False", "True")', "note"),
        ("[accountEnabled]", "warning"),
        ("[IsSoftDeleted]", "wrong"),
    ],
)
def test_the_direction_of_active_is_judged(expression: str, level: str | None):
    is_lone = expression.startswith("[")
    source = {"expression": expression, "name": expression, "type": "Attribute" if is_lone else "Function"}
    assert said(changed(source)) == ({("User", level, "active")} if level else set())


def test_a_constant_where_values_must_be_unique_is_wrong():
    constant = {"expression": '"everybody"', "name": "everybody", "type": "Constant"}
    assert ("User", "wrong", "userName") in said(changed(constant, "userName"))
    assert ("User", "wrong", "userName") in said(changed(None, "userName", defaultValue="nobody"))
    assert said(changed(None, "title", defaultValue="Staff")) == set()


def test_matching_on_what_is_not_kept_or_on_nothing_is_wrong():
    assert said(changed(None, "userName", matchingPriority=0)) == {("User", "wrong", "")}
    moved = said(changed(None, "userName", targetAttributeName="badge"))
    assert {("User", "wrong", ""), ("User", "wrong", "userName")} <= moved


def test_a_template_and_other_ways_of_writing_are_read():
    given = json.loads((FILES / "nickname.json").read_text(encoding="utf-8"))
    pascal = json.dumps(given).replace('"synchronizationRules"', '"SynchronizationRules"').replace('"name"', '"Name"')
    for content in (
        json.dumps({"id": "x", "schema": given}).encode(),
        json.dumps({"value": [{"id": "x", "schema": given}]}).encode(),
        pascal.encode(),
        json.dumps(given).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(given).encode(),
    ):
        assert said(review(content, RESOURCE_TYPES)) == {("User", "warning", "externalId")}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"  \n", b"{", b"PK\x03\x04\xff\xfe\x00", b"\xff\xfe\x00", b"<html></html>", b"null", b"[]", b"[[[]]]",
        b"7", b'"x"', b"{}", b'{"synchronizationRules": {}}', b'{"synchronizationRules": []}', b"[" * 100_000,
        b'{"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "Device"}]}]}',
        (FILES / "foreign.json").read_bytes(),
    ],
)  # fmt: skip
def test_what_is_no_provisioning_schema_gets_one_sentence(content: bytes):
    with pytest.raises(UnreadableSchemaError) as caught:
        review(content, RESOURCE_TYPES)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}, [None, 1, {"source": 3}], {"a": "b"}, True])
def test_odd_values_anywhere_do_no_harm(odd: Any):
    given = json.loads((FILES / "good.json").read_text(encoding="utf-8"))
    mapping = given["synchronizationRules"][0]["objectMappings"][1]
    line = mapping["attributeMappings"][0]
    for place, name in [(mapping, name) for name in mapping if name != "sourceObjectName"] + [(line, n) for n in line]:
        kept, place[name] = place[name], odd
        assert review(json.dumps(given).encode(), RESOURCE_TYPES).mappings
        place[name] = kept


def test_a_huge_file_is_read_within_bounds():
    line = {"targetAttributeName": "x" * 10_000, "source": {"expression": "[" + "y" * 10_000}}
    mapping = {"sourceObjectName": "User", "attributeMappings": [line] * 3_000}
    found = review(json.dumps({"synchronizationRules": [{"objectMappings": [mapping]}]}).encode(), RESOURCE_TYPES)
    unknown = found.mappings[0].unknown
    assert len(unknown) == bounds.REVIEWED_MAPPINGS
    assert max(len(one.mapping.source) for one in unknown) == bounds.REVIEWED_TEXT_LENGTH


def test_every_example_is_used():
    names = {path.stem for path in Path(FILES).iterdir()}
    assert names == {"good", "nickname", "additive_roles", "twins", "groups_off", "poor", "foreign"}
