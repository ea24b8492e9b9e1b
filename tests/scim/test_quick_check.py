"""What is accepted quickly is exactly what marshmallow makes of it: the same verdict, values and order.

The same documents are tried in every run; `make fuzz` tries others for a minute.
"""

import copy
import inspect
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from marshmallow import ValidationError

from app import bounds
from app.scim import custom_schemas
from app.scim.attribute import Attribute
from app.scim.data_types import ReadableIdentifier, Text, UnresolvedReference
from app.scim.errors import ScimError
from app.scim.resource_types import RESOURCE_TYPES, USER, ResourceType
from tests.examples import examples

FUZZ_S = float(os.environ.get("RECNICE_FUZZ_S", "0"))
TYPES = {
    **{one.name: one for one in RESOURCE_TYPES},
    **{
        f"Own{one.name}": one
        for one in custom_schemas.read(Path(__file__).parent.parent / "custom" / "schemas")
        if one.name != "Group"
    },
}

TEXTS = (
    "ada",
    "Ada",
    "work",
    "home",
    "mobile",
    "User",
    "Straße 1\nRaum 5",
    "a@x.example",
    "É",
    "E\u0301",
    "a\xa0b",
    "😀",
)
SIMPLE: dict[str, tuple[Any, ...]] = {
    "string": TEXTS,
    "reference": ("https://x.example/a", "../Users/u1", "urn:x"),
    "boolean": (True, False),
    "integer": (0, 1, -5, 2**63 - 1),
    "decimal": (0, 1, 1.0, 2.5, -0.0),
    "dateTime": ("2026-01-31T08:00:00Z", "2026-01-31T09:00:00+01:00", "2026-01-31T08:00:00.123Z"),
    "binary": ("QUJD", "-_+/", "QUI"),
}
LENGTHS = (bounds.USER_NAME_LENGTH, bounds.TEXT_LENGTH, bounds.REFERENCE_LENGTH, bounds.FORMATTED_ADDRESS_LENGTH)
ODD: tuple[Any, ...] = (
    None, "", [], {}, 0, 1, 1.0, -1, 2**63, -(2**63) - 1, 10**400, 2.5, float("nan"), float("inf"), True, False,
    "True", "false", "1", "2.5", "-0", "\x00", "a\tb", "a\nb", "a\x7f", "\x85", "\ud800", "\u202eada", "\u2028",
    " ", "\u3000", " a ", "{", "a{b}", '{"value":"Editor"}', '\u3000{"id":"1","value":"Editor","primary":true}', "[]",
    "2026-02-30T08:00:00Z", "QUJ", "bulkId:ada", UnresolvedReference("bulkId:ada"), [None], [[]], [{}], [""], ["a"],
    ["a", "a"], [1, True, 1.0], [{"value": "a"}], [{"value": "a"}, {"value": "a", "type": None}], {"value": "a"},
    {"value": None}, {"value": {}}, {"Value": "a"}, {"type": "work"}, {"primary": True},
    [{"type": "work", "value": ""}], [{"primary": True, "value": "a"}, {"primary": True, "value": "b"}],
    [{"value": '{"value":"E"}'}],
    *("x" * length for length in LENGTHS), *("x" * (length + 1) for length in LENGTHS),
)  # fmt: skip
MORE = ("department", "name.givenName", "value", "$ref", "groups", "id", "meta", "active.value", "$.active", "unknown",
        "", USER.schema.urn, f"{USER.extensions[0].urn}:department", USER.extensions[0].urn)  # fmt: skip


class Chance(random.Random):
    """A source of documents: one half is valid, in the other something is odd."""

    def document(self, resource_type: ResourceType) -> dict[str, Any]:
        document = self.object(resource_type.attributes)
        document["schemas"] = [resource_type.schema.urn]
        if self.random() < 0.5:
            for _ in range(self.choice((1, 1, 1, 2))):
                self.spoil(document)
        return document

    def object(self, attributes: tuple[Attribute, ...]) -> dict[str, Any]:
        always = (one.required or one.is_extension or one.name == "value" for one in attributes)
        chosen = [one for one, is_chosen in zip(attributes, always, strict=True) if is_chosen or self.random() < 0.4]
        self.shuffle(chosen)
        return {one.name: self.values(one) for one in chosen}

    def values(self, attribute: Attribute) -> Any:
        if attribute.multi_valued:
            return [self.one(attribute) for _ in range(self.choice((0, 1, 1, 2, 3)))]
        return self.one(attribute)

    def one(self, attribute: Attribute) -> Any:
        if attribute.type == "complex":
            return self.object(tuple(attribute.sub_attributes.values()))
        return self.choice(SIMPLE[attribute.type])

    def spoil(self, document: dict[str, Any]) -> None:
        """Make one place of a document odd."""
        container = self.choice(list(containers(document)))
        if isinstance(container, list):
            self.spoil_list(container)
            return
        name = self.choice(list(container) or ["value"])
        match self.randrange(7):
            case 0:
                container[self.choice((name.upper(), name.lower(), name.swapcase()))] = container.pop(name, "a")
            case 1:
                container[name.title()] = container.get(name)
            case 2:
                container[self.choice(MORE)] = self.odd()
            case 3:
                container.pop(name, None)
            case 4:
                important = (one for one in ("value", "userName", "displayName") if one in container)
                container[next(important, name)] = self.choice((" ", '{"value":"Editor"}'))
            case _:
                container[name] = self.odd()

    def mixed(
        self, attributes: Iterable[Attribute], before: dict[str, Any], document: dict[str, Any]
    ) -> dict[str, Any]:
        """A stored object with some values of another one, as a PATCH makes it: under the names of writable ones."""
        mixed = dict(before)
        for attribute in attributes:
            one, other = before.get(attribute.name), document.get(attribute.name)
            if attribute.is_extension:
                parts = other if isinstance(other, dict) else {}
                mixed[attribute.name] = self.mixed(attribute.sub_attributes.values(), one or {}, parts)
            elif not attribute.is_read_only and attribute.name != "schemas" and self.random() < 0.3:
                mixed[attribute.name] = other
        return {name: value for name, value in mixed.items() if value is not None}

    def odd(self) -> Any:
        return copy.deepcopy(self.choice(ODD))

    def spoil_list(self, values: list[Any]) -> None:
        match self.randrange(5):
            case 0:
                values.append(self.odd())
            case 1:
                values *= 2
            case 2:
                values[:] = (values or ["x"]) * (bounds.VALUES_PER_ATTRIBUTE + self.randrange(2))
                del values[bounds.VALUES_PER_ATTRIBUTE + self.randrange(2) :]
            case _:
                for one in values:
                    if isinstance(one, dict):
                        one["primary"] = self.choice((True, True, False, "True", None))


def containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from containers(inner)


def without_accept(resource_type: ResourceType) -> ResourceType:
    """The same type, all of whose documents marshmallow judges."""
    reference = replace(resource_type)
    reference.__dict__["_accept"] = lambda document: None
    return reference


def judged(reference: ResourceType, document: Any, before: dict[str, Any] | None) -> str:
    """What marshmallow makes of a document that was sent, or of a patched one. As text: `1`, `1.0` and True differ."""
    try:
        return repr(reference.load(document, before) if before else reference.load_sent(document))
    except ScimError as refused:
        return f"refused: {refused}"


@pytest.mark.parametrize("name", TYPES)
def test_what_is_accepted_is_what_marshmallow_makes_of_it(name: str) -> None:
    resource_type = TYPES[name]
    reference = without_accept(resource_type)
    chance = Chance(name if not FUZZ_S else None)
    end = time.monotonic() + FUZZ_S
    tried = accepted = 0
    before: dict[str, Any] | None = None
    while time.monotonic() < end if FUZZ_S else tried < examples(750):
        document = chance.document(resource_type)
        sent = repr(document)
        taken = resource_type._accept(document)
        tried += 1
        if taken is not None:
            assert repr(taken) == judged(reference, document, before if tried % 2 else None), sent
            accepted += 1
            before = taken
        assert repr(document) == sent, "what was sent is not changed"
    print(f"{name}: {accepted} of {tried} accepted")
    assert accepted >= tried / 2, "a test of little, if little is accepted"


@pytest.mark.parametrize("name", TYPES)
def test_changed_values_are_loaded_as_with_the_whole_document(name: str) -> None:
    resource_type = TYPES[name]
    chance = Chance(name if not FUZZ_S else None)
    end = time.monotonic() + FUZZ_S
    tried = accepted = 0
    before: dict[str, Any] = {}
    while time.monotonic() < end if FUZZ_S else tried < examples(500):
        document = chance.document(resource_type)
        if not before or chance.random() < 0.1:
            before = resource_type._accept(document) or before
            continue
        tried += 1
        changed = chance.mixed(resource_type.attributes, before, document)
        try:
            whole = resource_type.load(changed, before)
        except ScimError as refused:
            with pytest.raises(ScimError, match=re.escape(str(refused))):
                resource_type.load_changed(changed, before)
            continue
        part = resource_type.load_changed(changed, before)
        assert json.dumps(part) == json.dumps(whole), (before, changed)
        before, accepted = part, accepted + 1
    assert accepted >= tried / 3


def test_two_values_that_are_the_same_become_one_with_its_parts_in_declared_order() -> None:
    emails = [{"value": "a@x", "display": "A", "type": "work"}, {"value": "a@x", "type": "work", "primary": True}]
    for document in ({"userName": "ada", "emails": emails}, {"USERNAME": "ada", "emails": emails}):
        (email,) = USER.load(document)["emails"]
        assert list(email.items()) == [("value", "a@x"), ("display", "A"), ("type", "work"), ("primary", True)]


def test_a_stored_value_refuses_no_change_of_another_one() -> None:
    before = {"schemas": [USER.schema.urn], "id": "1", "userName": "ada", "title": "x" * (bounds.TEXT_LENGTH + 1)}
    assert USER.load_changed({**before, "displayName": "Ada"}, before)["title"] == before["title"]
    with pytest.raises(ScimError, match="title: expected at most"):
        USER.load_changed({**before, "title": before["title"] + "x"}, before)


def test_a_later_requirement_of_an_extension_refuses_no_change_of_its_other_values() -> None:
    own = TYPES["OwnTestResource"]
    (extension,) = (one.urn for one in own.extensions)
    lenient = replace(own, required_extensions=frozenset())
    long = "x" * (bounds.TEXT_LENGTH + 1)
    before = {"schemas": [own.schema.urn, extension], "id": "1", "identifier": "i", "caseExactString": long}
    stored = before | {extension: {"extString": "a"}}
    for changes in ({"extString": "b"}, {"extString": "a", "extInteger": 1}):
        changed = own.load_changed({**stored, extension: changes}, stored)
        assert changed == stored | {extension: changes}, "the required value was missing before"
        short = {name: value for name, value in stored.items() if name not in ("caseExactString", "id")}
        assert own.load(short | {extension: changes}, short) == short | {extension: changes}
    with_required = stored | {extension: {"extString": "a", "extRequired": "r"}}
    bare = {name: value for name, value in with_required.items() if name != extension}
    gone = lenient.load_changed(bare, with_required)
    assert gone == bare | {"schemas": [own.schema.urn]}
    for document, earlier in (
        ({**with_required, extension: {"extString": "a"}}, with_required),  # it was there
        (bare, with_required),  # the whole extension is required
        (stored, bare),  # a new extension
    ):
        with pytest.raises(ScimError, match="extRequired: expected a value|caseExactString: expected at most"):
            own.load_changed(document, earlier)
    switch = replace(own.tree.core["booleanattr"], required=True)
    with pytest.raises(ValidationError):
        own._load_value(switch, None, False)  # false is a value


@pytest.mark.parametrize("name", TYPES)
def test_a_single_value_is_checked_as_by_its_field(name: str) -> None:
    chance = Chance(name)
    for attribute in TYPES[name].tree.walk():
        if attribute.is_extension:
            continue
        field = inspect.getclosurevars(attribute.check).nonlocals["field"]
        values = [chance.values(attribute) for _ in range(10)]
        for value in (*values, *ODD):
            sent = copy.deepcopy(value)
            chance.spoil({"value": sent})
            assert outcome(attribute.check, sent) == outcome(field.deserialize, sent), (attribute.path, sent)


def outcome(check: Callable[[Any], Any], value: Any) -> str:
    try:
        return repr(check(value))
    except ValidationError as error:
        return f"refused: {error.messages}"


def test_what_is_accepted_shares_nothing_with_what_was_sent() -> None:
    document = {"userName": "ada", "name": {"givenName": "Ada"}, "emails": [{"value": "a@x.example"}]}
    taken = USER._accept(document)
    assert taken is not None
    assert not {id(one) for one in containers(taken)} & {id(one) for one in containers(document)}


@pytest.mark.parametrize("kind", [Text, ReadableIdentifier])
def test_what_can_be_printed_is_not_forbidden(kind: type[Text]) -> None:
    printable = "".join(filter(str.isprintable, map(chr, range(0x110000))))
    assert not kind.forbidden.search(printable)
