"""This module writes finished requests to the request log in batches, on its own thread.

A crash may lose the requests of the last second. The same thread reads the history, of which nothing is lost: it writes
the search words of what the requests changed, and counts what they removed (guard.py).
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

from app import bounds, clock, thread_priority
from app.observation import setup_steps, simulated_requests
from app.observation.attributes import attribute_arrivals
from app.observation.cycles import detection
from app.observation.directory import history_reader, last_seen
from app.observation.guard import Guard
from app.observation.problems import refused_removals, tracking
from app.observation.request_totals import RequestTotals
from app.request_record import Request
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import job_rows, word_index
from app.store.request_log import log_database, pruning, request_rows

WRITE_AFTER_S = 0.5
TRY_AGAIN_S = 1.0
PRUNE_EVERY_S = 600.0
PRUNE_NEXT_PART_S = 0.5
CLOSE_S = 10.0

DROPPED, UNAUTHENTICATED = "dropped", "strangers"
"""The names in the log's `tally`: requests without room, and unauthenticated ones over their limit."""

Update = Callable[[Connection, Sequence[Request]], None]
UPDATES: tuple[Update, ...] = (
    setup_steps.update_from,
    tracking.update_from,
    last_seen.update_from,
    attribute_arrivals.update_from,
)
"""The functions that read a batch, in this order, after its rows are written and their cycles are known.

None of them gets the requests of a simulation.
"""
UPDATES_OF_ALL: tuple[Update, ...] = (setup_steps.update_exposures, last_seen.remove_deleted)
"""The functions that also read the requests of a simulation."""

_REQUEST_BYTES = 4_000  # of the recorded fields and the resource's text, without the body
_SENT_FACTOR = 6  # parsed JSON is larger than its text

log = logging.getLogger(__name__)


def write(connection: Connection, batch: Sequence[Request]) -> None:
    """Write a batch of requests, oldest first, to the log, and update everything derived from it."""
    batch = detection.with_probes(connection, batch)
    request_rows.insert(connection, batch, detection.update_from(connection, batch))
    counting = [one for one in batch if not one.is_simulated]
    for update in UPDATES:
        update(connection, counting)
    for update in UPDATES_OF_ALL:
        update(connection, batch)


def named(batch: Sequence[Request]) -> list[Request]:
    """Return the batch with names for the resources that a request knew by id only, as a refused change does."""
    nameless = {one.resource_id for one in batch if one.resource_id and not one.resource_name}
    try:
        names = history_reader.names_of(nameless) if nameless else {}
    except ScimError:  # the directory database is busy; the log does without names
        names = {}
    return [
        replace(one, resource_name=names[one.resource_id])
        if one.resource_id in names and not one.resource_name
        else one
        for one in batch
    ]


class Recorder:
    """The recorder of one application: a bounded queue, and one thread that empties it every half second.

    `context` gives an application context for the thread; `kept_days`: how long requests are kept, 0 for ever. `types`:
    whose resources get their search words here; none without them. `guard`: what counts removals here.
    """

    def __init__(
        self,
        context: Callable[[], AbstractContextManager[object]],
        kept_days: int,
        types: Sequence[ResourceType] = (),
        guard: Guard | None = None,
    ) -> None:
        self._context = context
        self._types = types
        self._guard = guard
        self._kept = timedelta(days=kept_days)
        self.totals = RequestTotals(bounds.DURATIONS_S)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Request, int]] = deque()
        self._waiting_bytes = 0
        self._counts: Counter[str] = Counter()
        self._unauthenticated = _UnauthenticatedRows()
        self._queued = 0
        self._finished = 0
        self._is_hurried = False
        self._is_failing = False
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self._prune_at = 0.0
        self._is_history_read = True

    def start(self) -> None:
        """Start the thread, which the first request would do otherwise: pruning must not wait for requests."""
        with self._changed:
            self._start()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
            self._thread.start()

    def note(self, request: Request, sent_bytes: int = 0) -> bool:
        """Queue a request to be written soon, without waiting; return whether there was room.

        Unauthenticated clients have little room. `sent_bytes`: the length of `sent` as text.
        """
        has_sent = request.sent is not None or request.removals or request.named_ids
        size = _REQUEST_BYTES + len(request.body) + (_SENT_FACTOR * sent_bytes if has_sent else 0)
        with self._changed:
            return not self._is_closing and self._takes(request, size)

    def _takes(self, request: Request, size: int) -> bool:
        is_taken = False
        if not request.has_key and not self._unauthenticated.may_have_a_row(request.address):
            self._counts[UNAUTHENTICATED] += 1
        elif len(self._waiting) >= bounds.REQUESTS_WAITING or self._waiting_bytes > bounds.REQUESTS_WAITING_BYTES:
            self._counts[DROPPED] += 1
        else:
            self._waiting.append((request, size))
            self._waiting_bytes += size
            self._queued += 1
            is_taken = True
        self._start()
        if len(self._waiting) in (0, 1, bounds.REQUESTS_PER_BATCH):
            self._changed.notify_all()
        return is_taken

    @property
    def waiting(self) -> int:
        """How many requests wait to be written."""
        return len(self._waiting)

    def settle(self, limit_s: float = bounds.SETTLE_S) -> bool:
        """Wait until everything recorded so far is written or dropped; return whether it is.

        Does not wait for a log that is failing.
        """
        with self._changed:
            target = self._queued
            if self._finished >= target:
                return True
            if self._is_failing:
                return False
            self._is_hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._finished >= target or self._is_failing, limit_s)
            return self._finished >= target

    def close(self) -> None:
        """Write the rest, once, and accept nothing more."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(CLOSE_S)

    def _run(self) -> None:
        thread_priority.let_requests_go_first()
        while True:
            with self._changed:
                pause_s = max(0.0, self._prune_at - time.monotonic()) if self._is_history_read else TRY_AGAIN_S
                if self._changed.wait_for(lambda: self._waiting or self._counts or self._is_closing, pause_s):
                    self._changed.wait_for(self._is_due, TRY_AGAIN_S if self._is_failing else WRITE_AFTER_S)
                is_last = self._is_closing and len(self._waiting) <= bounds.REQUESTS_PER_BATCH
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), bounds.REQUESTS_PER_BATCH))]
                counts, self._counts = self._counts, Counter()
            batch = [request for request, _ in taken]
            is_written = self._is_written(batch, counts) if batch or counts else True
            self._read_history()
            with self._changed:
                self._is_failing = not is_written
                self._is_hurried = self._is_hurried and is_written and bool(self._waiting)
                if is_written or self._is_closing:
                    self._finished += len(taken)
                    self._waiting_bytes -= sum(size for _, size in taken)
                else:
                    self._waiting.extendleft(reversed(taken))
                    self._counts += counts
                self._changed.notify_all()
            if not is_written and self._is_closing:
                log.error("%d requests could not be written before the end", len(taken) + len(self._waiting))
                return
            if is_last:
                return
            del taken, batch  # the bodies in them would stay in memory until the next request
            if is_written:
                self._prune()
            self._checkpoint()

    def _is_due(self) -> bool:
        is_much = self._is_hurried or len(self._waiting) >= bounds.REQUESTS_PER_BATCH
        return self._is_closing or (is_much and not self._is_failing)

    def _is_written(self, batch: Sequence[Request], counts: Mapping[str, int]) -> bool:
        """Return whether the batch is done; not while the log cannot be used, which `log_database.writing` reports."""
        try:
            with self._context(), log_database.writing() as connection:
                marked = simulated_requests.mark_simulated(refused_removals.with_due(named(batch)))
                write(connection, marked)
                refused_removals.settle(connection)
                request_rows.add_to_counters(connection, counts)
            self.totals.add(marked, counts)
            return True
        except ScimError:
            return False
        except Exception:
            log.exception("a batch of %d requests could not be read", len(batch))
        try:
            with self._context(), log_database.writing() as connection:
                request_rows.insert(connection, batch)
                request_rows.add_to_counters(connection, counts)
            self.totals.add(batch, counts)
        except ScimError:
            return False
        except Exception:
            log.exception("a batch of %d requests could not be written", len(batch))
            if batch:  # what cannot even be counted is not retried
                with self._changed:
                    self._counts.update(counts)
                    self._counts[DROPPED] += len(batch)
        return True

    def _checkpoint(self) -> None:
        """Spare the directory's writers the checkpoints, which take longer than a write."""
        failure = None
        try:
            with self._context():
                if not directory_database.file.checkpoint():
                    return
        except ScimError as error:  # the next writer meets it, too
            failure = str(error)
        except Exception as error:
            log.exception("a checkpoint of the database failed")
            failure = type(error).__name__
        self._end_job("checkpoint", failure)

    def _end_job(self, name: job_rows.Job, failure: str | None) -> None:
        try:
            with self._context(), directory_database.writing() as connection:
                job_rows.end(connection, name, failure)
        except ScimError:
            pass  # `directory_database` reports it
        except Exception:
            log.exception("the end of the job %s could not be recorded", name)

    def _read_history(self) -> None:
        """Write the search words of all that requests changed, and count what they removed, before `settle` returns."""
        self._is_history_read = True
        self._do_job("words", self._write_words)
        if self._guard:
            self._do_job("guard", self._guard.count)

    def _do_job(self, name: job_rows.Job, do: Callable[[], None]) -> None:
        try:
            with self._context():
                do()
        except ScimError:  # `directory_database` reports it
            self._is_history_read = False
        except Exception as error:
            log.exception("what the job %s derives could not be written", name)
            self._end_job(name, type(error).__name__)

    def _write_words(self) -> None:
        while self._types and word_index.write_due(self._types):
            pass

    def _prune(self) -> None:
        """Delete a part of what is too old or too much. Before the next part, waiting requests are written."""
        if time.monotonic() < self._prune_at:
            return
        before = clock.to_wire(clock.utc_now() - self._kept) if self._kept else ""
        is_more, failure = False, None
        try:
            with self._context(), log_database.writing() as connection:
                is_more = pruning.prune(connection, before, bounds.REQUEST_ROWS, bounds.REQUEST_LOG_BYTES)
            with self._context(), log_database.writing() as connection:
                pruning.give_back(connection)
        except ScimError as error:
            is_more, failure = False, str(error)  # `log_database.writing` reports it
        except Exception as error:
            log.exception("the request log could not be pruned")
            failure = type(error).__name__
        if not is_more:
            self._end_job("pruning", failure)
        self._prune_at = time.monotonic() + (PRUNE_NEXT_PART_S if is_more else PRUNE_EVERY_S)


class _UnauthenticatedRows:
    """The rows per minute of clients without a valid key: none of them may fill the log, or hide others."""

    def __init__(self) -> None:
        self._until = 0.0
        self._rows: Counter[str] = Counter()

    def may_have_a_row(self, address: str) -> bool:
        """Count one more row, and return whether there was room for it."""
        now = time.monotonic()
        if now >= self._until:
            self._until = now + 60
            self._rows.clear()
        is_full = self._rows.total() >= bounds.UNAUTHENTICATED_A_MINUTE
        if is_full or self._rows[address] >= bounds.UNAUTHENTICATED_A_MINUTE_OF_ONE:
            return False
        self._rows[address] += 1
        return True
