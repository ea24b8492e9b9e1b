"""This module manages the rules that give users console roles by app role or group.

The mapping is off while it has no rule. A preview before saving displays who gains or loses a role.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app import bounds
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.administration.roles import granted_roles
from app.console_roles import Role
from app.scim.resource_types import GROUP, name_of
from app.scim.value_comparison import exact_text, normalize_text
from app.store.access import identity_provider_row
from app.store.access import role_rows as rows
from app.store.access.role_rows import SOURCES, Difference, MappingRule
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import lookup_rows

RawRule = tuple[str, str, str]
"""A rule as submitted by a form: source, value (for a group its id or name), role."""


class Outdated(Refused):
    """The effects of saving differ from the preview."""


@dataclass(frozen=True, slots=True)
class MappedRule:
    """A rule to display. `name` is the name of the group, "" for a deleted group and for an app role.

    `people`: the number of active users with the app role or in the group; None if they were not counted.
    """

    rule: MappingRule
    name: str
    people: int | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the group of the rule does not exist."""
        return self.rule.source == "group" and not self.name

    @property
    def words(self) -> str:
        """The rule as displayed: `app role "Admin"`, `group "Console owners"`."""
        return granted_roles.words_of(self.rule.because, {self.rule.value: self.name} if self.name else {})


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """The current mapping. `has_provider`: whether single sign-on is set up, without which no role can be used."""

    rules: list[MappedRule]
    has_provider: bool

    @property
    def gives_owner(self) -> bool:
        """Whether a SCIM client can grant the role owner."""
        return any(one.rule.role is Role.OWNER for one in self.rules)


@dataclass(frozen=True, slots=True)
class RoleOutcome:
    """The change of the role of one user. None means no role."""

    user_id: str
    name: str
    old: Role | None
    new: Role | None


@dataclass(frozen=True, slots=True)
class RoleOutcomes:
    """The users with the same kind of change, at most `bounds.GRANTS_SHOWN`, and their total number."""

    people: list[RoleOutcome]
    total: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The effects of saving. `fingerprint` identifies them. `is_another`: the rules differ from the current ones."""

    mapping: RoleMapping
    gains: RoleOutcomes
    loses: RoleOutcomes
    changes: RoleOutcomes
    fingerprint: str
    is_another: bool


def mapping() -> RoleMapping:
    """Return the current mapping."""
    with directory_database.reading() as connection:
        return _mapping(connection, rows.mapping(connection))


def groups_offered() -> dict[str, str]:
    """Return at most `bounds.GROUPS_OFFERED` groups as names by their ids, sorted by name."""
    with directory_database.reading() as connection:
        documents = rows.groups_offered(connection, bounds.GROUPS_OFFERED)
    names = {id: name_of(json.loads(document)) for id, document in documents.items()}
    return dict(sorted(names.items(), key=lambda one: normalize_text(one[1])))


def names_of_groups(ids: Iterable[str]) -> dict[str, str]:
    """Return the names of groups by their ids, without unknown ids."""
    with directory_database.reading() as connection:
        return granted_roles.group_names(connection, ids)


def preview(raw: Iterable[RawRule]) -> Preview:
    """Return who would gain, lose or change a role. Raises Refused for an invalid rule."""
    with directory_database.reading() as connection:
        old, new = rows.mapping(connection), _read(connection, raw)
        differences = [one for one in rows.differences(connection, new) if one.is_of_role]
        return Preview(
            _mapping(connection, new, rows.counts(connection, new)),
            gains=_outcomes(connection, [one for one in differences if one.old is None]),
            loses=_outcomes(connection, [one for one in differences if one.new is None]),
            changes=_outcomes(connection, [one for one in differences if one.old and one.new]),
            fingerprint=_fingerprint(old, new, differences),
            is_another=old != new,
        )


def save(raw: Iterable[RawRule], expected: str, by: Actor) -> None:
    """Replace the mapping, and apply the roles in the same transaction. `expected` is the fingerprint of the preview.

    Raises:
        Refused: a rule is invalid.
        Outdated: the effects differ from the preview; nothing was changed.
    """
    with directory_database.writing() as connection:
        old, new = rows.mapping(connection), _read(connection, raw)
        differences = rows.differences(connection, new)
        if _fingerprint(old, new, differences) != expected:
            raise Outdated("The effects have changed since the preview. Check the new preview below before you save.")
        if old == new:
            return
        rows.rewrite_mapping(connection, new)
        _record(connection, by, old, new)
        granted_roles.apply(connection, by, differences)


def _read(connection: Connection, raw: Iterable[RawRule]) -> tuple[MappingRule, ...]:
    """Validate the rules, and return them in order, without those that have no value. Raises Refused."""
    rules: dict[str, MappingRule] = {}
    for source, value, role in raw:
        value = exact_text(value) or ""
        if not value:
            continue
        kind = next((known for known in SOURCES if known == source), None)
        if kind is None or role not in set(Role):
            raise Refused("Choose a source and a role for each rule.")
        if kind == "app_role" and (len(value) > bounds.ROLE_VALUE_LENGTH or not value.isprintable()):
            raise Refused(f"The value of an app role has at most {bounds.ROLE_VALUE_LENGTH} printable characters.")
        rule = MappingRule(kind, _group_id(connection, value) if kind == "group" else value, Role(role))
        if rule.because in rules:
            raise Refused(f"{_words(connection, rule)} is in two rules.")
        rules[rule.because] = rule
    if len(rules) > bounds.ROLE_RULES:
        raise Refused(f"There may be at most {bounds.ROLE_RULES} rules.")
    return rows.ordered(rules.values())


def _group_id(connection: Connection, text: str) -> str:
    """Return the id of an existing group, given its id or name. Raises Refused."""
    if text in granted_roles.group_names(connection, [text]):
        return text
    group_id = lookup_rows.holder(connection, GROUP, "displayName", normalize_text(text))
    if group_id is None:
        shown = text[: bounds.ROLE_VALUE_LENGTH]
        raise Refused(f'There is no group "{shown}" here. Remove its rule, or choose another group.')
    return group_id


def _words(connection: Connection, rule: MappingRule) -> str:
    return _mapping(connection, [rule]).rules[0].words


def _mapping(
    connection: Connection, rules: Sequence[MappingRule], counts: Mapping[str, int] | None = None
) -> RoleMapping:
    names = granted_roles.group_names(connection, [rule.value for rule in rules if rule.source == "group"])
    shown = [
        MappedRule(
            rule,
            names.get(rule.value, "") if rule.source == "group" else "",
            counts.get(rule.because, 0) if counts is not None else None,
        )
        for rule in rules
    ]
    return RoleMapping(shown, identity_provider_row.find(connection) is not None)


def _outcomes(connection: Connection, differences: Sequence[Difference]) -> RoleOutcomes:
    shown = differences[: bounds.GRANTS_SHOWN]
    names = granted_roles.names_of(connection, [one.user_id for one in shown])
    return RoleOutcomes(
        [RoleOutcome(one.user_id, names[one.user_id], one.old, one.new) for one in shown], len(differences)
    )


def _fingerprint(old: Sequence[MappingRule], new: Sequence[MappingRule], differences: Iterable[Difference]) -> str:
    """Return a hash of the current rules, the new rules, and all role changes."""
    content = [
        [[one.because, one.role] for one in old],
        [[one.because, one.role] for one in new],
        sorted([one.user_id, one.old or "", one.new or ""] for one in differences if one.is_of_role),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _record(connection: Connection, by: Actor, old: Sequence[MappingRule], new: Sequence[MappingRule]) -> None:
    """Record one audit entry for each rule that was added, removed, or has another role."""
    before, after = ({rule.because: rule.role for rule in mapping} for mapping in (old, new))
    for because, rule in sorted({rule.because: rule for rule in (*old, *new)}.items()):
        roles = {"old": before.get(because, "no role"), "new": after.get(because, "no role")}
        if roles["old"] == roles["new"]:
            continue
        group = {"group": rule.value} if rule.source == "group" else {}
        audit.record(connection, by, Action.MAPPING_SAVED, _words(connection, rule), **roles, **group)
