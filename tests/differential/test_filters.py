"""Our reader of filters against another implementation: the same text and user, the same answer or a written reason."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from app.scim.errors import ScimError
from app.scim.filter_match import matches
from app.scim.grammar import parse
from app.scim.resource_types import USER
from tests.differential.chance import INSTANTS, chances
from tests.differential.other import OtherRefusedError, reader, user
from tests.examples import examples
from tests.normalized import normalize_document

FILTERS = examples(1_000)
USERS = 60
USERS_A_FILTER = 15
SEED = 7644

WE_REFUSE, OTHER_REFUSES, ANSWERS_DIFFER = "only we refuse", "only the other refuses", "the answers differ"


@dataclass(frozen=True)
class Difference:
    """One way in which the two differ: `where` finds the comparison that brings it about, `example` shows it."""

    name: str
    kind: str
    where: str
    why: str
    sentence: str
    example: str

    def explains(self, kind: str, text: str) -> bool:
        return kind == self.kind and re.search(self.where, text, re.IGNORECASE) is not None


TEXT_OPERATORS = "(co|sw|ew)"
DIFFERENCES = (
    Difference(
        "order or part of null", WE_REFUSE, r"\b(co|sw|ew|gt|ge|lt|le) null\b",
        "null means that there is no value; nothing is greater than that or contains it, so the filter is a mistake",
        "RFC 7643 2.5: null and unassigned are the same state; RFC 7644 Table 9: invalidFilter",
        "title gt null",
    ),
    Difference(
        "comparison of a complex attribute without `value`", WE_REFUSE, r"\b(name|meta|addresses) (?!pr\b)\w\w ",
        "there is no value to compare; the other never finds anything",
        "RFC 7644 3.4.2.2: a complex attribute is compared by the sub-attribute in its path; Table 9: invalidFilter",
        'name eq "Ada"',
    ),
    Difference(
        "part of a text that is no text", WE_REFUSE, rf"\b{TEXT_OPERATORS} (-?\d|true|false)",
        "a number is no part of a text; the other never finds anything",
        "RFC 7644 3.4.2.2: the operand of co, sw and ew is a substring; Table 9: invalidFilter",
        "userName sw 5",
    ),
    Difference(
        "part of a dateTime", WE_REFUSE, rf"\bmeta\.(created|lastModified) {TEXT_OPERATORS} ",
        "instants are compared in time, not as text; the other takes them for text that is never found",
        "RFC 7644 Table 3: co, sw and ew are about strings; Table 9: invalidFilter",
        'meta.created sw "2026"',
    ),
    Difference(
        "order of a dateTime and a number", WE_REFUSE, r"\bmeta\.(created|lastModified) \w\w (-?\d|true|false|\"x\")",
        "the operand has another type; the other never finds anything",
        "RFC 7644 Table 3: dateTimes are compared in chronological order; Table 9: invalidFilter",
        "meta.created gt 5",
    ),
    Difference(
        "manager without `.value`", ANSWERS_DIFFER, r":manager (?!pr\b)\w\w ",
        "Entra filters by `manager eq \"<id>\"`; the other looks for a text where an object is",
        "RFC 7643 2.4: `value` is the attribute's significant value; RFC 7644 3.4.2.2 leaves a bare complex name open",
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "b2"',
    ),
    Difference(
        "order of the manager and no text", WE_REFUSE, r":manager (?!pr\b)\w\w (-?\d+\.|true|false)",
        "the manager's `value` is text; the other looks for a number where an object is, and never finds it",
        "RFC 7644 Table 9: invalidFilter for an operand that the attribute cannot have",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager gt -1.5",
    ),
    Difference(
        "an integer for a text", OTHER_REFUSES, r"\b\w\w -?\d+\b(?!\.)",
        "some clients send an employeeNumber as a number; it is stored and found as its decimal text",
        "RFC 7644 3.4.2.2: compValue is any JSON literal; Table 9: invalidFilter for an impossible comparison",
        "title eq 5",
    ),
    Difference(
        "a value of no such form", OTHER_REFUSES, r'\b(emails|photos|profileUrl|x509Certificates)\b.* "x"',
        "what is stored is not checked for its form, so it must be possible to find it",
        "RFC 7643 4.1.2: e-mail values SHOULD be by RFC 5321, which is no MUST; a filter has no such rule",
        'photos.value eq "x"',
    ),
    Difference(
        "null and an attribute with many values", ANSWERS_DIFFER, r"\b\w+(\.\w+)? (eq|ne) null",
        "`eq null` is `not pr` here, which no value may contradict; the other is content with one value",
        "RFC 7644 3.4.2.2: pr is fulfilled where any value is there; RFC 7643 2.5: null means that there is none",
        "emails.primary eq null",
    ),
    Difference(
        "a sigma that ends a word", ANSWERS_DIFFER, "(ΝΙΚΟΣ|νικος|\\\\u03)",
        "lower-casing alone gives ς at an end and σ elsewhere, so that a beginning would not be found in its word",
        "RFC 7643 2.2: caseExact false means that letter case does not matter",
        'nickName sw "ΝΙΚΟΣ"',
    ),
)  # fmt: skip

EXAMPLE = {
    "userName": "ada",
    "title": "Chief",
    "nickName": "ΝΙΚΟΣΤΡΑΤΟΣ",
    "emails": [{"value": "ada@x.example", "primary": True}, {"value": "bob@y.example"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "b2"}},
}


def users() -> list[dict[str, Any]]:
    """Random users as they are read: with id and meta."""
    made = []
    for chance in chances(USERS, SEED):
        created, modified = chance.choice(INSTANTS), chance.choice(INSTANTS)
        meta = {"resourceType": "User", "created": created, "lastModified": modified}
        made.append(chance.document() | {"id": chance.choice(("A1", "a1")), "meta": meta})
    return made


def kind_of(text: str, readable: list[tuple[Any, Any]]) -> str | None:
    """How the two differ about a filter, or None where they agree on every user."""
    ours = theirs = None
    try:
        ours = parse(text, USER.tree)
    except ScimError as refused:
        assert (refused.status, refused.scim_type) == (400, "invalidFilter"), text
    try:
        theirs = reader(text)
    except OtherRefusedError:
        return None if ours is None else OTHER_REFUSES
    if ours is None:
        return WE_REFUSE
    same = (matches(ours, folded) == theirs(other) for folded, other in readable)
    return None if all(same) else ANSWERS_DIFFER


def read_twice(document: dict[str, Any]) -> tuple[Any, Any]:
    """A user as either side reads it."""
    return normalize_document(USER.attributes, document), user(document)


def test_filters_find_what_another_implementation_finds():
    everybody = [read_twice(document) for document in users()]
    unexplained, found = [], 0
    for number, chance in enumerate(chances(FILTERS, SEED + 1)):
        text = chance.filter()
        if number % 8 == 0:
            text = chance.broken(text)
        kind = kind_of(text, chance.sample(everybody, USERS_A_FILTER))
        found += kind is None
        if kind and not any(difference.explains(kind, text) for difference in DIFFERENCES):
            unexplained.append((number, kind, text))
    assert not unexplained
    assert found > FILTERS * 0.85, "the differences explain too much"


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_each_difference_is_one(difference):
    assert difference.why and difference.sentence.startswith("RFC 76")
    kind = kind_of(difference.example, [read_twice(USER.load(EXAMPLE))])
    assert difference.explains(kind, difference.example), kind
