"""This module lists problems by cause and one by one, with their requests."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from app import bounds, clock
from app.observation.cycles.detection import seconds_between
from app.observation.problem_kinds.kind_catalog import BY_NAME, kind_of, went_wrong
from app.observation.problem_kinds.problem_kind import RETRIES, Kind
from app.observation.problems.severity import Severity, severity_of
from app.observation.problems.tracking import KEYLESS
from app.request_record import Request
from app.store.database.directory_database import Connection
from app.store.request_log import log_database, request_rows
from app.store.request_log import problem_rows as rows
from app.store.request_log.problem_rows import (
    ProblemFilter as ProblemFilter,  # for callers that must not import the store
)
from app.store.request_log.problem_rows import Status as Status
from app.store.request_log.request_rows import RequestFilter

TRIES_S = (6 * 3600, 12 * 3600, 24 * 3600)
"""Entra: the delays after a failure at which one user or group is retried, in seconds; the last one repeats daily."""
TRIED_FOR = timedelta(days=28)
LEFT_OUT_RETRY = (
    "The user was disabled and this value was left out. The answer was success, so Entra sends the value again only "
    "when it changes there."
)


@dataclass(frozen=True, slots=True)
class NextTry:
    """The next retry: `at` is the approximate time (wire form), "" if it is unknown."""

    at: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One cause for one user, group or other subject; the fields of a request are those of the last one.

    `first`, `last`, `closed`, `ignored` are moments in wire form; the latter two are None while it is not closed or
    ignored. `closed_by`: the request ID of the request that closed it, "" if none did. `is_due`: whether a user still
    has access that the requests were meant to remove.
    """

    id: int
    kind: Kind
    attribute: str
    resource_type: str
    resource_id: str
    resource_name: str
    other_id: str
    method: str
    path: str
    scim_type: str
    reason: str
    expected: str
    got: str
    address: str
    key_id: str
    body: str
    status: int
    first: str
    last: str
    number: str
    count: int
    closed: str | None
    closed_by: str | None
    ignored: str | None
    is_due: bool = False

    @property
    def severity(self) -> Severity:
        return severity_of(self.kind, is_due=self.is_due, is_of_change=rows.is_of_change(self))

    @property
    def is_left_out(self) -> bool:
        """Whether the value was left out of a request that succeeded, since that request disabled a user."""
        return rows.is_left_out(self)

    @property
    def next_try(self) -> NextTry:
        """The next retry by Entra, as far as its rules and the failures so far tell."""
        if self.is_left_out:
            return NextTry("", LEFT_OUT_RETRY)
        words = RETRIES[self.kind.retry]
        if self.kind.retry not in ("single", "lost") or self.closed:
            return NextTry("", words)
        tried_s = seconds_between(self.first, self.last)
        steps = zip(TRIES_S, accumulate(TRIES_S), strict=True)
        # The first failure may appear in several requests of one try, so half of the way is near enough.
        wait_s = next((wait_s for wait_s, until_s in steps if tried_s < until_s / 2), TRIES_S[-1])
        at = datetime.fromisoformat(self.last) + timedelta(seconds=wait_s)
        is_given_up = at > datetime.fromisoformat(self.first) + TRIED_FOR
        return NextTry("" if is_given_up else clock.to_wire(at), words)


@dataclass(frozen=True, slots=True)
class Cause:
    """The problems of one kind with one attribute of one resource type, with their counts.

    `severity` is that of the worst. `requests` counts their requests, `problems` are the worst ones, the last ones
    first; `first` and `last` are moments in wire form.
    """

    severity: Severity
    kind: Kind
    attribute: str
    resource_type: str
    count: int
    requests: int
    first: str
    last: str
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """A page of problems: its causes, the total number of causes, and the number of problems by status."""

    total: int
    causes: Sequence[Cause]
    counts: Mapping[Status, int]


def by_cause(criteria: ProblemFilter, start: int = 1, count: int = bounds.CONSOLE_PAGE_SIZE) -> ProblemPage:
    """Return causes from place `start` (the worst is 1), each with its worst problems.

    Equally severe ones are in the order of their newest requests, and so are all that are closed.
    """
    with log_database.reading() as connection:
        grouped = [(_severity(row), row) for row in rows.causes(connection, criteria)]
        if criteria.status != "closed":
            grouped.sort(key=lambda pair: pair[0])
        causes = [_cause(connection, criteria, *one) for one in grouped[start - 1 : start - 1 + count]]
        return ProblemPage(len(grouped), causes, rows.counts(connection))


def stopping_causes() -> list[Cause]:
    """Return the open causes whose kind stops the whole job of a client, that with the newest request first."""
    criteria = ProblemFilter()
    with log_database.reading() as connection:
        found = [row for row in rows.causes(connection, criteria) if BY_NAME[row.kind].stops_sync]
        return [_cause(connection, criteria, _severity(row), row) for row in found]


def _cause(connection: Connection, criteria: ProblemFilter, severity: Severity, row: Any) -> Cause:
    these = ProblemFilter(criteria.status, row.kind, row.attribute, criteria.text, row.resource_type)
    problems = [_problem(one) for one in rows.listed(connection, these, limit=bounds.PROBLEMS_OF_CAUSE)]
    totals = (row.problems, row.requests, row.first, row.last)
    return Cause(severity, BY_NAME[row.kind], row.attribute, row.resource_type, *totals, problems)


def every(criteria: ProblemFilter) -> list[Problem]:
    """Return all matching problems, the worst first, for an export: at most `bounds.PROBLEMS_KEPT`."""
    with log_database.reading() as connection:
        return sorted(map(_problem, rows.listed(connection, criteria)), key=lambda one: one.severity)


def find(problem_id: int) -> Problem | None:
    """Return one problem, or None."""
    with log_database.reading() as connection:
        row = rows.single(connection, problem_id)
        return _problem(row) if row else None


def requests_of(problem: Problem) -> list[Request]:
    """Return the requests of a problem, newest first, as far as the log still has them close together.

    For a value that was left out there is only the last request.
    """
    if problem.is_left_out:
        with log_database.reading() as connection:
            return request_rows.page(connection, RequestFilter(number=problem.number, resource_id=problem.resource_id))
    criteria = RequestFilter(is_refused=True if problem.status >= 400 else None)
    most = min(problem.count, bounds.PROBLEM_REQUESTS)
    requests: list[Request] = []
    with log_database.reading() as connection:
        portion = request_rows.page(connection, RequestFilter(number=problem.number), limit=1)
        before = portion[-1].id + 1 if portion else 0
        for _ in range(bounds.REFUSALS_READ // bounds.LOG_PAGE_SIZE):
            if not portion or len(requests) >= most or portion[-1].at < problem.first:
                break
            portion = request_rows.page(connection, criteria, before, bounds.LOG_PAGE_SIZE)
            requests += (one for one in portion if one.at >= problem.first and _is_part(problem, one))
            before = portion[-1].id if portion else 0
    return requests[:most]


def _is_part(problem: Problem, one: Request) -> bool:
    if not went_wrong(one) or kind_of(one) != problem.kind:
        return False
    if problem.kind.is_of_key:
        return True
    here = (one.attribute, one.resource_type, one.resource_id or one.resource_name)
    return here == (problem.attribute, problem.resource_type, problem.resource_id or problem.resource_name)


def counts() -> Mapping[Status, int]:
    """Return the number of problems by status."""
    with log_database.reading() as connection:
        return rows.counts(connection)


def count_open() -> tuple[Counter[Severity], Counter[str]]:
    """Return the number of open problems by severity, and by the name of their kind."""
    by_severity: Counter[Severity] = Counter()
    by_kind: Counter[str] = Counter()
    with log_database.reading() as connection:
        for row in rows.count_open(connection):
            by_severity[_severity(row)] += row.problems
            by_kind[row.kind] += row.problems
    return by_severity, by_kind


def count_keyless() -> int:
    """Return how many refused requests without a key were only counted since the request log began."""
    with log_database.reading() as connection:
        return request_rows.counters(connection).get(KEYLESS, 0)


def open_of(resource_ids: Collection[str]) -> dict[str, list[Problem]]:
    """Return the open problems of resources by id; resources without any are left out."""
    by_id: dict[str, list[Problem]] = {}
    with log_database.reading() as connection:
        for row in rows.open_of(connection, resource_ids):
            by_id.setdefault(row.resource_id, []).append(_problem(row))
    return by_id


def count(criteria: ProblemFilter) -> int:
    """Return the number of matching problems."""
    with log_database.reading() as connection:
        return rows.count(connection, criteria)


def set_ignored(criteria: ProblemFilter, is_ignored: bool) -> int:
    """Ignore the matching problems until they are closed, or stop ignoring them; return how many."""
    with log_database.writing() as connection:
        return rows.set_ignored(connection, criteria, clock.to_wire(clock.utc_now()) if is_ignored else None)


def _severity(row: Any) -> Severity:
    return severity_of(BY_NAME[row.kind], is_due=row.is_due, is_of_change=row.is_of_change)


def _problem(row: Any) -> Problem:
    return Problem(**{**row._asdict(), "kind": BY_NAME[row.kind]})
