"""Filters as text: what they find, and how they are refused (RFC 7644 §3.4.2.2)."""

import random
from typing import Any

import pytest

from app import bounds
from app.scim import grammar
from app.scim.errors import ScimError
from app.scim.filter_match import matches
from app.scim.filter_tree import Node, Target
from app.scim.grammar import parse, parse_path
from app.scim.resource_types import GROUP, USER
from tests.examples import examples
from tests.normalized import normalize_document
from tests.scim.vectors import params, read

VECTORS = read("filters.json")
KEPT_BESIDE = ("id", "meta", "groups")


def folded(given: dict[str, Any]) -> dict[str, Any]:
    """A document as it can be searched, with what has rows of its own."""
    beside = {name: given[name] for name in KEPT_BESIDE if name in given}
    return normalize_document(USER.attributes, USER.load(given) | beside)


DOCUMENTS = {name: folded(given) for name, given in VECTORS["documents"].items()}


@pytest.mark.parametrize("case", params(VECTORS["finds"]))
def test_filter_finds(case: dict[str, Any]) -> None:
    node = parse(case["filter"], USER.tree)
    assert [name for name, document in DOCUMENTS.items() if matches(node, document)] == case["finds"]


@pytest.mark.parametrize("case", params(VECTORS["refused"]))
def test_filter_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ScimError) as refused:
        parse(case["filter"], USER.tree)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidFilter")
    assert case["detail"] in refused.value.detail


WITHIN = [
    ("length", "title pr" + " " * (bounds.FILTER_LENGTH - 8), "characters"),
    ("words", " or ".join(["title pr"] * (bounds.FILTER_TOKENS // 3)), "words"),
    ("brackets", "(" * bounds.FILTER_DEPTH + "title pr" + ")" * bounds.FILTER_DEPTH, "brackets"),
    ("search text", f'title co "{"x" * bounds.SEARCH_TEXT_LENGTH}"', "characters"),
]
BEYOND = [
    ("length", "title pr" + " " * (bounds.FILTER_LENGTH - 7), f"at most {bounds.FILTER_LENGTH} characters"),
    ("words", " or ".join(["title pr"] * (bounds.FILTER_TOKENS // 3 + 1)), f"at most {bounds.FILTER_TOKENS} words"),
    (
        "brackets",
        "(" * (bounds.FILTER_DEPTH + 1) + "title pr" + ")" * (bounds.FILTER_DEPTH + 1),
        f"at most {bounds.FILTER_DEPTH} brackets",
    ),
    (
        "search text",
        f'title co "{"x" * (bounds.SEARCH_TEXT_LENGTH + 1)}"',
        f"title: expected at most {bounds.SEARCH_TEXT_LENGTH} characters, got {bounds.SEARCH_TEXT_LENGTH + 1}",
    ),
]


@pytest.mark.parametrize("text", [text for _, text, _ in WITHIN], ids=[name for name, _, _ in WITHIN])
def test_a_filter_at_its_bound(text: str) -> None:
    parse(text, USER.tree)


@pytest.mark.parametrize(("text", "detail"), [(text, d) for _, text, d in BEYOND], ids=[name for name, _, _ in BEYOND])
def test_a_filter_beyond_its_bound(text: str, detail: str) -> None:
    with pytest.raises(ScimError, match=detail):
        parse(text, USER.tree)


def test_a_path_at_its_bound_and_beyond() -> None:
    assert parse_path("title" + " " * (bounds.PATH_LENGTH - 5), USER.tree)
    with pytest.raises(ScimError, match=f"path: expected at most {bounds.PATH_LENGTH} characters"):
        parse_path("title" + " " * (bounds.PATH_LENGTH - 4), USER.tree)


def test_the_longest_chain_can_be_read() -> None:
    """Neither reader may run out of stack on a filter that is within its bounds."""
    node = parse(" and ".join(["title pr"] * (bounds.FILTER_TOKENS // 3)), USER.tree)
    assert matches(node, DOCUMENTS["ada"]) and not matches(node, DOCUMENTS["bob"])


@pytest.mark.parametrize(
    "name", ["shoe", "9lives", "straße", "urn:example:hr:2.0:User:grade", "name.initials", "a.b.c"]
)
@pytest.mark.parametrize(
    "behind", ["[", "]", "[]", "[x", "[[", '[type eq "a"', "[a[b]]", "[x]y", "[x].", "[x][y]", "[x].a b"]
)
def test_a_path_with_wrong_brackets_is_malformed_whatever_it_names(name: str, behind: str) -> None:
    with pytest.raises(ScimError) as refused:
        parse_path(name + behind, USER.tree)
    assert refused.value.scim_type == "invalidPath"


@pytest.mark.parametrize(
    "path", ["emails[shoe eq 1", "emails[shoe]x", 'emails[type eq "work"].shoe[', "emails[shoe[x]]"]
)
def test_wrong_brackets_beside_a_known_name_are_malformed(path: str) -> None:
    with pytest.raises(ScimError) as refused:
        parse_path(path, USER.tree)
    assert refused.value.scim_type in ("invalidPath", "invalidFilter")


@pytest.mark.parametrize(
    "path", ["shoe", "shoe size", 'shoe[größe eq "[x]"].a.b', "shoe[not (a eq 1)]", "emails[shoe eq 1].value", "9[x].y"]
)
def test_a_path_of_unknown_names_leads_nowhere(path: str) -> None:
    assert parse_path(path, USER.tree) is None


def result_of(read: Any, *of: Any) -> Node | Target | str:
    try:
        node: Node | Target = read(*of)
    except ScimError as error:
        return str(error)
    return node


MARKS = (
    *("a", "B", " ", "\u00c9", "\u2028", "\U0001f600", "\ud800", "\\", '\\"', '"', "\n", "\x7f"),
    *("2026-01-31T08:00:00Z", "true"),
)
UNKNOWN = ["nothing", "not", "eq", "$.active", "emails[value", "name..x", "-x", "9", "k\u017f"]


def test_the_usual_form_of_a_filter_is_read_as_the_grammar_reads_it() -> None:
    chance = random.Random(3)
    names = UNKNOWN + [attribute.path for tree in (USER.tree, GROUP.tree) for attribute in tree.walk()]
    usual = 0
    for _ in range(examples(5_000)):
        name, op = chance.choice(names), chance.choice(("eq",) * 8 + ("EQ", "ne", "eq "))
        text = "".join(chance.choices(MARKS, k=chance.randrange(4)))
        given = f'{chance.choice((name, name.upper()))} {op} "{text}"'
        tree = chance.choice((USER, GROUP)).tree
        got, expected = result_of(parse, given, tree), result_of(grammar._parse, given, (tree,))
        assert repr(got) == repr(expected), given
        usual += grammar._EQUALITY.fullmatch(given) is not None and not isinstance(got, str)
    assert usual > 500


def test_the_usual_form_of_a_path_is_read_as_the_grammar_reads_it() -> None:
    chance = random.Random(4)
    usual = 0
    for _ in range(examples(5_000)):
        resource_type = chance.choice((USER, GROUP))
        attribute = chance.choice([one for one in resource_type.attributes if one.sub_attributes])
        name, part = (
            chance.choice((*names, chance.choice(UNKNOWN)))
            for names in ([attribute.name] * 20, [one.name for one in attribute.sub_attributes.values()])
        )
        op, end = chance.choice(("eq", "eq", "eq", "EQ", "ne", "eq ")), chance.choice(("", ".value", ".x", " ", ".x-y"))
        given = f'{name}[{part} {op} "{"".join(chance.choices(MARKS, k=chance.randrange(4)))}"]{end}'
        got, expected = (result_of(read, given, resource_type.tree) for read in (parse_path, grammar._parse_path))
        assert repr(got) == repr(expected), given
        if isinstance(got, Target):
            usual += grammar._FILTERED.fullmatch(given) is not None
            assert isinstance(expected, Target)
            assert got.place == expected.place
    assert usual > 300
