"""This module groups requests into cycles by the pauses between them.

Entra announces neither the start nor the end of a cycle. Ten minutes without a request with a valid key end one. A
probe after a quiet minute starts another: Test Connection and Provision on demand happen between two cycles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from app import bounds
from app.observation.problem_kinds.kind_catalog import went_wrong
from app.request_record import Request, RequestAction
from app.store.database.directory_database import Connection
from app.store.request_log import cycle_rows as rows
from app.store.request_log import log_database

PAUSE_S = 10 * 60
"""The pause that ends a cycle, in seconds."""
PROBE_PAUSE_S = 60
"""The pause before a probe that makes the probe start a cycle, in seconds."""
_MINUTE_LENGTH = len("2026-11-30T18:00")  # two moments within one minute have no such pause between them

COUNTED_AS: Mapping[RequestAction, str] = {
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
"""The counter of a cycle for each action that succeeded; one that went wrong counts as failed, whatever its purpose."""


@dataclass(slots=True, kw_only=True)  # frozen, it would be copied for each request that it counts
class Cycle:
    """One cycle. `started` and `ended`: its first and last request (wire form); `key_id`, `dialect`: the last seen.

    A bulk request is one of `requests`, while each of its operations is counted by its action.
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
        """The number of changes in the cycle: to resources, and members who joined or left."""
        resources = self.created + self.changed + self.disabled + self.enabled + self.deleted
        return resources + self.joined + self.departed

    @property
    def duration_s(self) -> float:
        return seconds_between(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class CyclePage:
    """A page of cycles, newest first, and the total number of cycles."""

    total: int
    cycles: Sequence[Cycle]


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds between two moments in wire form; negative if `later` is the earlier one."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def update_from(connection: Connection, batch: Sequence[Request]) -> list[int]:
    """Count the requests in their cycles, and start new ones; return the `cycle_id` of each request.

    Only requests with a valid key belong to a cycle: anyone can send others. Requests of a simulation belong to none.
    """
    ids: list[int] = []
    numbers: set[str] = set()
    current = next(map(cycle_of, rows.last(connection, 1)), None)
    for request in batch:
        if request.is_simulated or not request.has_key:
            ids.append(request.cycle_id)
            continue
        if current is None or begins_cycle(current, request):
            if current is not None:
                _write(connection, current)
            current = _begin(connection, request)
        _count(current, request, request.number not in numbers)
        numbers.add(request.number)
        ids.append(current.id)
    if current is not None and numbers:
        _write(connection, current)
    return ids


def with_probes(connection: Connection, batch: Sequence[Request]) -> Sequence[Request]:
    """Return the batch with each match that may be a probe marked as one if it follows a quiet minute.

    Call it before `update_from`. A tenant may match on an externalId that is a GUID: then Entra looks up each new user
    with the same request as a probe. Entra probes at the start of every activity, so only the first lookup counts as a
    probe.
    """
    if not any(request.may_be_probe for request in batch):
        return batch
    last_at = next((row.ended for row in rows.last(connection, 1)), "")
    marked: list[Request] = []
    for request in batch:
        if request.has_key and not request.is_simulated:
            is_first = not last_at or seconds_between(last_at, request.at) >= PROBE_PAUSE_S
            if request.may_be_probe and is_first and not request.is_refused:
                request = replace(request, action="probe")
            last_at = max(last_at, request.at)
        marked.append(request)
    return marked


def begins_cycle(current: Cycle, request: Request) -> bool:
    """Return whether the request no longer belongs to this cycle."""
    if current.ended[:_MINUTE_LENGTH] == request.at[:_MINUTE_LENGTH]:
        return False  # as usual; to read both moments takes longer than all else here
    pause_s = seconds_between(current.ended, request.at)
    if pause_s <= -PAUSE_S:  # the clock was set back: that cycle is of another time
        return True
    return pause_s >= PAUSE_S or (request.action == "probe" and pause_s >= PROBE_PAUSE_S)


def latest(count: int) -> list[Cycle]:
    """Return the newest cycles, newest first."""
    with log_database.reading() as connection:
        return [cycle_of(row) for row in rows.last(connection, count)]


def find(cycle_id: int) -> Cycle | None:
    """Return one cycle, or None if there is none, for example after it was pruned."""
    with log_database.reading() as connection:
        row = rows.single(connection, cycle_id)
        return cycle_of(row) if row else None


def page(start: int = 1, count: int = bounds.CONSOLE_PAGE_SIZE, since: str = "", until: str = "") -> CyclePage:
    """Return cycles that started at or after `since`, before `until` (wire form), from place `start` (newest: 1)."""
    with log_database.reading() as connection:
        cycles = [cycle_of(row) for row in rows.page(connection, since, until, start - 1, count)]
        return CyclePage(rows.count(connection, since, until), cycles)


def every(since: str = "", until: str = "") -> list[Cycle]:
    """Return all cycles of a period, newest first, for an export: at most `bounds.CYCLES_KEPT`."""
    with log_database.reading() as connection:
        return list(map(cycle_of, rows.page(connection, since, until)))


def cycle_of(row: Any) -> Cycle:
    """Return a row of the table as a Cycle."""
    return Cycle(**row._asdict())


def _begin(connection: Connection, request: Request) -> Cycle:
    cycle_id = rows.add(connection, {"started": request.at, "ended": request.at})
    rows.forget_up_to(connection, cycle_id - bounds.CYCLES_KEPT)
    return Cycle(id=cycle_id, started=request.at, ended=request.at)


def _count(cycle: Cycle, request: Request, is_first_of_number: bool) -> None:
    """Count one more request; operations of one bulk request share its request ID."""
    of_success = None if request.is_refused else COUNTED_AS.get(request.action)
    if name := "failed" if went_wrong(request) else of_success:
        setattr(cycle, name, getattr(cycle, name) + 1)
    cycle.ended = max(cycle.ended, request.at)
    cycle.key_id = request.key_id
    cycle.dialect = request.dialect or cycle.dialect
    cycle.requests += is_first_of_number
    cycle.joined += request.joined
    cycle.departed += request.departed
    cycle.slowest_ms = max(cycle.slowest_ms, request.duration_ms)


def _write(connection: Connection, cycle: Cycle) -> None:
    rows.write(connection, cycle.id, asdict(cycle))
