"""This module declares the attributes that Entra's mapping is expected to fill: 18 of users, 3 of groups.

Only `userName` and a group's `displayName` are required by a schema; the others are *expected*, since Entra sends no
empty values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WORK = '[type eq "work"]'
MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class MappedAttribute:
    """One mapped attribute. `path` is the target as Entra's mapping page writes it; `is_matching`: Entra matches on it.

    `is_listed_required`: marked as required in the vendor's table, which here means expected.
    """

    path: str
    type: Literal["String", "Boolean", "Reference"] = "String"
    is_matching: bool = False
    is_listed_required: bool = True


MAPPING: Mapping[str, Sequence[MappedAttribute]] = {
    "User": (
        MappedAttribute("userName", is_matching=True),
        MappedAttribute("active", "Boolean"),
        *map(MappedAttribute, ("displayName", "title", f"emails{WORK}.value", "preferredLanguage")),
        *map(MappedAttribute, ("name.givenName", "name.familyName", "name.formatted")),
        *(
            MappedAttribute(f"addresses{WORK}.{part}")
            for part in ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
        ),
        *map(MappedAttribute, ("externalId", "roles", f"{ENTERPRISE_USER}:department")),
    ),
    "Group": (
        MappedAttribute("displayName", is_matching=True),
        MappedAttribute("externalId", is_listed_required=False),
        MappedAttribute(MEMBERS, "Reference", is_listed_required=False),
    ),
}
"""The mapped attributes by the name of the resource type; a custom type has none.

Their order gives the bits of `filled_mask`, which are stored: another order needs all rows derived again, which
ResourceType.fingerprint causes.
"""


def filled_paths(type_name: str, document: Mapping[str, Any]) -> frozenset[str]:
    """Return the mapped paths at which a stored document has a value, without members, which are not part of it."""
    mask = filled_mask(type_name, document, has_members=False)
    return frozenset(row.path for place, row in enumerate(MAPPING.get(type_name, ())) if mask >> place & 1)


def filled_mask(type_name: str, document: Mapping[str, Any], has_members: bool) -> int:
    """Return a number with a bit for each mapped path that has a value: the n-th path of the type has the bit 2^n."""
    return changed_mask(type_name, {}, document, members_bit(type_name) if has_members else 0)


def changed_mask(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any], mask: int) -> int:
    """Return the mask of a document from that of an earlier one; only attributes that differ are examined."""
    for name, tests in _tests(type_name):
        value = after.get(name)
        if value != before.get(name):
            for bit, is_filled in tests:
                mask = mask | bit if value is not None and is_filled(value) else mask & ~bit
    return mask


@cache
def members_bit(type_name: str) -> int:
    """Return the bit of the members; 0 for a type that has none."""
    return sum(1 << place for place, row in enumerate(MAPPING.get(type_name, ())) if row.path == MEMBERS)


@cache
def _tests(type_name: str) -> Sequence[tuple[str, Sequence[tuple[int, Callable[[Any], bool]]]]]:
    """Return the bit and the test of each path but the members, by the attribute or extension that it leads into."""
    tests: dict[str, list[tuple[int, Callable[[Any], bool]]]] = {}
    for place, row in enumerate(MAPPING.get(type_name, ())):
        if row.path != MEMBERS:
            name, is_filled = _test(row.path)
            tests.setdefault(name, []).append((1 << place, is_filled))
    return tuple(tests.items())


def _test(path: str) -> tuple[str, Callable[[Any], bool]]:
    """Return an attribute or extension, and the test whether its value has one at the path: none of them is empty."""
    name, in_brackets, part = path.partition(WORK + ".")
    if in_brackets:
        return name, lambda values: any(one.get("type") == "work" and part in one for one in values)
    name, _, part = path.rpartition(":" if ":" in path else ".")
    return (name, lambda value: part in value) if name else (part, lambda _: True)
