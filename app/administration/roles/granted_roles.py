"""This module recomputes the console roles of users after each change, and audits what changed.

It also ends sessions: of users that are disabled, deleted, or represent another person by another externalId, and of
users whose role changes, since a new role requires a new session. A user that may be another person than before has
no role until an owner confirms the user (users_to_confirm.py). Administrators are in another table, and not affected.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app import bounds, clock
from app.administration import audit
from app.administration.audit import ITSELF, Action, Actor
from app.console_roles import Role
from app.scim.resource_types import GROUP, USER, is_active, name_of
from app.store.access import audit_rows, session_rows, user_to_confirm_rows
from app.store.access import role_rows as rows
from app.store.access.role_rows import Difference
from app.store.access.user_to_confirm_rows import UnconfirmedRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import history_rows
from app.store.directory.history_rows import Author, Moves
from app.store.directory.stored_resource import Record

_KINDS = {"app_role": "app role", "group": "group"}
_ROWS_AT_ONCE = 500
_DECISIVE = ("active", "roles")


@dataclass(frozen=True, slots=True)
class Grant:
    """The role of one user. `because` is a part of a sentence like `app role "Admin"`; `since` is in wire form."""

    user_id: str
    name: str
    role: Role
    because: str
    since: str


@dataclass(frozen=True, slots=True)
class Granted:
    """Some of the users with a role, the highest role first, and the number of users of each role."""

    people: list[Grant]
    totals: Mapping[Role, int]


@dataclass(frozen=True, slots=True)
class News:
    """The number of users that recently received or lost a role, and the time of the last change (wire form).

    `is_provisioned`: a SCIM client caused it, not an action in the console. `is_more`: there are more than counted.
    """

    number: int
    has_lost: bool
    role: Role
    is_provisioned: bool
    at: str
    is_more: bool


def follow(
    connection: Connection,
    author: Author,
    record: Record,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    moves: Moves,
) -> None:
    """Update roles and sessions after a SCIM write to a resource; for a deletion, to be called before it.

    Without a role mapping, it only reads the mapping; with one, it examines only the affected users.
    """
    is_noted = False
    if record.type == USER.name:
        if before and (not is_active(after) or before.get("externalId") != (after or {}).get("externalId")):
            session_rows.end_of_users(connection, [record.id])
        if before and after:
            is_noted = _note_external_id(connection, record.id, before, after)
        if before and after and not is_noted and all(before.get(name) == after.get(name) for name in _DECISIVE):
            return
    elif record.type != GROUP.name or (after and not moves):
        return
    rules = rows.mapping(connection)
    if not rules:
        return
    affected: Collection[str] = [record.id]
    if record.type == GROUP.name:
        left = tuple(rule for rule in rules if (rule.source, rule.value) != ("group", record.id))
        if left == rules:
            return
        # A deleted group gives no role, although its members are still stored.
        rules = rules if after else left
        affected = moves.joined | moves.departed if after else rows.members(connection, record.id)
    elif not after:
        rules = ()
    kind, _, name = author.actor.partition(" ")
    by = Actor("operator" if kind == "operator" else "person" if kind == "person" else "client", name)
    reason = "another externalId" if is_noted else "deleted" if record.type == USER.name and not after else ""
    apply(connection, by, rows.differences(connection, rules, affected), reason, request=author.request)


def _note_external_id(
    connection: Connection, user_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Record whether a user may be another person than before, and return whether that has changed.

    A user name is assigned to a new person after the former person was disabled. So the externalId changes while the
    user is disabled, in the request that disables or enables the user, soon before the disable, or soon after the
    enable. A change without a disable means that Entra's attribute mapping changed, which affects all users. A removed
    externalId counts until there is another one, so the user may be disabled in between. If the former externalId
    returns, the user is the former person.
    """
    old, new = before.get("externalId"), after.get("externalId")
    if old == new:
        return not is_active(before) and is_active(after) and _note_change_before_disable(connection, user_id, old)
    if known := user_to_confirm_rows.find(connection, user_id):
        if new == known.external_id:
            user_to_confirm_rows.remove(connection, user_id)
        return new == known.external_id
    now = clock.to_wire(clock.utc_now())
    until, former = (now, old) if old else history_rows.last_change_of(connection, user_id, "externalId") or (now, None)
    if not former or former == new:
        return False
    if is_active(before) and is_active(after) and not _was_enabled_since(connection, user_id, until):
        return False
    user_to_confirm_rows.add(connection, UnconfirmedRow(user_id, former, now))
    return True


def note_put_back(connection: Connection, user_id: str, external_id: str | None) -> None:
    """Record that a deleted user who is put back may be another person than before, if an owner has not confirmed it.

    The row about that was deleted with the user. To be called before `follow`. More users count than while they are
    here: the history does not tell whether the user was disabled when the externalId changed.
    """
    former = history_rows.last_other_value_of(connection, user_id, "externalId", external_id)
    if former and not audit_rows.last_about(connection, Action.USER_CONFIRMED.key, user_id, former[0]):
        user_to_confirm_rows.add(connection, UnconfirmedRow(user_id, former[1], former[0]))


def _note_change_before_disable(connection: Connection, user_id: str, external_id: str | None) -> bool:
    """Record a user that is enabled with another externalId than soon before its disable; return whether it is one.

    Soon means `bounds.ENABLED_LATELY_S`. Changes before an owner confirmed the user do not count.
    """
    disabled = history_rows.last_change_of(connection, user_id, "active")
    if not external_id or not disabled or user_to_confirm_rows.find(connection, user_id):
        return False
    since = clock.to_wire(datetime.fromisoformat(disabled[0]) - timedelta(seconds=bounds.ENABLED_LATELY_S))
    since = audit_rows.last_about(connection, Action.USER_CONFIRMED.key, user_id, since) or since
    changes = history_rows.changes_since(connection, user_id, since)
    former = next((one.old for one in changes if one.attribute == "externalId"), None)
    if not former or former == external_id:
        return False
    user_to_confirm_rows.add(connection, UnconfirmedRow(user_id, former, clock.to_wire(clock.utc_now())))
    return True


def _was_enabled_since(connection: Connection, user_id: str, moment: str) -> bool:
    """Return whether an active user was disabled after a time (wire form), or until soon before it.

    Soon means `bounds.ENABLED_LATELY_S`.
    """
    enabled = history_rows.last_change_of(connection, user_id, "active")
    soon_before = datetime.fromisoformat(moment) - timedelta(seconds=bounds.ENABLED_LATELY_S)
    return enabled is not None and enabled[0] > clock.to_wire(soon_before)


def settle(connection: Connection) -> None:
    """Recompute the roles of all users; to be called after the derived rows were rebuilt."""
    if rules := rows.mapping(connection):
        apply(connection, ITSELF, rows.differences(connection, rules))


def apply(connection: Connection, by: Actor, changes: Sequence[Difference], reason: str = "", **detail: str) -> None:
    """Store the roles that differ, record one audit entry for each change, and end the sessions of those users.

    `reason`: why a role is lost, if neither the user nor the rule explains it.
    """
    if not changes:
        return
    # All changes must be stored: a former employee must not keep a role because there are too many changes.
    directory_database.lift_time_limit(connection)
    rows.apply(connection, changes, clock.to_wire(clock.utc_now()))
    changed = [one for one in changes if one.is_of_role]
    audit.record_all(connection, by, _acts(connection, changed, reason, detail))
    session_rows.end_of_users(connection, [one.user_id for one in changed])


def grant_of(user_id: str) -> Grant | None:
    """Return the role of a user and its reason; None if the user has no role."""
    with directory_database.reading() as connection:
        row = rows.grant_of(connection, user_id)
        return _grants(connection, [row])[0] if row else None


def withheld(connection: Connection, user_ids: Collection[str]) -> dict[str, Grant]:
    """Return the roles that unconfirmed users would have by the mapping, by user id; their `since` is ""."""
    due = rows.differences(connection, rows.mapping(connection), user_ids, are_confirmed=True)
    grants = [rows.GrantRow(one.user_id, one.new, one.new_because, "") for one in due if one.new and one.new_because]
    return {one.user_id: one for one in _grants(connection, grants)}


def granted() -> Granted:
    """Return the users that have a role: at most `bounds.GRANTS_SHOWN`, and the totals."""
    with directory_database.reading() as connection:
        return Granted(_grants(connection, rows.granted(connection, bounds.GRANTS_SHOWN)), rows.totals(connection))


def news() -> list[News]:
    """Return the role changes of the last `bounds.ROLE_NEWS_DAYS` days, newest first."""
    since = clock.to_wire(clock.utc_now() - timedelta(days=bounds.ROLE_NEWS_DAYS))
    people: dict[tuple[bool, Role, bool], dict[str, str]] = {}
    is_more = False
    with directory_database.reading() as connection:
        for action in (Action.ROLE_GRANTED, Action.ROLE_CHANGED, Action.ROLE_LOST):
            entries = audit_rows.newest(connection, action.key, since, bounds.ROLE_NEWS + 1)
            is_more = is_more or len(entries) > bounds.ROLE_NEWS
            for entry in entries[: bounds.ROLE_NEWS]:
                detail = json.loads(entry.detail)
                has_lost = action is Action.ROLE_LOST
                kind = has_lost, Role(detail["old" if has_lost else "new"]), entry.actor.startswith("client ")
                newest = people.setdefault(kind, {})
                newest[detail["person"]] = max(entry.at, newest.get(detail["person"], ""))
    news = (News(len(ids), *kind, max(ids.values()), is_more) for kind, ids in people.items())
    return sorted(news, key=lambda one: one.at, reverse=True)


def words_of(because: str, names: Mapping[str, str]) -> str:
    """Return the rule that gives a role as displayed: `app role "Admin"`, `group "Console owners"`."""
    source, _, value = because.partition(":")
    return f'{_KINDS.get(source, source)} "{names.get(value, value) if source == "group" else value}"'


def group_names(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of groups by their ids, without deleted groups."""
    documents = history_rows.documents_of(connection, list(ids))
    return {id: name_of(document) for id, (type, document) in documents.items() if type == GROUP.name}


def names_of(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of existing users by their ids."""
    documents = history_rows.documents_of(connection, list(ids))
    return {id: name_of(document) for id, (_, document) in documents.items()}


def _acts(
    connection: Connection, changed: Sequence[Difference], reason: str, detail: Mapping[str, str]
) -> Iterator[tuple[Action, str, Mapping[str, str]]]:
    """Yield one audit entry for each change. Documents are read in portions, since there may be many."""
    rules = {because for one in changed for because in (one.old_because, one.new_because)}
    groups = _names_of_groups(connection, rules)
    for part in (changed[start : start + _ROWS_AT_ONCE] for start in range(0, len(changed), _ROWS_AT_ONCE)):
        documents = history_rows.documents_of(connection, [one.user_id for one in part])
        for one in part:
            _, document = documents[one.user_id]
            if one.new_because:
                because = words_of(one.new_because, groups)
            elif not is_active(document):
                because = reason or "disabled"
            else:
                because = reason or f"no longer by {words_of(one.old_because or '', groups)}"
            roles = {"old": one.old or "", "new": one.new or ""}
            action = Action.ROLE_LOST if one.new is None else Action.ROLE_CHANGED if one.old else Action.ROLE_GRANTED
            yield action, name_of(document), {**roles, "because": because, "person": one.user_id, **detail}


def _names_of_groups(connection: Connection, because: Iterable[str | None]) -> dict[str, str]:
    """Return the names of the groups that give roles by these rules, by their ids."""
    rules = {one.partition(":") for one in set(because) if one}
    return group_names(connection, [value for source, _, value in rules if source == "group"])


def _grants(connection: Connection, grants: Sequence[rows.GrantRow]) -> list[Grant]:
    groups = _names_of_groups(connection, (one.because for one in grants))
    names = names_of(connection, [one.user_id for one in grants])
    return [
        Grant(one.user_id, names[one.user_id], one.role, words_of(one.because, groups), one.since) for one in grants
    ]
