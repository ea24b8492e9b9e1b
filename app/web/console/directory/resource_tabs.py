"""This module builds the tabs of a user's or group's page."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Protocol

from flask import request
from werkzeug.wrappers import Response

from app import bounds, clock
from app.administration import retention
from app.administration.roles import granted_roles, users_to_confirm
from app.observation import request_list
from app.observation.directory import console_search, group_members, history_reader
from app.observation.directory.group_members import GroupMember
from app.observation.directory.history_reader import Event, NamedMembershipChange
from app.observation.request_list import RequestFilter
from app.provisioning import resource_queries
from app.provisioning.resource_queries import Resource
from app.scim.differences import Change
from app.scim.projection import EVERYTHING
from app.scim.resource_types import USER, ResourceType, name_of
from app.web.console.monitoring import event_lines
from app.web.console.monitoring.activity_rows import REQUEST_COLUMNS
from app.web.console.shared import filter_form, list_paging
from app.web.console.shared.attribute_rows import rows
from app.web.console.shared.list_paging import Column, Pages

NOW = "now"
AT_ONCE = bounds.CONSOLE_PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Subject:
    """The resource that a page is about. If it was deleted, `resource` is None and `deletion` is the event.

    `can_be_put_back`: whether it was deleted and is not purged.
    """

    type: ResourceType
    id: str
    name: str
    resource: Resource | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    deletion: Event | None = None
    can_be_put_back: bool = False

    @classmethod
    def here(cls, resource: Resource) -> "Subject":
        """Return the subject of a resource that exists now."""
        content = resource.record.content
        return cls(resource.type, resource.record.id, name_of(content), resource, content)


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of the page. `draw` returns the values for its template, or a file."""

    title: str
    draw: Callable[[Subject], Mapping[str, Any] | Response]


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One row of a history: an event and one attribute that it changed; `change` is None if it changed none."""

    event: Event
    change: Change | None


class FindLinks(Protocol):
    """A function that reads the links of one group or of one member, newest first (history_reader.py)."""

    def __call__(self, id: str, /, before: int | None, limit: int, beyond: str) -> list[NamedMembershipChange]: ...


_GROUP = attrgetter("group_id")
_MEMBER = attrgetter("member_id")
"""The id that distinguishes the links of one event: `_GROUP` on the page of a member, `_MEMBER` on that of a group."""

STEP_COLUMNS: Sequence[Column[HistoryRow]] = (
    Column("at", "Time (UTC)", lambda step: step.event.at),
    Column("request", "Request", lambda step: step.event.request),
    Column("actor", "By", lambda step: step.event.actor),
    Column("what", "What", lambda step: step.event.verb),
    Column("attribute", "Attribute", lambda step: step.change.attribute if step.change else None),
    Column("old", "Before", lambda step: event_lines.whole(step.change.old) if step.change else None),
    Column("new", "After", lambda step: event_lines.whole(step.change.new) if step.change else None),
    Column("joined", "Joined", lambda step: step.event.joined),
    Column("left", "Left", lambda step: step.event.departed),
)
LINK_COLUMNS: Sequence[Column[NamedMembershipChange]] = (
    Column("at", "Time (UTC)", lambda link: link.at),
    Column("request", "Request", lambda link: link.request),
    Column("actor", "By", lambda link: link.actor),
    Column("what", "What", lambda link: "joined" if link.has_joined else "left"),
    Column("groupId", "Group ID", lambda link: link.group_id),
    Column("group", "Group", lambda link: link.group_name),
    Column("memberId", "Member ID", lambda link: link.member_id),
    Column("member", "Member", lambda link: link.member_name),
)
MEMBER_COLUMNS: Sequence[Column[GroupMember]] = (
    Column("id", "ID", lambda member: member.id),
    Column("type", "Type", lambda member: member.type),
    Column("name", "Name", lambda member: member.name if member.type else None),
)


def now(subject: Subject) -> Mapping[str, Any] | Response:
    """Return the attributes, when each last changed, and the members of a group."""
    assert subject.resource is not None
    record = subject.resource.record
    shown: dict[str, Any] = {}
    if subject.type.has_members:
        sought = request.args.get("q", "").strip()[: bounds.SEARCH_TEXT_LENGTH]
        if list_paging.export_format():
            return list_paging.export("members", MEMBER_COLUMNS, group_members.every(record.id, record.members, sought))
        number = list_paging.page_number()
        page = group_members.find(record.id, record.members, sought, Pages(0, number).start, AT_ONCE)
        pages = Pages(page.total, number, page.is_at_least)
        unresolved = group_members.count_unresolved([record.id]).get(record.id, 0)
        shown = {"members": page.members, "pages": pages, "sought": sought, "unresolved": unresolved}
    attributes = list(rows(subject.type.attributes, subject.document))
    knowledge = console_search.knowledge_of([record])[record.id]
    changed, has_older = _last_changes(subject, [row.path for row in attributes])
    of_attributes = {"rows": attributes, "changed": changed, "has_older_changes": has_older}
    if subject.type.name == USER.name:
        shown["grant"] = granted_roles.grant_of(record.id)
        if unconfirmed := users_to_confirm.find_unconfirmed(record.id):
            kept = resource_queries.get(subject.type, subject.id, EVERYTHING).groups
            shown |= {"unconfirmed": unconfirmed, "kept_groups": kept}
    return {"record": record, "knowledge": knowledge, **of_attributes, **shown}


def history(subject: Subject) -> Mapping[str, Any] | Response:
    """Return the events of a resource, newest first, and the differences between two moments if the URL has any."""
    if list_paging.export_format():
        return list_paging.export("history", STEP_COLUMNS, _steps(subject))
    events = history_reader.events_of(subject.type, subject.id, filter_form.before(), AT_ONCE + 1)
    period = {name: request.args.get(name, "").strip() for name in ("from", "to")}
    earlier, later = (filter_form.moment_of(period[name], is_end=name == "to") for name in period)
    following = {"before": events[AT_ONCE - 1].id} if len(events) > AT_ONCE else None
    wrong = [period[name] for name, at in (("from", earlier), ("to", later)) if at is None]
    since = retention.history_is_complete_since()
    shown: dict[str, Any] = {"events": events[:AT_ONCE], "following": following, "period": period, "wrong": wrong}
    shown["complete_since"] = since
    if any(period.values()) and not wrong:
        until = later or clock.to_wire(clock.utc_now())
        shown["differences"] = history_reader.compare(
            subject.type, subject.id, max(earlier or "", since), max(until, since)
        )
    return shown


def earlier(subject: Subject) -> Mapping[str, Any] | Response:
    """Return the resource as it was at the time in the URL, or right after one of its events; `earlier` is None else.

    A time is exact: with the `meta.lastModified` of a version, it is that version.
    """
    text, event_id = request.args.get("at", "").strip(), filter_form.whole_number(request.args.get("event", ""))
    moment = filter_form.moment_of(text, is_end=False)
    complete_since = retention.history_is_complete_since()
    since = event_id if event_id is not None else moment and max(moment, complete_since)
    state = history_reader.state(subject.type, subject.id, since) if since else None
    shown: dict[str, Any] = {"at": text, "is_wrong": moment is None, "is_asked": bool(since), "earlier": state}
    shown["complete_since"] = complete_since
    if state:
        number = list_paging.page_number()
        pages = Pages(len(state.members), number)
        ids = state.members[pages.start - 1 : pages.end]
        names, types = history_reader.names_of(ids), console_search.types_of(ids)
        shown["rows"] = list(rows(subject.type.attributes, state.document))
        shown["members"] = [GroupMember(id, types.get(id, ""), names.get(id, id)) for id in ids]
        shown["pages"] = pages
    return shown


def groups(subject: Subject) -> Mapping[str, Any] | Response:
    """Return the groups of a user, and those that the user joined and left."""
    if list_paging.export_format():
        return list_paging.export("groups", LINK_COLUMNS, _links(history_reader.links_of_member, subject.id, _GROUP))
    here = resource_queries.get(subject.type, subject.id, EVERYTHING) if subject.resource else None
    return {"groups": here.groups if here else [], **_link_page(history_reader.links_of_member, subject.id, _GROUP)}


def moves(subject: Subject) -> Mapping[str, Any] | Response:
    """Return the members that joined and left a group."""
    if list_paging.export_format():
        return list_paging.export(
            "joined-and-left", LINK_COLUMNS, _links(history_reader.links_of_group, subject.id, _MEMBER)
        )
    return _link_page(history_reader.links_of_group, subject.id, _MEMBER)


def requests(subject: Subject) -> Mapping[str, Any] | Response:
    """Return the requests about a resource, newest first."""
    about = RequestFilter(about=(subject.id,), is_simulated=None)
    if list_paging.export_format():
        return list_paging.export("requests", REQUEST_COLUMNS, request_list.every(about))
    page = request_list.find(about, before=filter_form.before(), count=AT_ONCE)
    following = {"before": page.before} if page.before is not None else None
    return {"entries": event_lines.describe(page.entries, subject.id), "following": following}


def _last_changes(subject: Subject, paths: Iterable[str]) -> tuple[Mapping[str, Event], bool]:
    """Return the last event that changed each attribute or a part of it, and whether older events were not read."""
    events = history_reader.events_of(subject.type, subject.id, limit=bounds.ATTRIBUTE_EVENTS)
    newest: dict[str, Event] = {}
    for path in paths:
        of_parts = (path + ".", path + "[")
        for event in events:
            touched = (change.attribute for change in event.changes)
            if any(attribute == path or attribute.startswith(of_parts) for attribute in touched):
                newest[path] = event
                break
    return newest, len(events) == bounds.ATTRIBUTE_EVENTS


def _steps(subject: Subject) -> Iterator[HistoryRow]:
    before = None
    while events := history_reader.events_of(subject.type, subject.id, before, bounds.EXPORT_ROWS_AT_ONCE):
        for event in events:
            yield from [HistoryRow(event, change) for change in event.changes] or [HistoryRow(event, None)]
        before = events[-1].id


def _link_page(find: FindLinks, id: str, other: Callable[[NamedMembershipChange], str]) -> Mapping[str, Any]:
    """Return a page of links, and where the next one begins, which may be within the links of one event."""
    links = find(id, filter_form.before(), AT_ONCE + 1, request.args.get("beyond", ""))
    last = links[AT_ONCE - 1] if len(links) > AT_ONCE else None
    following = {"before": last.event_id, "beyond": other(last)} if last else None
    return {"links": links[:AT_ONCE], "following": following, "types": console_search.types_of(map(other, links))}


def _links(find: FindLinks, id: str, other: Callable[[NamedMembershipChange], str]) -> Iterator[NamedMembershipChange]:
    before, beyond = None, ""
    while links := find(id, before, bounds.EXPORT_ROWS_AT_ONCE, beyond):
        yield from links
        before, beyond = links[-1].event_id, other(links[-1])
