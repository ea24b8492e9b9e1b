"""PATCH: documents, operations and what comes of them (RFC 7644 §3.5.2, and Entra's habits)."""

import copy
from typing import Any

import pytest

from app import bounds
from app.scim.errors import ScimError
from app.scim.links import LinkChange
from app.scim.messages import Operation, read_patch
from app.scim.patch import apply
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
    null = apply(GROUP, {}, [Operation("remove", "members", None, has_value=True)])[1]
    none = apply(GROUP, {}, [Operation("remove", "members")])[1]
    assert (null, none) == ((LinkChange("remove"),), (LinkChange("remove_where"),))


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
