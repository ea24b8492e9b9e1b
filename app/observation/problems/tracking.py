"""This module opens, continues and closes problems as requests are recorded.

A refused request joins the open problem of the same kind, attribute and user or group, or opens one.
Once users have arrived, a refused request without any key is only counted: anyone can send it.

What closes a problem:
- of the key: the next request with a valid key;
- of a value that was left out because the rest of its request disabled a user: the next request that sets the same
  attribute of that user, or that deletes the user;
- of a refused removal of access: that no user has the access any longer (refused_removals.py), or the next request that
  sets `active` of the users or deletes them;
- any other of a user or group: the next request about it that succeeds (after a refused change only a change counts,
  since a lookup proves nothing), or 29 days without a request, as Entra gives up after 28; 2 days for an unknown id,
  which Entra would retry daily;
- any other: a whole cycle without it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from app import bounds, clock
from app.observation import setup_steps
from app.observation.problem_kinds.kind_catalog import kind_of, went_wrong
from app.observation.problem_kinds.problem_kind import Kind
from app.observation.problem_kinds.value_kinds import READING
from app.request_record import CONNECTION, Request
from app.scim.attribute import is_within
from app.store.database.directory_database import Connection
from app.store.request_log import cycle_rows, refused_removal_rows, request_rows
from app.store.request_log import problem_rows as rows

LEFT_OUT = "left out "
"""The prefix of the key of a problem with a value that was left out; the rest is the user's id.

So no other success of the same user closes it.
"""
DUE = "due "
"""The prefix of the key of a problem by which a user should be disabled or deleted; the rest is the user's id."""
NOBODY = "nobody "
"""The prefix of the key of a problem without a subject; the rest is its kind, method and path."""
GIVEN_UP_AFTER = timedelta(days=29)
GONE_AFTER = timedelta(days=2)
GONE = "gone"
KEYLESS = "keyless"
"""The name in the log's `tally` of refused requests without a key that are part of no problem."""

KEPT = (
    *("status", "number", "method", "path", "scim_type", "reason", "expected", "got", "address", "key_id", "body"),
    *("resource_id", "resource_name", "other_id"),
)
"""The fields that a problem copies from its last request, under the same names."""


@dataclass(slots=True)
class _Known:
    """A problem that is not closed, with the fields that this module needs."""

    id: int
    kind: str
    attribute: str
    is_of_reading: bool
    is_left_out: bool
    is_due: bool
    count: int
    changed: dict[str, Any] = field(default_factory=dict)


def update_from(connection: Connection, batch: Sequence[Request]) -> None:
    """Open, join and close problems with these requests.

    Call it after `detection.update_from` and `setup_steps.update_from`.
    """
    batch = _without_keyless(connection, batch)
    methods = rows.methods_of_open(connection)
    methods |= {one.method for one in batch if one.left_out or _is_problem(one)}
    if methods:
        _open_and_close(connection, batch, are_reads_of_interest=not methods.isdisjoint(READING))
    _close_by_time(connection, batch)


def _open_and_close(connection: Connection, batch: Sequence[Request], *, are_reads_of_interest: bool) -> None:
    open_problems = _Open(connection, batch, are_reads_of_interest=are_reads_of_interest)
    for request in batch:
        if _is_problem(request):
            open_problems.note(request)
        if request.has_key:
            open_problems.close_by(request)
        for left_out in request.left_out:
            open_problems.note_left_out(request, left_out)
    open_problems.write()
    if open_problems.has_grown:
        rows.forget_surplus(connection, bounds.PROBLEMS_KEPT)


def _is_problem(request: Request) -> bool:
    """Return whether a request opens or joins a problem, also if only a later operation in it was not reached."""
    return went_wrong(request) or bool(request.due)


def _without_keyless(connection: Connection, batch: Sequence[Request]) -> Sequence[Request]:
    """Return the batch without refused requests that have no key, which are only counted once users have arrived.

    Before that they indicate a faulty connection: a reverse proxy may remove the key.
    """
    others = [one for one in batch if not (one.is_keyless and went_wrong(one))]
    if len(others) == len(batch) or not setup_steps.have_users_arrived(connection):
        return batch
    request_rows.add_to_counters(connection, {KEYLESS: len(batch) - len(others)})
    return others


def keys_of(request: Request, kind: Kind) -> frozenset[str]:
    """Return the keys by which the problem of a refused request is recognized."""
    if kind.is_of_key:
        return frozenset((CONNECTION,))
    about = frozenset(request.objects) - {CONNECTION}
    return about or frozenset((f"{NOBODY}{kind.name} {request.method} {request.path}",))


class _Open:
    """The open problems that a batch of requests may be about.

    `are_reads_of_interest`: whether any problem is of a refused read, so that a successful one may close it.
    """

    def __init__(self, connection: Connection, batch: Sequence[Request], *, are_reads_of_interest: bool) -> None:
        self._connection = connection
        self._are_reads_of_interest = are_reads_of_interest
        self._kinds = {id(request): kind_of(request) for request in batch if _is_problem(request)}
        self._keys = {id(request): self._keys_of(request) for request in batch}
        self._by_key = rows.open_by_keys(connection, frozenset().union(*self._keys.values()))
        ids = {one for some in self._by_key.values() for one in some}
        due = refused_removal_rows.of_problems(connection, ids)
        self._known = {}
        for row in rows.by_ids(connection, ids):
            state = (row.method in READING, rows.is_left_out(row), row.id in due, row._asdict()["count"])
            self._known[row.id] = _Known(row.id, row.kind, row.attribute, *state)
        self.has_grown = False

    def note(self, request: Request) -> None:
        kind = self._kinds[id(request)]
        keys = keys_of(request, kind)
        known = self._joined(request, kind, keys)
        known.is_of_reading = request.method in READING
        if request.due:
            refused_removal_rows.add(self._connection, known.id, request.due)
            known.is_due = True
            keys |= {DUE + one.user_id for one in request.due if not one.group_id}
        self._add_keys(known.id, keys)

    def note_left_out(self, request: Request, one: Mapping[str, Any]) -> None:
        """Record a value that was refused while its request succeeded: the problem has the status of that request."""
        refused = replace(request, **one)
        keys = frozenset((LEFT_OUT + request.resource_id,))
        known = self._joined(refused, kind_of(refused), keys, is_left_out=True)
        known.changed["status"] = request.status
        self._add_keys(known.id, keys)

    def _joined(self, request: Request, kind: Kind, keys: Collection[str], is_left_out: bool = False) -> _Known:
        """Return the problem that a refusal joins, or a new one, updated with the refusal."""
        for known in self._of(keys):
            if (known.kind, known.attribute, known.is_left_out) == (kind.name, request.attribute, is_left_out):
                break
        else:
            known = self._begin(request, kind, is_left_out)
        known.count += 1
        values = {name: value for name in KEPT if (value := getattr(request, name))}
        known.changed.update(values, last=request.at, count=known.count)
        return known

    def close_by(self, request: Request) -> None:
        """Close the problems that this request ends: those of the key, and a resource's if it succeeds.

        A problem of a left-out value ends when its attribute gets a value, or the user is deleted. While a user still
        has access that was to be removed, no other success closes the problem.
        """
        if self._by_key.keys().isdisjoint(self._keys[id(request)]):
            return
        over = {known.id for known in self._of({CONNECTION})}
        if not went_wrong(request):
            over |= self._no_longer_due(request)
            about = self._of(request.objects)
            over |= {one.id for one in about if not one.is_due and (one.is_of_reading or request.method not in READING)}
            left_out = self._of({LEFT_OUT + request.resource_id})
            over |= {one.id for one in left_out if request.action == "delete" or _gives(request, one.attribute)}
        if not over:
            return
        self.write(over)
        rows.close(self._connection, over, request.at, request.number)
        for some in self._by_key.values():
            some[:] = [one for one in some if one not in over]
        for one in over:
            del self._known[one]

    def _no_longer_due(self, request: Request) -> set[int]:
        """Return the problems without a due removal, because the request itself decides whether the user is active."""
        if not _decides_active(request) or not self._of({DUE + request.resource_id}):
            return set()
        over = refused_removal_rows.end(self._connection, request.resource_id, "", request.at)
        for known in self._known.values():
            known.is_due = known.is_due and known.id not in over
        return over & self._known.keys()

    def write(self, ids: Collection[int] | None = None) -> None:
        """Write what has changed of these problems, or of all."""
        for known in self._known.values():
            if known.changed and (ids is None or known.id in ids):
                rows.write(self._connection, known.id, known.changed)
                known.changed = {}

    def _keys_of(self, request: Request) -> frozenset[str]:
        """Return all keys by which a request may relate to a problem."""
        keys = frozenset[str]()
        if _is_problem(request):
            keys = keys_of(request, self._kinds[id(request)])
        elif request.method not in READING or self._are_reads_of_interest:
            keys = frozenset(request.objects)
        if request.left_out or request.assigned_paths or request.action == "delete":
            keys |= {LEFT_OUT + request.resource_id}
        if _decides_active(request):
            keys |= {DUE + request.resource_id}
        return keys | {CONNECTION} if request.has_key else keys

    def _of(self, keys: Iterable[str]) -> list[_Known]:
        ids = {one for key in keys for one in self._by_key.get(key, ())}
        return [self._known[one] for one in sorted(ids)]

    def _begin(self, request: Request, kind: Kind, is_left_out: bool) -> _Known:
        values = {"kind": kind.name, "attribute": request.attribute, "resource_type": request.resource_type}
        problem_id = rows.add(self._connection, {**values, "first": request.at, "last": request.at})
        self.has_grown = True
        known = self._known[problem_id] = _Known(problem_id, kind.name, request.attribute, False, is_left_out, False, 0)
        return known

    def _add_keys(self, problem_id: int, keys: Collection[str]) -> None:
        new = {key for key in keys if problem_id not in self._by_key.setdefault(key, [])}
        rows.add_keys(self._connection, problem_id, new)
        for key in new:
            self._by_key[key].append(problem_id)


def _decides_active(request: Request) -> bool:
    return request.action == "delete" or "active" in request.assigned_paths


def _gives(request: Request, attribute: str) -> bool:
    """Return whether a request gave a value to an attribute, to a part of it, or to its parent."""
    return any(is_within(path, attribute) or is_within(attribute, path) for path in request.assigned_paths)


def _close_by_time(connection: Connection, batch: Sequence[Request]) -> None:
    """Close what no request closes; checked when a cycle starts, since then the previous one is over."""
    begins = [request.at for request in batch if request.has_key]
    if not begins:
        return
    cycles = cycle_rows.last(connection, 2)
    if cycles[0].started < min(begins):
        return
    now = cycles[0].started
    over = rows.open_before(connection, _earlier(now, GIVEN_UP_AFTER))
    over += rows.open_before(connection, _earlier(now, GONE_AFTER), kind=GONE)
    if len(cycles) == 2:
        over += rows.open_before(connection, cycles[1].started, keys_from=NOBODY)
    rows.close(connection, set(over), now, "")


def _earlier(moment: str, passed: timedelta) -> str:
    return clock.to_wire(datetime.fromisoformat(moment) - passed)
