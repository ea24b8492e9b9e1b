"""This module finds users and groups by words, state, last contact and open problems.

The request log is another database. Where it decides, ids are taken from one database and looked up in the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Literal, NamedTuple, TypeVar

from app import bounds, clock
from app.observation.directory import last_seen
from app.observation.problems import problem_list
from app.observation.problems.problem_list import Problem
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.store.database import directory_database
from app.store.directory import console_lists, history_rows
from app.store.directory.console_lists import CHANGED as CHANGED  # for callers that must not import the store
from app.store.directory.console_lists import MADE
from app.store.directory.console_lists import Excerpt as Excerpt
from app.store.directory.console_lists import Order as Order
from app.store.directory.stored_resource import Record as Record

T = TypeVar("T")
View = Literal["", "active", "disabled", "silent", "problems", "leftovers"]

SILENT_AFTER = timedelta(days=30)
_ROWS_AT_ONCE = 500
_IDS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class ResourceQuery:
    """A search for resources of a type, with its order. `sought`: words that must all occur; "" for any.

    Views: `silent` are those that no client sent a request about for 30 days, `leftovers` the disabled ones of them.
    """

    resource_type: ResourceType
    sought: str = ""
    view: View = ""
    order: Order = Order()


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of resources; `total` counts all, or with `is_at_least` only the first ones of more."""

    total: int
    records: list[Excerpt]
    is_at_least: bool = False


class Knowledge(NamedTuple):
    """What the request log knows of a resource: its last request from a client (wire form), and its open problems."""

    confirmed: str
    problems: Sequence[Problem] = ()


_NAMES = {"emails.value": "e-mail"}


def orders_of(resource_type: ResourceType) -> dict[str, str]:
    """Return what a list can be sorted by in index order: paths and their labels."""
    single = [a for a in resource_type.lookups if a.is_simple and a.traits.returned != "never"]
    # The value of a complex attribute has the name of that attribute.
    names = {a.path: _NAMES.get(a.path) or (a.name if a.path.startswith("urn:") else a.keys[0]) for a in single}
    return {**names, CHANGED: "last change", MADE: "when made"}


def find(query: ResourceQuery, names: tuple[str, ...], start: int, count: int) -> ListPage:
    """Return a page of the resources that match, from the `start`-th on (1-based), with the attributes of these names.

    Where words or the log narrow a list, it ends after `bounds.LISTED_RESOURCES` and says that there are more.
    """
    if not query.sought and query.view in ("", "active", "disabled"):
        with directory_database.reading() as connection:
            of_type = connection, query.resource_type
            total, page = console_lists.page(*of_type, query.view, query.order, start - 1, count)
            return ListPage(total, console_lists.excerpts(*of_type, page, names))
    positions = _positions(query)
    listed = list(islice(positions, bounds.LISTED_RESOURCES))
    with directory_database.reading() as connection:
        page = console_lists.page_among(connection, query.resource_type, listed, query.order, start - 1, count)
        records = console_lists.excerpts(connection, query.resource_type, page, names)
    return ListPage(len(listed), records, next(positions, None) is not None)


def every(query: ResourceQuery, names: tuple[str, ...]) -> Iterator[Excerpt]:
    """Yield all matching resources for an export, with the attributes that have these names.

    Each portion is from its own state of the database.
    """
    for portion in _portions(_positions(query)):
        with directory_database.reading() as connection:
            excerpts = console_lists.excerpts(connection, query.resource_type, portion, names)
        yield from excerpts


def knowledge_of(records: Iterable[Record | Excerpt]) -> Mapping[str, Knowledge]:
    """Return what the log knows of each record, by id; its last change replaces a missing entry in the log."""
    changed = {record.id: record.last_modified for record in records}
    requested: Mapping[str, str] = {}
    problems: Mapping[str, Sequence[Problem]] = {}
    with suppress(ScimError):  # without the log less is known, which every page says
        requested, problems = last_seen.last_requests(changed), problem_list.open_of(list(changed))
    return {id: Knowledge(max(requested.get(id, ""), at), problems.get(id, ())) for id, at in changed.items()}


def types_of(resource_ids: Iterable[str]) -> Mapping[str, str]:
    """Return the type names of present and deleted resources by id; unknown ids are left out."""
    ids = set(resource_ids)
    with directory_database.reading() as connection:
        types = {id: name for id, (name, _) in history_rows.documents_of(connection, ids).items()}
        for gone in ids - types.keys():
            if last := history_rows.events_of(connection, gone, None, 1):
                types[gone] = last[0].resource_type
    return types


def _positions(query: ResourceQuery) -> Iterator[int]:
    """Yield the positions of all matching resources, each once, in order of creation or of the log."""
    match query.view:
        case "silent":
            yield from _silent(query, "")
        case "leftovers":
            yield from _silent(query, "disabled")
        case "problems":
            criteria = problem_list.ProblemFilter(resource_type=query.resource_type.name)
            ids = dict.fromkeys(one.resource_id for one in problem_list.every(criteria) if one.resource_id)
            yield from _known(query, "", ids)
        case state:
            yield from _walk(query, state)


def _walk(query: ResourceQuery, state: console_lists.State) -> Iterator[int]:
    """Yield the resources in a state that contain the words, in order of creation."""
    after, count = 0, bounds.LISTED_RESOURCES + 1
    while True:
        with directory_database.reading() as connection:
            positions = console_lists.positions_with(connection, query.resource_type, query.sought, state, after, count)
        yield from positions
        if len(positions) < count:
            return
        after, count = positions[-1], bounds.WALKED_AT_ONCE


def _silent(query: ResourceQuery, state: console_lists.State) -> Iterator[int]:
    """Yield the silent resources in a state that contain the words.

    A few are judged one by one, so that none is missing that the log does not know. If there are many, those are
    yielded that the log knows to be silent, the longest silent first.
    """
    if query.sought or state:
        most = bounds.LISTED_RESOURCES
        with directory_database.reading() as connection:
            few = console_lists.positions_with(connection, query.resource_type, query.sought, state, count=most + 1)
        if len(few) <= most:
            yield from _silent_among(query.resource_type, few)
            return
    yield from _known(query, state, _silent_ids(query.resource_type))


def _known(query: ResourceQuery, state: console_lists.State, ids: Iterable[str]) -> Iterator[int]:
    """Yield those of the ids from the log that are in a state and contain the words."""
    for portion in _portions(ids, bounds.WALKED_AT_ONCE if query.sought or state else _ROWS_AT_ONCE):
        with directory_database.reading() as connection:
            positions = console_lists.positions_among(connection, query.resource_type, portion, query.sought, state)
        yield from positions


def _silent_ids(resource_type: ResourceType) -> Iterator[str]:
    before, start = _silence_begins(), 1
    while portion := last_seen.silent_since(resource_type.name, before, start, _IDS_AT_ONCE):
        yield from (id for id, _ in portion)
        start += len(portion)


def _silent_among(resource_type: ResourceType, positions: Iterable[int]) -> Iterator[int]:
    before = _silence_begins()
    for portion in _portions(positions):
        with directory_database.reading() as connection:
            keys = console_lists.keys(connection, resource_type, portion)
        requested = last_seen.last_requests(key.id for key in keys)
        yield from (key.position for key in keys if requested.get(key.id, key.last_modified) < before)


def _silence_begins() -> str:
    return clock.to_wire(clock.utc_now() - SILENT_AFTER)


def _portions(values: Iterable[T], count: int = _ROWS_AT_ONCE) -> Iterator[list[T]]:
    remaining = iter(values)
    while portion := list(islice(remaining, count)):
        yield portion
