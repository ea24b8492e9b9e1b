"""This module lists recorded requests, newest first, with what each changed."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice

from app import bounds
from app.observation.directory import history_reader
from app.observation.directory.history_reader import Event, NamedMembershipChange
from app.observation.problem_kinds.kind_catalog import kind_of, went_wrong
from app.request_record import Request, RequestAction, is_id
from app.scim.resource_types import RESOURCE_TYPES, name_of
from app.store.database import directory_database
from app.store.directory import console_lists, history_rows
from app.store.request_log import log_database, problem_rows, request_rows
from app.store.request_log.request_rows import RequestFilter as RequestFilter  # for callers above the store

READS: tuple[RequestAction, ...] = ("match", "list", "read", "schema", "confirm")
_MOVES: tuple[RequestAction, ...] = ("create", "change", "delete")
_WITHOUT_EVENTS: tuple[RequestAction, ...] = ("bulk", "probe", *READS)
"""The actions that change no resource; a bulk request has a row for each operation, too."""


@dataclass(frozen=True, slots=True)
class ActionGroup:
    """Actions that users look for together. `has_moves`: only those by which a member joined or left a group."""

    title: str
    actions: tuple[RequestAction, ...] = ()
    without_actions: tuple[RequestAction, ...] = ()
    is_refused: bool | None = None
    has_moves: bool = False


ACTION_GROUPS: Mapping[str, ActionGroup] = {
    "changes": ActionGroup("Changes and refusals", without_actions=_WITHOUT_EVENTS),
    "created": ActionGroup("Created", ("create",), is_refused=False),
    "changed": ActionGroup("Changed", ("change",), is_refused=False),
    "disabled": ActionGroup("Disabled", ("disable",), is_refused=False),
    "enabled": ActionGroup("Enabled again", ("enable",), is_refused=False),
    "deleted": ActionGroup("Deleted", ("delete",), is_refused=False),
    "memberships": ActionGroup("Joined or left groups", _MOVES, is_refused=False, has_moves=True),
    "reads": ActionGroup("Looked up, nothing changed", READS),
    "probes": ActionGroup("Probes", ("probe",)),
    "refused": ActionGroup("Refused", is_refused=True),
}


@dataclass(frozen=True, slots=True)
class Known:
    """A present or deleted resource; it has a page in both cases. `name` is the present or last one."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """One request, its changes, some of the membership changes that it caused, and the known resources among them.

    `names`: the names at that time of resources whose id is a value of a change, by their id and the id of the event.
    `problem_id`: the problem that a refused request is part of.
    """

    request: Request
    events: Sequence[Event] = ()
    links: Sequence[NamedMembershipChange] = ()
    known: Mapping[str, Known] = field(default_factory=dict)
    names: Mapping[tuple[str, int], str] = field(default_factory=dict)
    problem_id: int | None = None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A page of entries, newest first. `before`: the next page has smaller ids; None: there are no more."""

    entries: Sequence[RequestEntry]
    before: int | None


def resolve(text: str) -> tuple[str, ...]:
    """Return the ids of the users and groups that a text means: an id itself, or words that find a few.

    Empty if no resource here has the words, or too many have: then only the log's own names can be searched.
    """
    if is_id(text):
        return (text.lower(),)
    ids: list[str] = []
    most = bounds.ACTIVITY_PEOPLE
    with directory_database.reading() as connection:
        for resource_type in RESOURCE_TYPES:
            positions = console_lists.positions_with(connection, resource_type, text, "", count=most + 1)
            ids += [key.id for key in console_lists.keys(connection, resource_type, positions)]
    return tuple(ids) if len(ids) <= most else ()


def known(ids: Collection[str]) -> dict[str, Known]:
    """Return the present and deleted resources among these ids."""
    if not ids:
        return {}
    with directory_database.reading() as connection:
        here = history_rows.documents_of(connection, ids)
        gone = history_rows.last_known(connection, set(ids) - here.keys())
    present = {id: Known(type, name_of(document)) for id, (type, document) in here.items()}
    return {id: Known(*one) for id, one in gone.items()} | present


def unwritten() -> Mapping[str, int]:
    """Return how many requests the log only counted, by reason (see request_recorder.py)."""
    with log_database.reading() as connection:
        return request_rows.counters(connection)


def find(
    criteria: RequestFilter, group: str = "", before: int | None = None, count: int = bounds.CONSOLE_PAGE_SIZE
) -> RequestPage:
    """Return at most `count` entries, newest first; fewer, with more to follow, if many rows had to be skipped.

    `group`: a key of `ACTION_GROUPS`, or "" for all actions.
    """
    entries: list[RequestEntry] = []
    portions = _read(criteria, group, before, count + 1)
    for last_id, portion in islice(portions, bounds.ACTIVITY_PAGES_READ):
        entries += portion
        if len(entries) > count:
            return RequestPage(entries[:count], entries[count - 1].request.id)
        before = last_id
    is_more = next(portions, None) is not None
    return RequestPage(entries, before if is_more else None)


def every(criteria: RequestFilter, group: str = "") -> Iterator[RequestEntry]:
    """Return an iterator of all entries, newest first, read in portions, for an export."""
    portions = _read(criteria, group, None, bounds.LOG_PAGE_SIZE, has_problems=False)
    return chain.from_iterable(portion for _, portion in portions)


def of_number(number: str) -> list[RequestEntry]:
    """Return all rows of a request ID in order: one request, or a bulk request and its operations.

    At most one more than a bulk request can have. Its own row, which is the oldest, may be pruned before the others.
    """
    with log_database.reading() as connection:
        rows = request_rows.of_number(connection, number, bounds.BULK_OPERATIONS + 1)
    return _with_effects(rows, (), bounds.CONSOLE_PAGE_SIZE)


def has_number(number: str) -> bool:
    """Return whether the log has the request ID. Raises `errors.unavailable` when the log cannot be used."""
    with log_database.reading() as connection:
        return bool(request_rows.of_number(connection, number, 1))


def count_unchanging(cycle_id: int) -> int:
    """Return how many lookups and probes of a cycle changed nothing; each operation of a bulk request counts."""
    criteria = RequestFilter(cycle_id=cycle_id, actions=("probe", *READS), is_refused=False)
    with log_database.reading() as connection:
        return request_rows.count(connection, criteria)


def count_simulated() -> int:
    """Return how many requests of simulations the log has."""
    with log_database.reading() as connection:
        return request_rows.count(connection, RequestFilter(is_simulated=True))


def _read(
    criteria: RequestFilter, group: str, before: int | None, at_once: int, has_problems: bool = True
) -> Iterator[tuple[int, list[RequestEntry]]]:
    """Yield portions of the log: the id of the last row that was read, and the matching entries of the portion."""
    actions = ACTION_GROUPS.get(group, ActionGroup(""))
    own = _links_of(criteria.about)
    criteria = replace(
        criteria,
        numbers={link.request for link in own},
        actions=actions.actions,
        without_actions=actions.without_actions,
        is_refused=actions.is_refused if criteria.is_refused is None else criteria.is_refused,
    )
    while True:
        with log_database.reading() as connection:
            rows = request_rows.page(connection, criteria, before, at_once)
        if not rows:
            return
        entries = _with_effects(rows, own, bounds.LINE_MEMBERS, has_problems)
        if actions.has_moves:
            entries = [entry for entry in entries if any(event.joined or event.departed for event in entry.events)]
        before = rows[-1].id
        yield before, entries
        if len(rows) < at_once:
            return


def _links_of(ids: Collection[str]) -> list[NamedMembershipChange]:
    """Return the newest membership changes of some users: their requests are about a group and the users."""
    return [link for id in ids for link in history_reader.links_of_member(id, limit=bounds.ACTIVITY_LINKS)]


def _with_effects(
    rows: Sequence[Request], own: Sequence[NamedMembershipChange], links_each: int, has_problems: bool = True
) -> list[RequestEntry]:
    """Return rows with what they changed. `own`: membership changes that are included whatever else a request did."""
    numbers = {row.number for row in rows if _may_have_events(row)}
    events = history_reader.events_of_requests(numbers) if numbers else {}
    links = history_reader.links_of_events(chain.from_iterable(events.values()), links_each)
    row_ids = _rows_of(events)
    entries = []
    for row in rows:
        made = [
            event
            for event in events.get(row.number, ())
            if _may_have_events(row)
            and (event.resource_id, event.verb) == (row.resource_id, _verb_of(row.action))
            and row_ids.get(event.id, row.id) == row.id
        ]
        ids = {event.id for event in made}
        moves = dict.fromkeys(link for link in (*own, *links.get(row.number, ())) if link.event_id in ids)
        entries.append(RequestEntry(row, made, list(moves)))
    here = known(_ids_in(entries))
    names = history_reader.names_at(
        {(id, event.id) for entry in entries for event in entry.events for id in _ids_of(event)}
    )
    problems = _problems_of([row for row in rows if went_wrong(row) and not row.is_simulated]) if has_problems else {}
    return [replace(one, known=here, names=names, problem_id=problems.get(one.request.id)) for one in entries]


def _rows_of(events: Mapping[str, Sequence[Event]]) -> dict[int, int]:
    """Return the row id by event id, for events of which a bulk request has several of one kind for one resource.

    The i-th operation of that kind made the i-th event.
    """
    made: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for event in chain.from_iterable(events.values()):
        made[event.request, event.resource_id, event.verb].append(event.id)
    numbers = {number for (number, *_), ids in made.items() if len(ids) > 1}
    if not numbers:
        return {}
    with log_database.reading() as connection:
        rows = request_rows.actions_of(connection, numbers)
    operations: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in rows:
        if row.action not in _WITHOUT_EVENTS:
            operations[row.number, row.resource_id, _verb_of(row.action)].append(row.id)
    return {
        event_id: row_id for key, ids in made.items() for event_id, row_id in zip(ids, operations[key], strict=False)
    }


def _may_have_events(row: Request) -> bool:
    return not row.is_refused and row.action not in _WITHOUT_EVENTS


def _verb_of(action: str) -> str:
    return action if action in ("create", "delete") else "change"


def _problems_of(refused: Sequence[Request]) -> dict[int, int]:
    """Return the problem that each refused request is part of, by its row id."""
    if not refused:
        return {}
    with log_database.reading() as connection:
        return problem_rows.of_refusals(connection, [asdict(row) | {"kind": kind_of(row).name} for row in refused])


def _ids_in(entries: Sequence[RequestEntry]) -> set[str]:
    """Return all ids in the entries, including values such as a manager's id."""
    ids = {id for entry in entries for id in (entry.request.resource_id, entry.request.other_id)}
    for entry in entries:
        ids.update(id for link in entry.links for id in (link.group_id, link.member_id))
        ids.update(id for event in entry.events for id in _ids_of(event))
    return ids - {""}


def _ids_of(event: Event) -> Iterator[str]:
    """Yield the values of the changes that may be ids, such as a manager's."""
    return (one for change in event.changes for one in (change.old, change.new) if is_id(one))
