"""Every way in which our PATCH and the other implementation's differ: how it is recognized, why, and an example."""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.differential.patch_case import ENTERPRISE, Case

PRIMARY = re.compile(r"\.primary\Z", re.IGNORECASE)


def parts_of_nothing(one: Case) -> bool:
    """Whether all that differs are parts of attributes with many values, where there was none yet."""
    made = {way[0].name for way in one.targets() if len(way) == 2 and way[0].multi_valued}
    return bool(one.names) and all(
        name in made and name not in one.document and name not in one.theirs for name in one.names
    )


def sets_every_primary(one: Case) -> bool:
    """Whether one operation makes several values the primary one: all of them, or all that a filter finds."""
    sets = [PRIMARY.sub("", path).split("[")[0].split(":")[-1] for path in one.paths if PRIMARY.search(path)]
    differ = bool(one.names) and {name.lower() for name in one.names} <= {name.lower() for name in sets}
    return bool(sets) and (differ or one.theirs == "invalidValue")


def wrong_filter(one: Case) -> bool:
    return one.ours == "invalidFilter" and one.theirs in ("invalidPath", "noTarget") and "[" in one.paths[0]


def moves_the_manager(one: Case) -> bool:
    """Whether all that differs is the address of a manager who is another one now."""
    if one.names != [ENTERPRISE] or isinstance(one.ours, str) or isinstance(one.theirs, str):
        return False
    ours, theirs = copy.deepcopy((one.ours[ENTERPRISE], one.theirs[ENTERPRISE]))
    theirs["manager"].pop("$ref", None)
    return bool(ours == theirs)


def drops_a_part_of_the_manager(one: Case) -> bool:
    parts = {f"{ENTERPRISE}:manager.{part}" for part in ("value", "$ref")}
    dropped = {way[-1].path for way in one.targets()} if one.operation["op"] == "remove" else set()
    return bool(dropped & parts) and one.theirs == "mutability"


def two_primaries(one: Case) -> bool:
    """Whether a list in the operation says twice which value is the primary one."""
    value = one.operation.get("value")
    lists = [many for many in (value.values() if isinstance(value, dict) else [value]) if isinstance(many, list)]
    said = [[v for v in many if isinstance(v, dict) and v.get("primary") is True] for many in lists]
    return one.theirs == "invalidValue" and any(len(primaries) > 1 for primaries in said)


def makes_the_usual(one: Case) -> bool:
    usual = r'\[(type eq "(work|home|other)"|primary eq true)\]'
    free = r"(roles|entitlements|x509Certificates)\[\w+ eq [^ ]+\]"
    plain = re.search(f"{usual}|{free}", one.paths[0], re.IGNORECASE)
    return one.operation["op"] == "replace" and one.theirs == "noTarget" and plain is not None


def contradicts_its_filter(one: Case) -> bool:
    demands = re.search(r"\[(\w+) eq [^\]]*\](?:\.(\w+))?$", one.paths[0], re.IGNORECASE)
    if one.operation["op"] != "add" or one.theirs != "invalidValue" or demands is None:
        return False
    sets = {demands[2]} if demands[2] else set(one.operation["value"])
    return demands[1].lower() in {name.lower() for name in sets}


def adds_what_is_there(one: Case) -> bool:
    """Whether all that differs are other parts of values whose type and value were there."""
    if one.operation["op"] != "add" or not one.names or isinstance(one.ours, str) or isinstance(one.theirs, str):
        return False
    if not all(isinstance(side.get(name), list) for side in (one.ours, one.theirs) for name in one.names):
        return False
    sides = [
        [[(value.get("type"), value.get("value")) for value in side[name]] for name in one.names]
        for side in (one.ours, one.theirs)
    ]
    added = one.operation["value"]
    new = added if isinstance(added, dict) else {one.names[0]: added}
    return sides[0] == sides[1] and all(name in new for name in one.names)


@dataclass(frozen=True)
class Difference:
    """One way in which the two differ; `example` shows it: what is given, the operation, ours, theirs."""

    name: str
    explains: Callable[[Case], bool]
    why: str
    sentence: str
    example: tuple[dict[str, Any], dict[str, Any], Any, Any]


WORK = {"value": "ada@x.example", "type": "work"}
HOME = {"value": "bob@y.example", "type": "home"}
DIFFERENCES = (
    Difference(
        "a part of values that are not there", parts_of_nothing,
        "Entra adds `roles.value` to somebody who has none; the other changes nothing and is content",
        "RFC 7644 3.5.2.1: where the target does not exist, the attribute and its value are added",
        ({}, {"op": "add", "path": "addresses.locality", "value": "Leeds"}, {"addresses": [{"locality": "Leeds"}]}, {}),
    ),
    Difference(
        "primary of every value", sets_every_primary,
        "what cannot be done to all values is done to the first of them; the other takes the last, or refuses",
        "RFC 7643 2.4: primary true stands at most once; RFC 7644 3.5.2 has only a single value made primary",
        (
            {"emails": [WORK, HOME]},
            {"op": "replace", "path": "emails.primary", "value": True},
            {"emails": [WORK | {"primary": True}, HOME | {"primary": False}]},
            "invalidValue",
        ),
    ),
    Difference(
        "two primaries in one list", two_primaries,
        "the first one counts, as in a POST and a PUT; a whole synchronization is not refused for it",
        "RFC 7643 2.4: primary true stands at most once; no RFC says which status follows",
        (
            {},
            {"op": "add", "path": "emails", "value": [WORK | {"primary": True}, HOME | {"primary": True}]},
            {"emails": [WORK | {"primary": True}, HOME | {"primary": False}]},
            "invalidValue",
        ),
    ),
    Difference(
        "the address of another manager", moves_the_manager,
        "a `$ref` that stands beside another `value` than before leads to the wrong person",
        "RFC 7643 4.3: manager.$ref is the URI of the resource that is the manager",
        (
            {ENTERPRISE: {"manager": {"value": "b2", "$ref": "../Users/b2"}}},
            {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "c3"}},
            {ENTERPRISE: {"manager": {"value": "c3"}}},
            {ENTERPRISE: {"manager": {"value": "c3", "$ref": "../Users/b2"}}},
        ),
    ),
    Difference(
        "a manager without one of its parts", drops_a_part_of_the_manager,
        "the other takes both parts for required; Entra sends the value alone",
        "RFC 7643 8.7.1: manager.value and manager.$ref have required false in the schema",
        (
            {ENTERPRISE: {"manager": {"value": "b2", "$ref": "../Users/b2"}}},
            {"op": "remove", "path": f"{ENTERPRISE}:manager.$ref"},
            {ENTERPRISE: {"manager": {"value": "b2"}}},
            "mutability",
        ),
    ),
    Difference(
        "what is wrong between brackets", wrong_filter,
        "the part that is wrong is the filter; the other says so of the whole path, or finds nothing by it",
        "RFC 7644 Table 9: invalidFilter is for a filter, also where PATCH has one in its path",
        ({}, {"op": "add", "path": 'ims[type is "x"]', "value": {"display": "x"}}, "invalidFilter", "invalidPath"),
    ),
    Difference(
        "a replace that makes the usual value", makes_the_usual,
        "Entra replaces `emails[type eq \"work\"].value` of somebody without one, and would fail for ever",
        "RFC 7644 3.5.2.3: noTarget for a filter that finds nothing; not for usual types, primary and free types",
        (
            {},
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "ada@x.example"},
            {"emails": [WORK]},
            "noTarget",
        ),
    ),
    Difference(
        "an add against its own filter", contradicts_its_filter,
        "what the filter says is made first, and then what the operation says; the other takes it for a mistake",
        "RFC 7644 3.5.2.1: the value is added at the target; nothing is said of a value that the filter would not find",
        (
            {},
            {"op": "add", "path": 'ims[value eq "a"].value', "value": "b"},
            {"ims": [{"value": "b"}]},
            "invalidValue",
        ),
    ),
    Difference(
        "an add of a value that is there with other parts", adds_what_is_there,
        "type and value say which value is meant, and what was sent last is what the client knows",
        "RFC 7643 2.4: the same type and value SHOULD NOT be there twice; RFC 7644 3.5.2.1: an add replaces a value",
        (
            {"ims": [{"value": "a", "display": "old"}]},
            {"op": "add", "path": "ims", "value": [{"value": "a", "display": "new", "primary": True}]},
            {"ims": [{"value": "a", "display": "new", "primary": True}]},
            {"ims": [{"value": "a", "display": "old", "primary": True}]},
        ),
    ),
)  # fmt: skip
