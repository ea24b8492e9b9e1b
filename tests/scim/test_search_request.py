"""A filter over several resource types: what is left of it for each (RFC 7644 §3.4.2.1)."""

import pytest

from app.scim.errors import ScimError
from app.scim.grammar import parse
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.scim.search_request import read_filter

ALL = "all"


def left_of(text: str) -> dict[str, object]:
    return {kind.name: ALL if node is None else node for kind, node in read_filter(text, RESOURCE_TYPES)}


def only(kind: ResourceType, text: str) -> dict[str, object]:
    return {kind.name: parse(text, kind.tree)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "a"', only(USER, 'userName eq "a"')),
        ('not (userName eq "a")', only(USER, 'not (userName eq "a")') | {"Group": ALL}),
        ("members pr or title pr", only(USER, "title pr") | only(GROUP, "members pr")),
        ("members pr and title pr", {}),
        ('meta.resourceType eq "User"', {"User": ALL}),
        ('meta.resourceType eq "User" and active eq true', only(USER, "active eq true")),
        ('meta.resourceType eq "Group" or active eq true', only(USER, "active eq true") | {"Group": ALL}),
        ('not (meta.resourceType eq "User" or displayName pr)', only(GROUP, "not (displayName pr)")),
        ("displayName pr", only(USER, "displayName pr") | only(GROUP, "displayName pr")),
        ('emails[type eq "work"] or members[type eq "User"]',
         only(USER, 'emails[type eq "work"]') | only(GROUP, 'members[type eq "User"]')),
        ('groups.value eq "1" and meta.resourceType sw "U"', only(USER, 'groups.value eq "1"')),
    ],
)  # fmt: skip
def test_what_is_left_of_a_filter(text: str, expected: dict[str, object]) -> None:
    assert left_of(text) == expected


def test_a_filter_for_one_type_is_not_narrowed() -> None:
    assert list(read_filter('meta.resourceType eq "User"', (USER,))) == [
        (USER, parse('meta.resourceType eq "User"', USER.tree))
    ]
    with pytest.raises(ScimError, match='at position 0, got "members"'):
        list(read_filter("members pr", (USER,)))


@pytest.mark.parametrize("text", ['shoeSize eq "44"', "title pr or shoeSize pr", 'emails[shoeSize eq "44"]'])
def test_a_name_that_no_type_knows(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        list(read_filter(text, RESOURCE_TYPES))
    assert refused.value.scim_type == "invalidFilter" and "shoeSize" in refused.value.detail
