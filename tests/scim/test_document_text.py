"""The name that is read from the text of a document is the name of the parsed document."""

import random
from typing import Any

import pytest

from app.scim.document_text import name_in
from app.scim.projection import compact
from app.scim.resource_types import name_of
from tests.examples import examples

ID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
TEXTS = ("Ada", "", '"', "\\", '\\"', '{"', '"}],', 'x","displayName":"y', "\u00e9\U0001f600", "a" * 300, "\n", "]}{[")
NAMES = (
    "schemas",
    "externalId",
    "displayName",
    "userName",
    "name",
    "roles",
    "active",
    "urn:a:b:2.0:User",
    "displayNames",
)


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(7 if depth < 3 else 5)
    if kind < 3:
        return chance.choice(TEXTS)
    if kind < 5:
        return chance.choice((True, False, 0, -1.5e300, 12))
    if kind == 5:
        return [value(chance, depth + 1) for _ in range(chance.randrange(3))]
    return {name: value(chance, depth + 1) for name in chance.sample(NAMES, chance.randrange(4))}


def test_the_name_in_a_text_is_that_of_the_document() -> None:
    chance = random.Random(5)
    for _ in range(examples(5_000)):
        document: dict[str, Any] = {name: value(chance) for name in chance.sample(NAMES, chance.randrange(7))}
        place = chance.randrange(len(document) + 1)
        document = dict([*list(document.items())[:place], ("id", ID), *list(document.items())[place:]])
        assert name_in(compact(document)) == name_of(document), document


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"id": ID, "userName": "ada", "name": {"givenName": "A"}, "displayName": 'Ada "L"'}, 'Ada "L"'),
        ({"id": ID, "userName": "ada", "roles": [{"displayName": "Admin"}]}, "ada"),
        ({"id": ID, "userName": "ada", "manager": {"displayName": "Boss"}}, "ada"),
        ({"id": ID, "displayName": 'a","userName":"b'}, 'a","userName":"b'),
        ({"id": ID, "roles": [{"parts": [["x"]]}], "displayName": "Ada"}, "Ada"),
        ({"id": ID, "displayName": 7}, "7"),
        ({"id": ID}, ID),
    ],
)
def test_the_name_is_found_wherever_it_is(document: dict[str, Any], name: str) -> None:
    assert name_in(compact(document)) == name_of(document) == name
