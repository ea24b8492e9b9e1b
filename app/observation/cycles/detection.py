"""This module groups requests into cycles by the pauses between them.

Entra announces neither the beginning nor the end of a cycle. So ten minutes without a request with a right key end
one, and a probe after a quiet minute begins another: Test Connection and provision on demand come between two
cycles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from app import bounds
from app.observation.problem_kinds.kind_catalog import went_wrong
from app.request_record import Deed, Request
from app.store.database.directory_database import Connection
from app.store.request_log import cycle_rows as rows
from app.store.request_log import log_database

PAUSE_S = 10 * 60
"""So long nothing, and the cycle is over."""
PROBE_PAUSE_S = 60
"""So long nothing before a probe, and the probe begins a cycle."""

COUNTED_AS: Mapping[Deed, str] = {
    "probe": "probes",
    "match": "reads",
    "list": "reads",
    "read": "reads",
    "schema": "reads",
    "create": "created",
    "change": "changed",
    "disable": "disabled",
    "enable": "enabled",
    "delete": "deleted",
}
"""In which count of a cycle a deed that succeeded goes; one that went wrong counts as failed, whatever it was to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One cycle. `started` and `ended`: its first and its last request (wire form); `key_id`, `dialect`: the last seen.

    A bulk request is one of `requests`, while each of its operations is counted by what it did.
    """

    id: int
    started: str
    ended: str
    key_id: str = ""
    dialect: str = ""
    requests: int = 0
    probes: int = 0
    reads: int = 0
    created: int = 0
    changed: int = 0
    disabled: int = 0
    enabled: int = 0
    deleted: int = 0
    joined: int = 0
    departed: int = 0
    failed: int = 0
    slowest_ms: float = 0.0

    @property
    def changes(self) -> int:
        """How much became different by it: resources, and members who joined or left."""
        resources = self.created + self.changed + self.disabled + self.enabled + self.deleted
        return resources + self.joined + self.departed

    @property
    def duration_s(self) -> float:
        return seconds_between(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class CyclePage:
    """A page of cycles, newest first, and how many there are on all pages."""

    total: int
    cycles: Sequence[Cycle]


def seconds_between(earlier: str, later: str) -> float:
    """From one moment in wire form to another; negative when they stand the other way round."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def update_from(connection: Connection, batch: Sequence[Request]) -> list[int]:
    """Count the requests in their cycles, beginning new ones; the cycle's id for each request, 0 for none.

    Only requests with a right key belong to a cycle: anybody can send others. Those of a simulation belong to none.
    """
    ids: list[int] = []
    numbers: set[str] = set()
    current = next(map(cycle_of, rows.last(connection, 1)), None)
    for request in batch:
        if request.is_simulated or not request.has_key:
            ids.append(0)
            continue
        if current is None or begins_cycle(current, request):
            if current is not None:
                _write(connection, current)
            current = _begin(connection, request)
        current = counted(current, request, request.number not in numbers)
        numbers.add(request.number)
        ids.append(current.id)
    if current is not None and numbers:
        _write(connection, current)
    return ids


def with_probes(connection: Connection, batch: Sequence[Request]) -> list[Request]:
    """The batch, in which a match that may be a probe is one where it comes after a quiet minute. To be called first.

    A tenant may match on an externalId that is a GUID: then each new person is looked up just as a probe looks. Entra
    probes at the start of every activity, so only the first look-up of a stretch is taken for one.
    """
    heard = next((row.ended for row in rows.last(connection, 1)), "")
    told: list[Request] = []
    for request in batch:
        if request.has_key and not request.is_simulated:
            is_first = not heard or seconds_between(heard, request.at) >= PROBE_PAUSE_S
            if request.may_be_probe and is_first and not request.is_refused:
                request = replace(request, deed="probe")
            heard = max(heard, request.at)
        told.append(request)
    return told


def begins_cycle(current: Cycle, request: Request) -> bool:
    """Whether the request is not of this cycle any more."""
    pause_s = seconds_between(current.ended, request.at)
    if pause_s <= -PAUSE_S:  # the clock was set back: that cycle is of another time
        return True
    return pause_s >= PAUSE_S or (request.deed == "probe" and pause_s >= PROBE_PAUSE_S)


def counted(cycle: Cycle, request: Request, is_first_of_number: bool = True) -> Cycle:
    """The cycle with one more request; operations of one bulk request share its number."""
    of_success = None if request.is_refused else COUNTED_AS.get(request.deed)
    name = "failed" if went_wrong(request) else of_success
    more = {name: getattr(cycle, name) + 1} if name else {}
    return replace(
        cycle,
        **more,
        ended=max(cycle.ended, request.at),
        key_id=request.key_id,
        dialect=request.dialect or cycle.dialect,
        requests=cycle.requests + is_first_of_number,
        joined=cycle.joined + request.joined,
        departed=cycle.departed + request.departed,
        slowest_ms=max(cycle.slowest_ms, request.duration_ms),
    )


def latest(count: int) -> list[Cycle]:
    """The newest cycles, newest first."""
    with log_database.reading() as connection:
        return [cycle_of(row) for row in rows.last(connection, count)]


def find(cycle_id: int) -> Cycle | None:
    """One cycle, or None where there is none, as after it was pruned."""
    with log_database.reading() as connection:
        row = rows.single(connection, cycle_id)
        return cycle_of(row) if row else None


def page(start: int = 1, count: int = bounds.CONSOLE_PAGE_SIZE, since: str = "", until: str = "") -> CyclePage:
    """Cycles from place `start` (the newest is 1) that began at or after `since` and before `until` (wire form)."""
    with log_database.reading() as connection:
        found = rows.page(connection, since, until, start - 1, count)
        return CyclePage(rows.count(connection, since, until), [cycle_of(row) for row in found])


def every(since: str = "", until: str = "") -> Iterator[Cycle]:
    """All of them in that time, newest first, one by one: for an export."""
    with log_database.reading() as connection:
        yield from map(cycle_of, rows.page(connection, since, until))


def cycle_of(row: Any) -> Cycle:
    """A row of the table as a Cycle."""
    return Cycle(**{one.name: getattr(row, one.name) for one in fields(Cycle)})


def _begin(connection: Connection, request: Request) -> Cycle:
    cycle_id = rows.add(connection, {"started": request.at, "ended": request.at})
    rows.forget_up_to(connection, cycle_id - bounds.CYCLES_KEPT)
    return Cycle(id=cycle_id, started=request.at, ended=request.at)


def _write(connection: Connection, cycle: Cycle) -> None:
    values = {one.name: getattr(cycle, one.name) for one in fields(Cycle) if one.name != "id"}
    rows.write(connection, cycle.id, values)
