"""This module describes what a request did in plain sentences, such as `Ana Ruiz moved from Sales to Legal`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from app import bounds
from app.observation.directory.history_reader import Event, NamedMembershipChange
from app.observation.request_list import Known, RequestEntry
from app.quantities import counted
from app.scim.differences import Change
from app.web.console.monitoring.event_sentences import (
    ACTIONS,
    KEY_FAULTS,
    MATCHED,
    METHODS,
    RULES,
    UNMATCHED,
    UNSTORED,
    VERBS,
    place,
)


@dataclass(frozen=True, slots=True)
class ClientText:
    """A text that a client sent: the name of a resource, or a value. `id` is the resource's, if it exists here."""

    text: str
    type: str = ""
    id: str = ""


Part = str | ClientText


@dataclass(frozen=True, slots=True)
class EventLine:
    """One sentence. `changes` are all changes that it covers, whether it names them or only counts them."""

    parts: tuple[Part, ...]
    changes: tuple[Change, ...] = ()

    @property
    def text(self) -> str:
        """The sentence as plain text."""
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


_UNNAMED = {"User": "a user", "Group": "a group"}


def lines(entry: RequestEntry, about: str = "") -> Iterator[EventLine]:
    """Yield the sentences about one request, at least one.

    `about` is the id of the member that is named first among several.
    """
    if entry.request.is_refused:
        yield EventLine(tuple(_refused(entry)))
        return
    sentences = [line for event in entry.events for line in _lines_of(event, entry, about)]
    yield from sentences or [EventLine(tuple(_action(entry)))]


def text(entry: RequestEntry, about: str = "") -> str:
    """Return all sentences about a request as one text."""
    return "; ".join(line.text for line in lines(entry, about))


def describe(entries: Iterable[RequestEntry], about: str = "") -> list[tuple[RequestEntry, list[EventLine]]]:
    """Return each request with its sentences, for `lines_of` in templates/event_lines.html."""
    return [(entry, list(lines(entry, about))) for entry in entries]


def _lines_of(event: Event, entry: RequestEntry, about: str) -> Iterator[EventLine]:
    who = _name(entry.known, event.resource_id, event.name, event.resource_type)
    match event.verb:
        case "change" if event.changes:
            yield EventLine((*_changed(event, who, entry),), event.changes)
        case "create" | "delete":
            yield EventLine((*_filled(VERBS[event.verb], who=who),), event.changes)
    if event.verb == "delete":
        if event.departed and event.resource_type != "Group":
            yield EventLine((who, f" left {counted(event.departed, 'group')}"))
        return
    links = [link for link in entry.links if link.event_id == event.id]
    for has_joined, count, verb in ((True, event.joined, " joined "), (False, event.departed, " left ")):
        if count:
            moved = [link for link in links if link.has_joined == has_joined]
            yield EventLine((*_members(moved, count, about, entry.known), verb, who))


def _members(
    links: Sequence[NamedMembershipChange], count: int, about: str, known: Mapping[str, Known]
) -> Iterator[Part]:
    """Yield one or two members by name, more as a number; the member that the page is about always by name."""
    sorted_links = sorted(links, key=lambda link: link.member_id != about)
    names = [_name(known, link.member_id, link.member_name) for link in sorted_links]
    if count <= 2 and len(names) == count:
        yield names[0]
        if count == 2:
            yield from (" and ", names[1])
    elif about and names and sorted_links[0].member_id == about:
        yield from (names[0], f" and {counted(count - 1, 'other')}")
    else:
        is_people = bool(links) and all(_is_person(link, known) for link in links)
        yield counted(count, "user") if is_people else counted(count, "member")


def _is_person(link: NamedMembershipChange, known: Mapping[str, Known]) -> bool:
    """Return whether a member is a user. A deleted member that had a name was most likely a user."""
    here = known.get(link.member_id)
    return here.type == "User" if here else link.member_name != link.member_id


def _changed(event: Event, who: ClientText, entry: RequestEntry) -> Iterator[Part]:
    """Yield the most important changes in words, the rest as a number."""
    renamed = next((one for one in event.changes if one.attribute == "displayName" and one.old), None)
    yield ClientText(str(renamed.old), who.type, who.id) if renamed else who
    by_weight = sorted(event.changes, key=lambda one: (place(one), one.attribute))
    for number, change in enumerate(by_weight[: bounds.LINE_CHANGES]):
        rule = RULES[place(change)]
        if number == 0:
            yield " " if rule.is_clause else ", "
        else:
            yield " and " if rule.is_clause else "; "
        old, new = (_value(one, event, entry) for one in (change.old, change.new))
        yield from _filled(rule.says, attribute=label(change.attribute), old=old, new=new)
    unsaid = len(event.changes) - bounds.LINE_CHANGES
    if unsaid > 0:
        yield f"; and {counted(unsaid, 'more change')}"


def _action(entry: RequestEntry) -> Iterator[Part]:
    request = entry.request
    says = ACTIONS.get(request.action, ACTIONS[""])
    if request.action == "match":
        says = MATCHED if request.resource_id else UNMATCHED
    if request.action == "confirm" and request.attribute:
        says = UNSTORED
    kind = f"{request.resource_type.lower()}s" if request.resource_type else "all kinds of resources"
    parts: dict[str, Part] = {"kind": kind, "method": request.method, "path": request.path}
    yield from _filled(says, who=_who(entry), attribute=ClientText(shortened(request.attribute)), **parts)


def _refused(entry: RequestEntry) -> Iterator[Part]:
    request = entry.request
    yield "Refused: "
    if request.key_fault:
        yield KEY_FAULTS.get(request.key_fault, request.key_fault)
        return
    says = METHODS.get(request.method, ACTIONS[""]) if request.resource_type else ACTIONS[""]
    yield from _filled(says, who=_who(entry), method=request.method, path=request.path)
    if request.reason:
        yield from (" – ", ClientText(shortened(request.reason)))


def _who(entry: RequestEntry) -> Part:
    request = entry.request
    if request.resource_name or request.resource_id:
        here = entry.known.get(request.resource_id)
        name = request.resource_name or (here.name if here else request.resource_id)
        return _name(entry.known, request.resource_id, name, request.resource_type)
    return _UNNAMED.get(request.resource_type, "a resource")


def _name(known: Mapping[str, Known], id: str, name: str, type: str = "") -> ClientText:
    """Return a name, with a link only if the resource exists here."""
    here = known.get(id)
    return ClientText(name, here.type, id) if here else ClientText(name, type)


def label(path: str) -> str:
    """Return an attribute's path without its schema."""
    return path.rpartition(":")[2] if path.startswith("urn:") else path


def _value(one: Any, event: Event, entry: RequestEntry) -> ClientText:
    """Return a value in the short form for a sentence; for the id of an existing resource its name at that time."""
    here = entry.known.get(one) if isinstance(one, str) else None
    if here is None:
        return ClientText(shortened(whole(one)))
    return ClientText(entry.names.get((one, event.id), here.name), here.type, one)


def whole(one: Any) -> str:
    """Return a value as text of any length: None as "", anything but a string as JSON."""
    if isinstance(one, str):
        return one
    return "" if one is None else json.dumps(one, ensure_ascii=False)


def shortened(words: str) -> str:
    """Return the beginning of a long text."""
    limit = bounds.LINE_VALUE_LENGTH
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _filled(says: str, **parts: Part) -> Iterator[Part]:
    for words, name, _, _ in Formatter().parse(says):
        if words:
            yield words
        if name:
            yield parts[name]
