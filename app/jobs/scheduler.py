"""This module runs each scheduled job when it is due, one after the other on one thread.

What each job did last is in table `job` (app/store/directory/job_rows.py), so a start makes the run that a stopped
server missed. See also: app/schedules.py (says when a job is due), app/jobs/job_list.py (declares the jobs).
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask

from app import bounds, clock, current_application, schedules, throttle
from app.exit_codes import CommandError
from app.scim.errors import ScimError
from app.settings import Settings
from app.store.database import directory_database
from app.store.directory import job_rows

log = logging.getLogger(__name__)
_EXTENSION = "recnice-jobs"


class Stopped(Exception):  # noqa: N818
    """The server stops: the job ends where it is, and is due again at the next start."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """What a job gets: the settings, and `leave_if_stopping`, which raises Stopped, for between its parts."""

    settings: Settings
    leave_if_stopping: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A scheduled job: its name in table `job`, when it is due, and its function. `schedule` returns None for off.

    The function runs in an application context. What it raises is its failure: ScimError, CommandError and OSError with
    their text, without personal data, any other exception with its class. Long jobs have a thread of their own.
    `runs_at_start`: it is due soon after each start, too, since it goes on with what was interrupted.
    """

    name: str
    schedule: Callable[[Settings], schedules.Schedule | None]
    work: Callable[[JobRun], None]
    is_long: bool = False
    runs_at_start: bool = False


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended last, and when it is due next (wire form). `ran` "": not yet. `failure` None: it succeeded.

    `next_at` "": an administrator has to ask for it.
    """

    name: str
    ran: str
    failure: str | None
    next_at: str
    is_running: bool


class _State:
    """What the scheduler knows of one job.

    `last`: when the last run that succeeded began; before the first one, when the server started. `noted`: that of the
    row. `retry_at`: a time of `throttle.steady_s`.
    """

    def __init__(self, job: Job, schedule: schedules.Schedule, start: datetime) -> None:
        self.job = job
        self.schedule = schedule
        self.last = start
        self.ran = ""
        self.failure: str | None = None
        self.noted = datetime.fromtimestamp(0, UTC)
        self.failures = 0
        self.retry_at = 0.0
        self.is_requested = job.runs_at_start
        self.is_running = False

    @property
    def has_time(self) -> bool:
        """Whether the job is due at some time, and not only when an administrator asks for it."""
        return not isinstance(self.schedule, schedules.OnRequest)


class _Scheduler:
    """The thread of some jobs, which looks at the clock at least every `bounds.JOB_LOOK_S`.

    `context` gives an application context.
    """

    def __init__(
        self, context: Callable[[], AbstractContextManager[object]], settings: Settings, jobs: Sequence[Job]
    ) -> None:
        self._context = context
        self._jobs = jobs
        self._states: dict[str, _State] = {}
        self._unloaded: set[str] = set()
        self._plan(settings)
        self._changed = threading.Condition()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"jobs-{next(iter(self._states), '')}", daemon=True)
        self._has_other_settings = False

    def use(self, settings: Settings) -> None:
        with self._changed:
            self._plan(settings)
            self._has_other_settings = True
            self._changed.notify_all()

    def _plan(self, settings: Settings) -> None:
        """Replace the states by those of the jobs that these settings want; a job that is on already keeps its own."""
        states = {}
        for job in self._jobs:
            if schedule := job.schedule(settings):
                states[job.name] = state = self._states.get(job.name) or _State(job, schedule, clock.utc_now())
                state.schedule = schedule
        self._unloaded |= states.keys() - self._states.keys()
        self._settings, self._zone, self._states = settings, schedules.zone_of(settings.time_zone), states

    def start(self) -> None:
        if self._states:
            self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._is_stopping.set()
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(bounds.JOB_STOP_S)

    def request(self, name: str) -> bool:
        with self._changed:
            state = self._states.get(name)
            if state is not None:
                state.is_requested = True
                self._changed.notify_all()
            return state is not None

    def outcomes(self) -> list[JobOutcome]:
        return [
            JobOutcome(
                name, one.ran, one.failure, clock.to_wire(self._next_at(one)) if one.has_time else "", one.is_running
            )
            for name, one in self._states.items()
        ]

    def run_due(self) -> float:
        """Run each job that is due, and return after how many seconds to look again."""
        self._load()
        now = clock.utc_now()
        for state in self._states.values():
            state.last = schedules.last_run(state.last, now)
        due = [one for one in self._states.values() if self._is_due(one, now)]
        for state in sorted(due, key=self._next_at):
            if not self._is_stopping.is_set():
                self._work(state)
        if due:
            return 0.0
        waits = [(self._next_at(one) - now).total_seconds() for one in self._states.values()]
        return max(0.0, min([bounds.JOB_LOOK_S, *(wait for wait in waits if wait > 0)]))

    def _next_at(self, state: _State) -> datetime:
        return schedules.next_run(state.schedule, state.last, self._zone)

    def _is_due(self, state: _State, now: datetime) -> bool:
        if state.is_requested:
            return True
        return self._next_at(state) <= now and (not state.failures or throttle.steady_s() >= state.retry_at)

    def _run(self) -> None:
        wait_s: float = bounds.JOB_START_S
        while True:
            with self._changed:
                # The wait is by a monotonic clock, and short: the clock that says what is due may be set meanwhile.
                self._changed.wait_for(self._has_news, wait_s)
            if self._is_stopping.is_set():
                return
            self._has_other_settings = False
            wait_s = self.run_due()

    def _has_news(self) -> bool:
        return (
            self._is_stopping.is_set()
            or self._has_other_settings
            or any(one.is_requested for one in self._states.values())
        )

    def _leave_if_stopping(self) -> None:
        if self._is_stopping.is_set():
            raise Stopped

    def _work(self, state: _State) -> None:
        began = clock.utc_now()
        state.is_requested, state.is_running = False, True
        failure: str | None = None
        try:
            with self._context():
                state.job.work(JobRun(self._settings, self._leave_if_stopping))
        except Stopped:
            return
        except (ScimError, CommandError, OSError) as error:
            failure = str(error)
            log.warning("job %s failed: %s", state.job.name, failure)
        except Exception as error:
            failure = type(error).__name__
            log.exception("job %s failed", state.job.name)
        finally:
            state.is_running = False
        is_news = failure != state.failure or not isinstance(state.schedule, schedules.Every)
        state.ran, state.failure = clock.to_wire(clock.utc_now()), failure
        if failure is None:
            state.last, state.failures = began, 0
        else:
            state.failures += 1
            pause_s = min(bounds.JOB_RETRY_S * 2 ** (state.failures - 1), bounds.JOB_RETRY_MAXIMUM_S)
            state.retry_at = throttle.steady_s() + pause_s
        # A row for each run of a job that runs every minute would be in the way of requests.
        if is_news or state.last - state.noted >= timedelta(seconds=bounds.JOB_NOTE_S):
            self._note(state)

    def _load(self) -> None:
        """Read once what former processes did. The first start writes since when a job with a wall time waits."""
        with self._changed:
            new = {name: state for name, state in self._states.items() if name in self._unloaded}
        if not new:
            return
        try:
            with self._context(), directory_database.reading() as connection:
                rows = job_rows.scheduled(connection)
        except ScimError:
            return  # the next look tries again
        self._unloaded -= new.keys()
        for name, state in new.items():
            if row := rows.get(name):
                state.last = state.noted = datetime.fromtimestamp(row.done, UTC)
                state.ran, state.failure = row.ran, row.failure
            elif not isinstance(state.schedule, schedules.Every):
                self._note(state)

    def _note(self, state: _State) -> None:
        """Write what a job did to its row. An administrator who asks for a job sees what it does; no alert is due."""
        if not state.has_time:
            return
        try:
            with self._context(), directory_database.writing() as connection:
                job_rows.write(connection, state.job.name, int(state.last.timestamp()), state.ran, state.failure)
            state.noted = state.last
        except ScimError:
            pass  # `directory_database` reports it; the next run writes again
        except Exception:
            log.exception("the end of the job %s could not be recorded", state.job.name)


class Schedulers:
    """The threads of an application: one for short jobs, and one for those that would delay them."""

    def __init__(self, app: Flask, settings: Settings, jobs: Sequence[Job]) -> None:
        self._schedulers = [
            _Scheduler(app.app_context, settings, [job for job in jobs if job.is_long is is_long])
            for is_long in (False, True)
        ]

    def start(self) -> None:
        """Start the threads. The first job runs `bounds.JOB_START_S` later, since the first requests matter more."""
        for one in self._schedulers:
            one.start()

    def stop(self) -> None:
        """Let the running jobs leave at their next safe point, and wait a moment for them."""
        for one in self._schedulers:
            one.stop()

    def use(self, settings: Settings) -> None:
        """Run the jobs by other settings from now on; a job that runs ends with those that it began with."""
        for one in self._schedulers:
            one.use(settings)

    def request(self, name: str) -> bool:
        """Let a job run as soon as its thread is free; return whether there is such a job."""
        return any([one.request(name) for one in self._schedulers])

    def outcomes(self) -> list[JobOutcome]:
        """Return what is known of each job, in no order."""
        return [outcome for one in self._schedulers for outcome in one.outcomes()]


def init_app(app: Flask, settings: Settings, jobs: Sequence[Job]) -> None:
    """Let an application have scheduled jobs; `current().start()` starts them."""
    app.extensions[_EXTENSION] = Schedulers(app, settings, jobs)


def current() -> Schedulers:
    """Return the schedulers of the current application."""
    schedulers: Schedulers = current_application.extension(_EXTENSION)
    return schedulers
