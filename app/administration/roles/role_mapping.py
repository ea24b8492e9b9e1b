"""This module manages the rules that give users console roles by app role or group.

Off while it has no line.

It is seen before it is saved: who gains a role, who loses one.
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
from app.store.directory import resource_rows

RawLine = tuple[str, str, str]
"""A line as a form brings it: source, value (of a group its id or its name), role."""


class Outdated(Refused):
    """What would come of saving is not what the preview showed."""


@dataclass(frozen=True, slots=True)
class MappedLine:
    """A line to be shown. `name` is the group's, "" for a group that is gone and for an app role.

    `people`: how many active people have what it names; None where they were not counted.
    """

    line: MappingRule
    name: str
    people: int | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it names a group that is not here."""
        return self.line.source == "group" and not self.name

    @property
    def words(self) -> str:
        """`app role "Admin"`, `group "Console owners"`."""
        return granted_roles.words_of(self.line.because, {self.line.value: self.name} if self.name else {})


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """The mapping as it is. `has_provider`: whether anybody can come in by it yet."""

    lines: list[MappedLine]
    has_provider: bool

    @property
    def gives_owner(self) -> bool:
        """Whether a SCIM client can make owners."""
        return any(one.line.role is Role.OWNER for one in self.lines)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one person: None for no role."""

    user_id: str
    name: str
    old: Role | None
    new: Role | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Some people to whom the same happens, at most `bounds.GRANTS_SHOWN`, and how many they are in all."""

    people: list[Outcome]
    total: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What saving would do. `fingerprint` tells this outcome from every other."""

    mapping: RoleMapping
    gains: Outcomes
    loses: Outcomes
    changes: Outcomes
    fingerprint: str
    is_another: bool


def mapping() -> RoleMapping:
    """The mapping as it is."""
    with directory_database.reading() as connection:
        return _mapping(connection, rows.mapping(connection))


def groups_offered() -> dict[str, str]:
    """Names of at most `bounds.GROUPS_OFFERED` groups, by their ids, in the order of their names."""
    with directory_database.reading() as connection:
        found = rows.groups_offered(connection, bounds.GROUPS_OFFERED)
    names = {id: name_of(json.loads(document)) for id, document in found.items()}
    return dict(sorted(names.items(), key=lambda one: normalize_text(one[1])))


def names_of_groups(ids: Iterable[str]) -> dict[str, str]:
    """What groups are called, by their ids; without ids that no group has."""
    with directory_database.reading() as connection:
        return granted_roles.group_names(connection, ids)


def preview(raw: Iterable[RawLine]) -> Preview:
    """Who would gain, lose or change a role. Raises Refused for a line that cannot be saved."""
    with directory_database.reading() as connection:
        held, lines = rows.mapping(connection), _read(connection, raw)
        found = _of_roles(rows.differences(connection, lines))
        return Preview(
            _mapping(connection, lines, rows.counts(connection, lines)),
            gains=_outcomes(connection, [one for one in found if one.old is None]),
            loses=_outcomes(connection, [one for one in found if one.new is None]),
            changes=_outcomes(connection, [one for one in found if one.old and one.new]),
            fingerprint=_fingerprint(held, lines, found),
            is_another=held != lines,
        )


def save(raw: Iterable[RawLine], expected: str, by: Actor) -> None:
    """Make these lines the mapping, with all that follows. Raises Refused as `preview` does.

    `expected` is the fingerprint of the preview. Raises Outdated, and has then changed nothing, if anything else would
    come of it by now.
    """
    with directory_database.writing() as connection:
        held, lines = rows.mapping(connection), _read(connection, raw)
        found = rows.differences(connection, lines)
        if _fingerprint(held, lines, _of_roles(found)) != expected:
            raise Outdated("The effects have changed since the preview. Check the new preview below before you save.")
        if held == lines:
            return
        rows.rewrite_mapping(connection, lines)
        _record(connection, by, held, lines)
        granted_roles.apply(connection, by, found)


def _read(connection: Connection, raw: Iterable[RawLine]) -> tuple[MappingRule, ...]:
    """Checked lines in their order; those without a value are left out. Raises Refused."""
    lines: dict[str, MappingRule] = {}
    for source, value, role in raw:
        value = exact_text(value) or ""
        if not value:
            continue
        kind = next((known for known in SOURCES if known == source), None)
        if kind is None or role not in set(Role):
            raise Refused("Choose a source and a role for each rule.")
        if kind == "app_role" and (len(value) > bounds.ROLE_VALUE_LENGTH or not value.isprintable()):
            raise Refused(f"The value of an app role has at most {bounds.ROLE_VALUE_LENGTH} printable characters.")
        line = MappingRule(kind, _group_id(connection, value) if kind == "group" else value, Role(role))
        if line.because in lines:
            raise Refused(f"{_words(connection, line)} is in two rules.")
        lines[line.because] = line
    if len(lines) > bounds.ROLE_LINES:
        raise Refused(f"There may be at most {bounds.ROLE_LINES} lines.")
    return rows.ordered(lines.values())


def _group_id(connection: Connection, given: str) -> str:
    """The id of a group that is here, by its id or its name. Raises Refused."""
    if given in granted_roles.group_names(connection, [given]):
        return given
    found = resource_rows.holder(connection, GROUP, "displayName", normalize_text(given))
    if found is None:
        shown = given[: bounds.ROLE_VALUE_LENGTH]
        raise Refused(f'There is no group "{shown}" here. Remove its rule, or choose another group.')
    return found


def _words(connection: Connection, line: MappingRule) -> str:
    return _mapping(connection, [line]).lines[0].words


def _mapping(
    connection: Connection, lines: Sequence[MappingRule], counts: Mapping[str, int] | None = None
) -> RoleMapping:
    names = granted_roles.group_names(connection, [line.value for line in lines if line.source == "group"])
    shown = [
        MappedLine(
            line,
            names.get(line.value, "") if line.source == "group" else "",
            counts.get(line.because, 0) if counts is not None else None,
        )
        for line in lines
    ]
    return RoleMapping(shown, identity_provider_row.find(connection) is not None)


def _of_roles(found: Iterable[Difference]) -> list[Difference]:
    return [one for one in found if one.is_of_role]


def _outcomes(connection: Connection, found: Sequence[Difference]) -> Outcomes:
    shown = found[: bounds.GRANTS_SHOWN]
    names = granted_roles.names_of(connection, [one.user_id for one in shown])
    return Outcomes([Outcome(one.user_id, names[one.user_id], one.old, one.new) for one in shown], len(found))


def _fingerprint(held: Sequence[MappingRule], lines: Sequence[MappingRule], found: Iterable[Difference]) -> str:
    """Of what is there, of what shall be there, and of everybody whose role changes by it."""
    told = [
        [[one.because, one.role] for one in held],
        [[one.because, one.role] for one in lines],
        sorted([one.user_id, one.old or "", one.new or ""] for one in found),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _record(connection: Connection, by: Actor, held: Sequence[MappingRule], lines: Sequence[MappingRule]) -> None:
    """One audit entry for each line that came, went or gives another role now."""
    old, new = ({one.because: one for one in them} for them in (held, lines))
    for because in sorted(old.keys() | new.keys()):
        was, will = old.get(because), new.get(because)
        if was == will:
            continue
        line = will or was
        assert line is not None
        group = {"group": line.value} if line.source == "group" else {}
        roles = {"old": was.role if was else "no role", "new": will.role if will else "no role"}
        audit.record(connection, by, Action.MAPPING_SAVED, _words(connection, line), **roles, **group)
