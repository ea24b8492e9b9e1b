"""What holds for any input: rules that no list of cases could cover, tried on generated documents and operations.

The same examples are generated in every run.
"""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.scim.attribute import Attribute, is_unassigned
from app.scim.entra_quirks import correct_document
from app.scim.errors import ScimError
from app.scim.filter_match import matches
from app.scim.filter_tree import And, Compare, Node, Not, Or, ValuePath
from app.scim.grammar import parse, parse_path
from app.scim.json_body import read_json
from app.scim.patch import apply
from app.scim.projection import Selection, compact, projection, read_selection
from app.scim.protocol_messages import Operation, read_patch
from app.scim.resource_types import RESOURCE_TYPES, USER, ResourceType
from app.scim.value_comparison import normalize, normalize_instant, normalize_text
from tests.examples import examples
from tests.normalized import normalize_document
from tests.scim.vectors import Row

tried = settings(
    max_examples=examples(100),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
tried_on_documents = settings(tried, max_examples=examples(50))
TYPES = pytest.mark.parametrize("resource_type", RESOURCE_TYPES, ids=lambda resource_type: resource_type.name)
LIKELY = [
    "",
    "work",
    "home",
    "True",
    "false",
    "ada",
    "Ada",
    "A@x.example",
    '{"value":"E"}',
    "\ud800",
    "a\x00",
    "ς",
    "İ",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(LIKELY) | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def either_case(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name, name.upper(), name.lower()])


def valid_of(attribute: Attribute) -> st.SearchStrategy[Any]:
    """Values that an attribute takes, and null."""
    simple: st.SearchStrategy[Any] = st.sampled_from(["work", "home", "ada", "Ada", "QUJD", "ς", "Löwe", ""])
    if attribute.type == "binary":
        simple = st.sampled_from(["QUJD", "-_+/", ""])
    elif attribute.type == "boolean":
        simple = st.booleans() | st.sampled_from(["True", "false"])
    elif attribute.type == "complex":
        parts = {part.name: valid_of(part) for part in attribute.sub_attributes.values()}
        is_member = attribute.traits.storage == "membership"
        named = {"value": st.sampled_from(["u1", "u2"])} if is_member else {}
        simple = st.fixed_dictionaries(named, optional={name: one for name, one in parts.items() if name not in named})
    return st.none() | (st.lists(simple, max_size=4) if attribute.multi_valued else simple)


@cache
def documents(resource_type: ResourceType, odd: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Documents of valid values; with `odd` some values are any JSON and some names mean nothing."""

    def value_of(attribute: Attribute) -> st.SearchStrategy[Any]:
        return valid_of(attribute) | valid_of(attribute) | json_values if odd else valid_of(attribute)

    required = {"User": "userName", "Group": "displayName"}[resource_type.name]
    known = {a.name: value_of(a) for a in resource_type.attributes if a.name not in (required, "schemas")}
    named = st.fixed_dictionaries({required: st.sampled_from(["ada", "Ada@x", "Ω"])}, optional=known)
    if not odd:
        return named
    return st.builds(
        lambda document, more: more | document, named, st.dictionaries(st.text(max_size=6), json_values, max_size=3)
    )


@cache
def paths(resource_type: ResourceType) -> st.SearchStrategy[str]:
    """Paths of attributes and their parts, with filters and without."""
    every = list(resource_type.tree.walk())
    plain = [attribute.path for attribute in every]
    complex_ones = [a for a in every if a.type == "complex" and not a.name.startswith("urn:")]
    filtered = [
        f"{a.path}[{where}]{rest}"
        for a in complex_ones
        for where in ('type eq "work"', 'primary eq "True"', 'not (value sw "a") or display pr', 'value eq "ada"')
        for rest in ("", ".value", ".display", ".locality", ".nothing")
    ]
    return st.sampled_from(plain + filtered).flatmap(either_case)


@cache
def operations(resource_type: ResourceType) -> st.SearchStrategy[list[Operation]]:
    any_value = st.one_of(json_values, documents(resource_type, odd=True), *map(valid_of, resource_type.tree.walk()))
    any_path = st.none() | paths(resource_type) | paths(resource_type) | st.text(max_size=12)
    pathless = st.dictionaries(paths(resource_type) | st.text(max_size=8), any_value, max_size=4)
    one = st.builds(Operation, st.sampled_from(["add", "remove", "replace"]), any_path, any_value | pathless)
    return st.lists(one, max_size=4)


def loaded(resource_type: ResourceType, given_document: Any) -> dict[str, Any] | None:
    """The kept document, or None where it is refused; anything but a ScimError fails the test."""
    try:
        return resource_type.load(correct_document(resource_type.tree, given_document))
    except ScimError as refused:
        assert 400 <= refused.status < 500
        refused.detail.encode()
        return None


@TYPES
@tried_on_documents
@given(choice=st.data())
def test_loading_is_idempotent(resource_type: ResourceType, choice: st.DataObject) -> None:
    kept = loaded(resource_type, choice.draw(documents(resource_type, odd=True)))
    if kept is not None:
        assert resource_type.load(kept) == kept
        json.loads(compact(kept).encode())
        assert not any(is_unassigned(value) for _, value in leaves(kept))


@tried
@given(any_json=json_values)
def test_any_json_is_kept_or_refused(any_json: Any) -> None:
    for resource_type in RESOURCE_TYPES:
        loaded(resource_type, any_json)
    try:
        read_patch(any_json)
    except ScimError as refused:
        assert refused.scim_type in ("invalidSyntax", "tooMany")


@tried
@given(body=st.binary(max_size=40) | st.text(alphabet='[]{}",:\\u1e-. tfn', max_size=40).map(str.encode))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        read_json(body)
    except ScimError as refused:
        assert refused.scim_type == "invalidSyntax"


WORDS = ["userName", "emails", "title", "name.givenName", "active", "meta.created", "value", "type", "emails.value"]
SIGNS = ["(", ")", "[", "]", ".", ".value", " ", "and", "or", "not", "pr", "eq", "NE", "co", "gt", "true", "null"]
LITERALS = ['"x"', '"work"', '"\\ud800"', '"2026-01-31T08:00:00Z"', "5", "-1.5e3", "1e999", '"', "\\", "\x00", "é"]
texts = st.text(max_size=30) | st.lists(st.sampled_from(WORDS + SIGNS + LITERALS), max_size=12).map(" ".join)


@tried
@given(text=texts | st.lists(st.sampled_from(WORDS + SIGNS + LITERALS), max_size=8).map("".join))
def test_any_text_is_a_filter_and_a_path_or_is_refused(text: str) -> None:
    for read, kinds in ((parse, {"invalidFilter"}), (parse_path, {"invalidFilter", "invalidPath"})):
        try:
            read(text, USER.tree)
        except ScimError as refused:
            assert (refused.status, refused.scim_type in kinds) == (400, True)
            refused.detail.encode()


@TYPES
@tried_on_documents
@given(choice=st.data())
def test_a_patch_leaves_its_input_and_refuses_cleanly(resource_type: ResourceType, choice: st.DataObject) -> None:
    before = loaded(resource_type, choice.draw(documents(resource_type, odd=False))) or {}
    steps = choice.draw(operations(resource_type))
    kept, kept_steps = copy.deepcopy(before), copy.deepcopy(steps)
    try:
        after, _ = apply(resource_type, before, steps)
        after = resource_type.load(after)
        assert resource_type.load(after) == after
    except ScimError as refused:
        assert refused.status == 400
    assert before == kept
    assert repr(steps) == repr(kept_steps)


def keeps_its_filter(path: str | None) -> bool:
    """Whether a replace there cannot change what its own filter looks at."""
    return path is None or "[" not in path or path.lower().endswith((".display", ".locality"))


@TYPES
@tried_on_documents
@given(choice=st.data())
def test_replacing_twice_is_replacing_once(resource_type: ResourceType, choice: st.DataObject) -> None:
    before = loaded(resource_type, choice.draw(documents(resource_type, odd=False))) or {}
    path = choice.draw((st.none() | paths(resource_type)).filter(keeps_its_filter))
    found = resource_type.tree.find(path or "")
    value = choice.draw(
        valid_of(found[-1]) if found else documents(resource_type, odd=False) | valid_of(USER.attributes[4])
    )
    replace = Operation("replace", path, value)
    try:
        once = resource_type.load(apply(resource_type, before, [replace])[0])
    except ScimError:
        return
    assert resource_type.load(apply(resource_type, once, [replace])[0]) == once


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from leaves(part, f"{path}/{name}")
    elif isinstance(value, list) and value:
        for one in value:
            yield from leaves(one, path)
    else:
        yield path, value


@TYPES
@tried_on_documents
@given(choice=st.data())
def test_asked_and_excluded_are_the_whole(resource_type: ResourceType, choice: st.DataObject) -> None:
    """The same list asked for and left out: nothing is lost, and nothing but `id` and `schemas` is in both."""
    document = resource_type.load(choice.draw(documents(resource_type, odd=False))) | {"id": "a1"}
    names = ",".join(choice.draw(st.lists(st.sampled_from([a.path for a in resource_type.tree.walk()]), min_size=1)))
    members = [compact(member) for member in document.pop("members", ())]
    row = Row("a1", compact(document), 1, "2026-01-31T08:00:00.000Z", "2026-01-31T08:00:00.000Z")

    def shown(selection: Selection) -> Counter[tuple[str, Any]]:
        text = projection(resource_type, selection, "https://example.com/scim").text(
            row, {"members": members} if members else {}
        )
        return Counter(leaves(json.loads(text)))

    asked = shown(read_selection(resource_type.tree, names, None))
    rest = shown(read_selection(resource_type.tree, None, names))
    always = Counter({leaf: count for leaf, count in asked.items() if leaf[0] in ("/id", "/schemas")})
    assert asked + rest - always == shown(Selection())


@TYPES
@tried_on_documents
@given(choice=st.data())
def test_folding_is_idempotent(resource_type: ResourceType, choice: st.DataObject) -> None:
    document = resource_type.load(choice.draw(documents(resource_type, odd=False)))
    folded = normalize_document(resource_type.attributes, document)
    assert normalize_document(resource_type.attributes, folded) == folded
    assert all(normalize(attribute, folded.get(attribute.name, "")) == folded.get(attribute.name, "") for attribute in
               resource_type.attributes)  # fmt: skip


def test_folding_any_character_is_idempotent() -> None:
    for code in range(0x110000):
        once = normalize_text(chr(code))
        assert normalize_text(once) == once, f"U+{code:04X}"


@tried
@given(text=st.text())
def test_case_and_composition_do_not_matter(text: str) -> None:
    assert normalize_text(normalize_text(text)) == normalize_text(text)


@tried
@given(moment=st.datetimes())
def test_folded_dates_are_in_the_order_of_time(moment: Any) -> None:
    text = normalize_instant(moment.isoformat() + "Z")
    assert len(text) == len("2026-01-31T08:00:00.000000Z")
    assert normalize_instant(text) == text
    assert text == moment.isoformat(timespec="microseconds") + "Z"


def written(node: Node) -> str:
    """A tree as the text of a filter."""
    match node:
        case And(left, right):
            return f"({written(left)}) and ({written(right)})"
        case Or(left, right):
            return f"({written(left)}) or ({written(right)})"
        case Not(inner):
            return f"not ({written(inner)})"
        case ValuePath(attribute, where):
            return f"{attribute.path}[{written(where)}]"
        case Compare(path, op, _, literal):
            name = path[-1].path if len(path) > 1 or path[0].keys == (path[0].name,) else path[-1].name
            return f"{name} {op}" + ("" if op == "pr" else f" {json.dumps(literal)}")


@tried_on_documents
@given(text=texts, choice=st.data())
def test_a_tree_written_as_text_is_the_same_filter(text: str, choice: st.DataObject) -> None:
    try:
        node = parse(text, USER.tree)
    except ScimError:
        node = parse('title pr or emails[type eq "work" and not (value co "a")] and not (active ne true)', USER.tree)
    again = parse(written(node), USER.tree)
    assert again == node
    folded = normalize_document(USER.attributes, USER.load(choice.draw(documents(USER, odd=False))))
    assert matches(again, folded) == matches(node, folded)
    assert matches(Not(node), folded) != matches(node, folded)
