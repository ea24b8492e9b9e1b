"""This module declares the rules by which one row of an exported mapping is reviewed."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.observation.attributes.entra_schema_file import AttributeMapping
from app.observation.attributes.usual_entra_mapping import ADDITIVE_ROLES, SINGLE_ROLE, WHOLE_ROLES, advice
from app.scim.filter_match import implied_value
from app.scim.filter_tree import Target

Level = Literal["wrong", "warning", "note"]
_RANKS: Sequence[Level] = ("wrong", "warning", "note")

_FLOWS: Mapping[str, str] = {
    "objectaddonly": "only at creation: later changes are not sent",
    "attributeaddonly": "only while there is no value: later changes are not sent",
    "valueaddonly": "without removals: a value that is removed in Entra stays here",
    "multivalueaddonly": "without removals: a value that is removed in Entra stays here",
}
"""The attribute flow types of Microsoft Graph (attributeFlowType), without `Always`."""
_QUOTED = re.compile(r'"([^"]*)"')
_CHANGING_NAMES = frozenset({"mailnickname", "displayname", "givenname", "surname"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: its level, the path that it is about ("" for a whole mapping), and what to do ("" for nothing)."""

    level: Level
    path: str
    text: str
    remedy: str = ""

    @property
    def rank(self) -> int:
        """The sort key of the level; 0 is the worst."""
        return _RANKS.index(self.level)


@dataclass(frozen=True, slots=True)
class ExportedMapping:
    """An attribute mapping of the file, with the meaning of its target here; `target` is None for an unknown name."""

    mapping: AttributeMapping
    target: Target | None

    @property
    def place(self) -> str:
        """The same text for all spellings of the same target; "" for an unknown one."""
        return place_of(self.target) if self.target else ""

    @property
    def is_read_only(self) -> bool:
        """Whether only this server writes the target."""
        return self.target is not None and any(
            one is not None and one.is_read_only for one in (self.target.attribute, self.target.part)
        )

    @property
    def is_unique(self) -> bool:
        """Whether the target must be unique among resources."""
        return self.target is not None and self.target.attribute.traits.uniqueness == "server"


def place_of(target: Target) -> str:
    """Return the meaning of a path as text: its attribute or part, and what its filter requires, in lower case."""
    values = (implied_value(target.where) or {}) if target.where else {}
    condition = " and ".join(sorted(f"{name} {value}".lower() for name, value in values.items()))
    return f"{target.path} [{condition}]" if condition else target.path


@dataclass(frozen=True, slots=True)
class _Rule:
    """A condition on an attribute mapping and its finding. `paths`: the rows that it applies to; empty means all."""

    level: Level
    holds: Callable[[ExportedMapping], bool]
    text: Callable[[ExportedMapping], str]
    has_advice: bool = True
    paths: frozenset[str] = frozenset()


def about_line(type_name: str, path: str, line: ExportedMapping) -> Iterator[Finding]:
    """Yield the findings about an attribute mapping that fills the row with this path."""
    for rule in _RULES:
        if (not rule.paths or path in rule.paths) and rule.holds(line):
            remedy = advice(type_name, path) if rule.has_advice else ""
            yield Finding(rule.level, path, rule.text(line), remedy)


def _switches_rightly(line: ExportedMapping) -> bool | None:
    """Return whether `active` becomes false for users who are deleted or out of scope; None if that is not certain.

    Entra: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`, `Not([IsSoftDeleted])`.
    """
    source = re.sub(r"\s+", "", line.mapping.source).lower()
    if source == "not([issoftdeleted])":
        return True
    if line.mapping.kind == "attribute" and source == "issoftdeleted":
        return False
    if not source.startswith("switch([issoftdeleted],"):
        return None
    words = _QUOTED.findall(source)
    cases = dict(zip(words[len(words) % 2 :: 2], words[len(words) % 2 + 1 :: 2], strict=True))
    known = (cases.get("false"), cases.get("true"))
    return None if None in known else known == ("true", "false")


def _is_expression_without(line: ExportedMapping, word: str) -> bool:
    return not line.mapping.is_constant and line.mapping.kind != "none" and word not in line.mapping.source.lower()


def _calls(line: ExportedMapping, function: str) -> bool:
    return re.search(rf"\b{function}s?\(", line.mapping.source, re.IGNORECASE) is not None


_EXTERNAL_ID, _ACTIVE, _ROLES = (frozenset({path}) for path in ("externalId", "active", "roles"))

_RULES: Sequence[_Rule] = (
    _Rule(
        "warning",
        lambda line: not (line.mapping.kind == "attribute" and line.mapping.source.lower() == "objectid"),
        lambda line: (
            f"It is filled from {_source(line)}, which can change and be assigned to another person; "
            "the object ID cannot."
        ),
        paths=_EXTERNAL_ID,
    ),
    _Rule(
        "wrong",
        lambda line: line.mapping.is_constant,
        lambda _: "It is the same for all users, so users who leave are not disabled.",
        paths=_ACTIVE,
    ),
    _Rule(
        "wrong",
        lambda line: not line.mapping.is_constant and _switches_rightly(line) is False,
        lambda _: "It is inverted: users who leave become active, and all others are disabled.",
        paths=_ACTIVE,
    ),
    _Rule(
        "warning",
        lambda line: _is_expression_without(line, "issoftdeleted"),
        lambda line: (
            f"It is filled from {_source(line)} and does not use IsSoftDeleted: users who are only removed from "
            "the application stay active."
        ),
        paths=_ACTIVE,
    ),
    _Rule(
        "note",
        lambda line: "issoftdeleted" in line.mapping.source.lower() and _switches_rightly(line) is None,
        lambda _: "Check with Provision on demand whether this expression gives False for users who leave.",
        has_advice=False,
        paths=_ACTIVE,
    ),
    _Rule(
        "warning",
        lambda line: _calls(line, ADDITIVE_ROLES),
        lambda _: f"{ADDITIVE_ROLES} only adds roles: a role that is removed in Entra stays here.",
        paths=_ROLES,
    ),
    _Rule(
        "note",
        lambda line: _calls(line, SINGLE_ROLE),
        lambda _: f"{SINGLE_ROLE} sends one role: users with several roles are sent with only one of them.",
        paths=_ROLES,
    ),
    _Rule(
        "note",
        lambda line: any(_calls(line, name) for name in (ADDITIVE_ROLES, SINGLE_ROLE, WHOLE_ROLES)),
        lambda _: "App roles are not sent by Provision on demand, nor when all users and groups are in scope.",
        has_advice=False,
        paths=_ROLES,
    ),
    _Rule(
        "wrong",
        lambda line: line.is_unique and (line.mapping.is_constant or line.mapping.default != ""),
        lambda _: "It must be unique, but several users get the same value: the second one is refused.",
    ),
    _Rule(
        "warning",
        lambda line: line.is_unique and line.mapping.source.lower() in _CHANGING_NAMES,
        lambda line: (
            f"It must be unique, and {_source(line)} may not be: the second user with the same value is refused."
        ),
        paths=frozenset({"userName"}),
    ),
    _Rule(
        "note",
        lambda line: line.mapping.is_constant and not line.is_unique and line.place != "active",
        lambda line: f"All users get the same value: {_source(line)}.",
        has_advice=False,
    ),
    _Rule(
        "warning",
        lambda line: line.mapping.kind == "none" and not line.mapping.is_constant,
        lambda _: "It has neither a source nor a default value, so nothing is sent.",
    ),
    _Rule(
        "warning",
        lambda line: line.mapping.flow_type.lower() in _FLOWS,
        lambda line: f"It is applied {_FLOWS[line.mapping.flow_type.lower()]} ({line.mapping.flow_type}).",
        has_advice=False,
    ),
)


def _source(line: ExportedMapping) -> str:
    """Return the source as a sentence names it."""
    match line.mapping.kind:
        case "constant":
            return f'the constant "{line.mapping.source}"'
        case "none":
            return f'the default value "{line.mapping.default}"' if line.mapping.default else "nothing"
        case _:
            return line.mapping.source
