"""This module reads the history of a resource or a request, and a resource as it was at a moment."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from app import bounds
from app.scim.differences import Change, flatten, gathered, in_detail, spread, undone
from app.scim.resource_types import ResourceType, name_of
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import history_rows, membership_history
from app.store.directory.history_rows import Event as Event  # for callers that must not import the store
from app.store.directory.membership_history import MembershipChange


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedMembershipChange(MembershipChange):
    """One joining or leaving of a group.

    Names are today's where the resource is here, else its last name, else its id. In `links_of_events` they are the
    names at that time.
    """

    group_name: str
    member_name: str


@dataclass(frozen=True, slots=True)
class State:
    """A resource at one moment: its values by detailed path, its document, its groups (id to name), its members' ids.

    `is_known`: the resource is not one that was deleted and purged; of such a one, only changed values are known. `at`:
    the moment in wire form, if `state` returns it.
    """

    values: dict[str, Any]
    document: dict[str, Any]
    groups: dict[str, str]
    members: Sequence[str] = ()
    is_known: bool = True
    at: str = ""


def events_of(
    resource_type: ResourceType, resource_id: str, before: int | None = None, limit: int = bounds.CONSOLE_PAGE_SIZE
) -> list[Event]:
    """Return the events of a resource, newest first; `before` is the id of the last event seen.

    Changes are in detail, as Entra's mapping page names the attributes; a creation has the initial values.
    """
    with directory_database.reading() as connection:
        events = history_rows.events_of(connection, resource_id, before, limit)
        return [_detailed(_with_beginning(connection, resource_type, event)) for event in events]


def events_of_requests(numbers: Collection[str]) -> dict[str, list[Event]]:
    """Return the events of each request ID, oldest first, without the initial values of created resources."""
    by_number: defaultdict[str, list[Event]] = defaultdict(list)
    with directory_database.reading() as connection:
        for event in history_rows.events_of_requests(connection, numbers):
            by_number[event.request].append(_detailed(event))
    return dict(by_number)


def names_of(ids: Collection[str]) -> dict[str, str]:
    """Return the present or last names of resources; ids that never were here are left out."""
    with directory_database.reading() as connection:
        return {id: name for id, name in _names(connection, ids).items() if name != id}


def names_at(moments: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the names of resources right after events, by resource id and event id, as far as known."""
    if not moments:
        return {}
    with directory_database.reading() as connection:
        return history_rows.names_at(connection, moments)


def deletions(resource_type: ResourceType, sought: str, limit: int) -> list[Event]:
    """Return the last deletions of resources of a type whose last name has all words of a search, newest first."""
    words = sought.split()
    with directory_database.reading() as connection:
        return history_rows.deletions(connection, resource_type.name, words, limit) if words else []


def last_event(resource_id: str) -> Event | None:
    """Return the last event of a resource; for a deleted one, its deletion."""
    with directory_database.reading() as connection:
        return next(map(_detailed, history_rows.events_of(connection, resource_id, None, 1)), None)


def newest_event() -> Event | None:
    """Return the last event of all resources."""
    with directory_database.reading() as connection:
        event = history_rows.newest_event(connection)
    return _detailed(event) if event else None


def compare(resource_type: ResourceType, resource_id: str, earlier: str, later: str) -> list[Change]:
    """Return the differences between two moments, in detail; `groups` is one change, of the names of all groups."""
    with directory_database.reading() as connection:
        states = [state_at(connection, resource_type, resource_id, moment) for moment in (earlier, later)]
    old, new = ({**state.values, **_named_groups(state)} if state else {} for state in states)
    return [
        Change(path, old.get(path), new.get(path))
        for path in dict.fromkeys((*old, *new))
        if old.get(path) != new.get(path)
    ]


def links_of_group(
    group_id: str, before: int | None = None, limit: int = bounds.CONSOLE_PAGE_SIZE, beyond: str = ""
) -> list[NamedMembershipChange]:
    """Return who joined and left a group, newest first; `before` is the event id of the last one seen.

    One event may have thousands: `beyond` is the id of the last member seen of that event.
    """
    with directory_database.reading() as connection:
        return _named(connection, membership_history.of_group(connection, group_id, before, limit, beyond))


def links_of_member(
    member_id: str, before: int | None = None, limit: int = bounds.CONSOLE_PAGE_SIZE, beyond: str = ""
) -> list[NamedMembershipChange]:
    """Return which groups a member joined and left, newest first; `beyond` is the id of the last group seen."""
    with directory_database.reading() as connection:
        return _named(connection, membership_history.of_member(connection, member_id, before, limit, beyond))


def links_of_events(events: Iterable[Event], limit_each: int) -> dict[str, list[NamedMembershipChange]]:
    """Return by request ID some of the membership changes of these events, with the names of that time."""
    ids = [event.id for event in events if event.joined or event.departed]
    if not ids:
        return {}
    with directory_database.reading() as connection:
        links = membership_history.of_events(connection, ids, limit_each)
        moments = {(id, link.event_id) for link in links for id in (link.group_id, link.member_id)}
        named = _named(connection, links, history_rows.names_at(connection, moments))
    by_number: defaultdict[str, list[NamedMembershipChange]] = defaultdict(list)
    for link in named:
        by_number[link.request].append(link)
    return dict(by_number)


def _detailed(event: Event) -> Event:
    return replace(event, changes=tuple(in_detail(event.changes)))


def _with_beginning(connection: Connection, resource_type: ResourceType, event: Event) -> Event:
    """Return the event; a creation has the initial values of the resource."""
    if event.verb != "create":
        return event
    later = history_rows.changes_since(connection, event.resource_id, event.id)
    first = _before(connection, resource_type, event.resource_id, later)
    return replace(event, changes=tuple(Change(name, None, value) for name, value in first.items()))


def _before(
    connection: Connection, resource_type: ResourceType, resource_id: str, later: Iterable[Change]
) -> dict[str, Any]:
    """Return the attributes of a resource before these changes, computed backwards from its present ones."""
    here = history_rows.documents_of(connection, [resource_id]).get(resource_id)
    document = spread(resource_type, here[1]) if here else {}
    return undone(document, later)


def state(resource_type: ResourceType, resource_id: str, since: str | int) -> State | None:
    """Return a resource as it was at a moment (wire form), or after an event of its own, by the event's id.

    A moment is after all events of that time. None if the resource did not exist then, or has no such event.
    """
    with directory_database.reading() as connection:
        at = since
        if isinstance(since, int):
            own = history_rows.event_of(connection, resource_id, since)
            if own is None:
                return None
            at = own.at
        found = state_at(connection, resource_type, resource_id, since)
        return replace(found, at=str(at)) if found else None


def state_at(connection: Connection, resource_type: ResourceType, resource_id: str, since: str | int) -> State | None:
    """Return a resource as it was at a moment (wire form) or after an event; None if it did not exist then."""
    verb = history_rows.verb_since(connection, resource_id, since)
    made = history_rows.made_at(connection, resource_id)  # older than its history if an upgrade added the history
    is_before = isinstance(since, str) and made is not None and made > since
    if verb in ("create", "put back") or (made is None and not verb) or is_before:
        return None
    later = history_rows.changes_since(connection, resource_id, since)
    spread_values = _before(connection, resource_type, resource_id, later)
    members = _members_at(connection, resource_id, since) if resource_type.has_members else []
    return State(
        flatten(spread_values),
        gathered(resource_type, resource_id, spread_values),
        _groups_at(connection, resource_id, since),
        members,
        made is not None or not history_rows.is_purged(connection, resource_id),
    )


def _groups_at(connection: Connection, member_id: str, since: str | int) -> dict[str, str]:
    present = history_rows.groups_now(connection, member_id)
    groups = _undone(present, membership_history.groups_before(connection, member_id, since))
    names = _names(connection, groups)
    return {group_id: names[group_id] for group_id in sorted(groups, key=lambda id: names[id])}


def _members_at(connection: Connection, group_id: str, since: str | int) -> list[str]:
    present = history_rows.members_now(connection, group_id)
    return sorted(_undone(present, membership_history.members_before(connection, group_id, since)))


def _undone(present: Iterable[str], was_in: Mapping[str, bool]) -> set[str]:
    ids = {*present, *(id for id, was in was_in.items() if was)}
    return ids - {id for id, was in was_in.items() if not was}


def _named_groups(state: State) -> dict[str, Any]:
    return {"groups": list(state.groups.values())} if state.groups else {}


def _named(
    connection: Connection, links: Sequence[MembershipChange], then: Mapping[tuple[str, int], str] | None = None
) -> list[NamedMembershipChange]:
    """Return membership changes with names: those of `then` by resource id and event id, else today's."""
    then = then or {}
    names = _names(connection, {id for link in links for id in (link.group_id, link.member_id)})
    return [
        NamedMembershipChange(
            **asdict(link),
            group_name=then.get((link.group_id, link.event_id), names[link.group_id]),
            member_name=then.get((link.member_id, link.event_id), names[link.member_id]),
        )
        for link in links
    ]


def _names(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    ids = set(ids)
    here = history_rows.documents_of(connection, ids)
    names = {id: name_of(document) for id, (_, document) in here.items()}
    gone = history_rows.last_known(connection, ids - names.keys())
    return {id: id for id in ids} | {id: name for id, (_, name) in gone.items()} | names
