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
    return frozenset(path for path, is_filled in _tests(type_name) if is_filled(document))


def filled_mask(type_name: str, document: Mapping[str, Any], has_members: bool) -> int:
    """Return a number with a bit for each mapped path that has a value: the n-th path of the type has the bit 2^n."""
    mask = members_bit(type_name) if has_members else 0
    for place, (path, is_filled) in enumerate(_tests(type_name)):
        if path != MEMBERS and is_filled(document):
            mask |= 1 << place
    return mask


@cache
def members_bit(type_name: str) -> int:
    """Return the bit of the members; 0 for a type that has none."""
    return sum(1 << place for place, (path, _) in enumerate(_tests(type_name)) if path == MEMBERS)


@cache
def _tests(type_name: str) -> tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...]:
    return tuple((row.path, _test(row.path)) for row in MAPPING.get(type_name, ()))


def _test(path: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return the test whether a document has a value at one path. A stored document has no empty values."""
    name, in_brackets, part = path.partition(WORK + ".")
    if in_brackets:
        return lambda document: any(one.get("type") == "work" and part in one for one in document.get(name, ()))
    urn, colon, name = path.rpartition(":")
    if colon:
        return lambda document: name in document.get(urn, ())
    name, dot, part = path.partition(".")
    if dot:
        return lambda document: part in document.get(name, ())
    return lambda document: name in document
