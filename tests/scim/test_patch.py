"""PATCH: documents, operations and what comes of them (RFC 7644 §3.5.2, and Entra's habits)."""

import copy
import gc
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from app import bounds
from app.scim import patch as patch_module
from app.scim.errors import ScimError
from app.scim.member_changes import LinkChange
from app.scim.patch import apply
from app.scim.protocol_messages import Operation, read_patch
from app.scim.resource_types import GROUP, USER
from tests.scim.vectors import params, read, type_of

VECTORS = read("patches.json")
DOCUMENT = {"userName": "ada"}
NAMED = {"User": {"userName": "ada"}, "Group": {"displayName": "Editors"}}


def document_of(case: dict[str, Any]) -> dict[str, Any]:
    resource_type = type_of(case)
    return resource_type.load(NAMED[resource_type.name] | case.get("given", {}))


def patched(case: dict[str, Any]) -> tuple[dict[str, Any], tuple[LinkChange, ...]]:
    """What a PATCH makes of a document, checked as a whole as a request does it."""
    document, links = apply(type_of(case), document_of(case), read_patch({"Operations": case["operations"]}))
    return type_of(case).load(document), links


def described(link: LinkChange) -> dict[str, Any]:
    filtered = {} if link.where is None else {"filtered": True}
    return {"verb": link.verb, "ids": list(link.ids)} | filtered


@pytest.mark.parametrize("case", params([case for case in VECTORS if "gives" in case]))
def test_patch_gives(case: dict[str, Any]) -> None:
    document, links = patched(case)
    expected = NAMED[type_of(case).name] | case["gives"]
    assert {name: value for name, value in document.items() if name != "schemas"} == expected
    assert [described(link) for link in links] == case.get("links", [])


@pytest.mark.parametrize("case", params([case for case in VECTORS if "refused" in case]))
def test_patch_is_refused(case: dict[str, Any]) -> None:
    before = document_of(case)
    with pytest.raises(ScimError) as refused:
        patched(case)
    assert (refused.value.status, refused.value.scim_type) == (400, case["refused"]["scimType"])
    assert case["refused"]["detail"] in refused.value.detail
    assert document_of(case) == before


def test_the_given_document_stays_as_it_was() -> None:
    before = USER.load({"userName": "ada", "emails": [{"type": "work", "value": "w@x.example"}]})
    kept = copy.deepcopy(before)
    after, _ = apply(USER, before, [Operation("replace", 'emails[type eq "work"].value', "n@x.example")])
    assert before == kept
    assert after["emails"] == [{"type": "work", "value": "n@x.example"}]


def test_values_at_their_bound_and_beyond() -> None:
    """The bound holds while operations follow each other, not only at the end."""
    fill = [{"value": f"{number}@x.example"} for number in range(bounds.VALUES_PER_ATTRIBUTE)]
    document, _ = apply(USER, {}, [Operation("add", "emails", fill)])
    assert len(document["emails"]) == bounds.VALUES_PER_ATTRIBUTE
    with pytest.raises(ScimError, match=f"emails: expected at most {bounds.VALUES_PER_ATTRIBUTE} values"):
        apply(
            USER, document, [Operation("add", "emails", {"value": "one-more@x.example"}), Operation("remove", "emails")]
        )


def test_members_at_their_bound_and_beyond() -> None:
    group = type_of({"type": "Group"})
    members = [{"value": str(number)} for number in range(bounds.MEMBERS_PER_REQUEST + 1)]
    _, links = apply(group, {}, [Operation("add", "members", members[:-1])])
    assert len(links[0].ids) == bounds.MEMBERS_PER_REQUEST
    with pytest.raises(ScimError, match=f"members: expected at most {bounds.MEMBERS_PER_REQUEST} values"):
        apply(group, {}, [Operation("add", "members", members)])


def test_null_removes_nobody_and_no_value_everybody() -> None:
    null = apply(GROUP, {}, [Operation("remove", "members", None, has_null=True)])[1]
    none = apply(GROUP, {}, [Operation("remove", "members")])[1]
    assert (null, none) == ((), (LinkChange("remove_where"),))


def test_names_without_a_path_count_like_operations() -> None:
    many = {f"name{number}": "x" for number in range(bounds.PATCH_OPERATIONS + 1)}
    for value in (many, {USER.tree.core_urn: many}, {next(iter(USER.tree.extension_urns)): many}):
        with pytest.raises(ScimError) as refused:
            apply(USER, DOCUMENT, [Operation("replace", None, value)])
        assert refused.value.scim_type == "tooMany"


def test_filters_over_many_values_are_bounded_in_all() -> None:
    emails = [{"value": f"{number}@x"} for number in range(bounds.VALUES_PER_ATTRIBUTE)]
    operation = Operation("replace", 'emails[value eq "0@x"].display', "d")
    enough = bounds.PATCH_VALUES_EXAMINED // len(emails)
    apply(USER, {**DOCUMENT, "emails": emails}, [operation] * enough)
    with pytest.raises(ScimError) as refused:
        apply(USER, {**DOCUMENT, "emails": emails}, [operation] * (enough + 1))
    assert refused.value.scim_type == "tooMany"


def emails_of(count: int) -> list[dict[str, Any]]:
    return [{"value": f"{number}@x.example", "type": "work"} for number in range(count)]


JUNK = {f"nothing{number}": "" for number in range(100)}
COSTLY = {
    "remove of named values": lambda count: Operation("remove", "emails", [{"display": str(n)} for n in range(count)]),
    "add of a list": lambda count: Operation("add", "emails", emails_of(count)),
    "replace of a list": lambda count: Operation("replace", "emails", emails_of(count)),
    "replace of every value that a filter finds": lambda _: Operation("replace", "emails[value pr]", JUNK),
    "remove of a part of every value": lambda _: Operation("remove", "emails.display"),
    "replace without a path": lambda count: Operation("replace", None, {"emails": emails_of(count)}),
}
"""Operations that look at many values, by how many values they name; each leaves the held ones many."""


def calls(document: dict[str, Any], operations: Sequence[Operation]) -> tuple[int, str]:
    """How many Python functions a PATCH calls, and with which scimType it is refused."""
    count, refusal = 0, ""

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    gc.disable()  # hypothesis is called by each collection
    sys.setprofile(note)
    try:
        apply(USER, document, operations)
    except ScimError as refused:
        refusal = refused.scim_type or ""
    finally:
        sys.setprofile(None)
        gc.enable()
    return count, refusal


@pytest.mark.parametrize("name", COSTLY)
def test_what_a_patch_looks_at_grows_with_its_operations_up_to_a_bound(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the operations are twice the work, and any number of them is never more than the bound allows."""
    document = {**DOCUMENT, "emails": emails_of(20)}
    operation = COSTLY[name](20)
    (once, _), (twice, _) = (calls(document, [operation] * count) for count in (4, 8))
    assert twice < once * 2.2
    monkeypatch.setattr(bounds, "PATCH_VALUES_EXAMINED", 2_000)
    (some, first), (all_of_them, second) = (calls(document, [operation] * count) for count in (300, 900))
    assert (first, second) == ("tooMany", "tooMany")
    assert all_of_them == some


def test_members_are_counted_among_the_values_that_a_patch_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "PATCH_VALUES_EXAMINED", 100)
    members = [{"value": str(number)} for number in range(40)]
    for operation in (Operation("add", "members", members), Operation("add", None, {"members": members})):
        apply(GROUP, {}, [operation] * 2)
        with pytest.raises(ScimError, match="members: expected at most 100 values") as refused:
            apply(GROUP, {}, [operation] * 3)
        assert refused.value.scim_type == "tooMany"


def test_comparisons_of_members_are_bounded_in_all_operations() -> None:
    by_id = [Operation("remove", f'members[value eq "{number}"]', None) for number in range(100)]
    compared = [Operation("remove", 'members[value co "a" or not (display eq "b")]', None)]
    enough = bounds.PATCH_MEMBER_COMPARISONS // 2
    apply(GROUP, {}, [*by_id, *compared * enough])
    with pytest.raises(ScimError, match="comparisons of members") as refused:
        apply(GROUP, {}, compared * (enough + 1))
    assert refused.value.scim_type == "tooMany"


def steps_of(monkeypatch: pytest.MonkeyPatch, *operations: Operation) -> tuple[int, int]:
    """How many texts are folded, and how many are checked, by operations on 20 addresses."""
    folded: list[str] = []
    checks: list[Any] = []
    monkeypatch.setattr(patch_module, "normalize_text", lambda text: folded.append(text) or text)
    monkeypatch.setattr(patch_module, "checked", lambda part, value: checks.append(value) or value)
    apply(USER, {"emails": [{"type": "work", "value": f"{number}@x.example"} for number in range(20)]}, operations)
    return len(folded), len(checks)


FILTERED = {
    "nothing is found": Operation("remove", 'emails[value eq "x"]'),
    "all are changed": Operation("replace", "emails[value pr].display", "Ada"),
    "all parts are changed": Operation("replace", "emails.display", "Ada"),
    "named values": Operation("remove", "emails", [{"value": "x"}]),
}


@pytest.mark.parametrize("name", FILTERED)
def test_a_text_is_folded_once_in_all_operations(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Long texts that are folded, or checked, again for each operation held the database for seconds."""
    (folds, checks), (more_folds, more_checks) = (
        steps_of(monkeypatch, *[FILTERED[name]] * count) for count in (10, 40)
    )
    assert more_folds <= folds + 1 and folds <= 23
    assert checks <= 10 and more_checks <= 40


def test_each_comparison_of_a_filter_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "PATCH_VALUES_EXAMINED", 100)
    document = {"emails": [{"value": f"{number}@x.example"} for number in range(20)]}
    for comparisons, is_within in ((5, True), (6, False)):
        operation = Operation("remove", f"emails[{' or '.join(['type pr'] * comparisons)}]")
        if is_within:
            apply(USER, document, [operation])
        else:
            with pytest.raises(ScimError, match="at most 100 values"):
                apply(USER, document, [operation])
