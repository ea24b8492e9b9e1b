"""Scheduled jobs on a real database: what runs when, what a failure does, and what a stop waits for."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds
from app.exit_codes import CommandError
from app.jobs import job_list, scheduler
from app.jobs.scheduler import Job, JobRun, Stopped
from app.schedules import Daily, Every, Schedule
from app.scim.errors import unavailable
from app.settings import Settings
from app.store.database import directory_database
from app.store.database.sqlite_driver import module as sqlite
from app.store.directory import job_rows
from tests.conftest import wait_until

HOUR = 60 * 60.0
NIGHT = Daily(time(2, 30))
Move = Callable[[float], None]


class Diary:
    """Jobs of a test that write down what ran; `failure` is raised by the job of that name."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.entries: list[str] = []
        self.failures: dict[str, Exception] = {}

    def job(self, name: str, schedule: Schedule | None) -> Job:
        def work(_run: JobRun) -> None:
            self.entries.append(name)
            if name in self.failures:
                raise self.failures[name]

        return Job(name, lambda _settings: schedule, work)

    def plan(self, **jobs: Schedule | None) -> "Any":
        """The jobs in a scheduler as a start of the server makes it; its thread is not started."""
        made = [self.job(name, schedule) for name, schedule in jobs.items()]
        return scheduler._Scheduler(self.app.app_context, Settings(time_zone="Europe/Berlin"), made)

    def taken(self) -> list[str]:
        taken, self.entries[:] = list(self.entries), []
        return taken


@pytest.fixture
def diary(app: Flask) -> Diary:
    return Diary(app)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> Move:
    """Stops the monotonic clock of the scheduler; each call moves it by so many seconds."""
    now = [1000.0]
    monkeypatch.setattr("app.jobs.scheduler.throttle.steady_s", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def rows(path: Path) -> dict[str, tuple[str, str | None]]:
    with closing(sqlite.connect(path)) as connection:
        return {name: (ran, failure) for name, ran, failure in connection.execute("SELECT name, ran, failure FROM job")}


def test_a_job_runs_once_at_its_wall_time(diary: Diary, pass_time: Move) -> None:
    plan = diary.plan(night=NIGHT, off=None)  # the clock begins at 09:00 in Berlin
    assert 0 < plan.run_due() <= bounds.JOB_LOOK_S
    pass_time(17.4 * HOUR)
    plan.run_due()
    assert diary.taken() == []
    pass_time(0.1 * HOUR)
    assert plan.run_due() == 0
    pass_time(60)
    plan.run_due()
    assert diary.taken() == ["night"]
    (outcome,) = plan.outcomes()
    assert (outcome.ran, outcome.failure, outcome.next_at) == (
        "2026-03-02T01:30:00.000Z",
        None,
        "2026-03-03T01:30:00.000Z",
    )


def test_the_next_look_is_when_the_first_job_is_due(diary: Diary, pass_time: Move) -> None:
    plan = diary.plan(minutes=Every(5))
    pass_time(5 * 60 - 20)
    assert plan.run_due() == 20


def test_a_run_that_a_stopped_server_missed_is_made_after_its_start(diary: Diary, pass_time: Move) -> None:
    diary.plan(night=NIGHT).run_due()
    pass_time(16 * HOUR)  # nothing was due yet, and the machine is off at night
    for _ in range(3):
        pass_time(24 * HOUR)
        plan = diary.plan(night=NIGHT)
        plan.run_due()
        assert diary.taken() == ["night"], "once, however many were missed"
        plan = diary.plan(night=NIGHT)
        plan.run_due()
        assert diary.taken() == [], "another start finds it done"
    pass_time(72 * HOUR)
    plan = diary.plan(night=NIGHT)
    while plan.run_due() == 0:
        pass
    assert diary.taken() == ["night"]


def test_a_clock_that_is_set_back_lets_no_job_wait_for_its_return(diary: Diary, pass_time: Move) -> None:
    plan = diary.plan(night=NIGHT, minutes=Every(5))
    pass_time(400 * 24 * HOUR)
    plan.run_due()
    diary.taken()
    pass_time(-400 * 24 * HOUR)
    plan.run_due()
    assert diary.taken() == []
    pass_time(5 * 60)
    plan.run_due()
    assert diary.taken() == ["minutes"]
    pass_time(18 * HOUR)
    plan.run_due()
    assert sorted(diary.taken()) == ["minutes", "night"]


def test_a_failing_job_is_retried_later_each_time_and_stops_no_other(
    diary: Diary, path: Path, pass_time: Move, steady: Move, caplog: pytest.LogCaptureFixture
) -> None:
    plan = diary.plan(bad=NIGHT, good=NIGHT)
    plan.run_due()
    diary.failures["bad"] = CommandError("the folder is full")
    pass_time(24 * HOUR)
    plan.run_due()
    assert diary.taken() == ["bad", "good"]
    assert rows(path)["bad"] == ("2026-03-02T08:00:00.000Z", "the folder is full")
    assert rows(path)["good"] == ("2026-03-02T08:00:00.000Z", None)
    assert "job bad failed: the folder is full" in caplog.text
    for pause_s in (60, 120, 240, 480, 900, 900):
        steady(pause_s - 1)
        plan.run_due()
        assert diary.taken() == []
        steady(1)
        plan.run_due()
        assert diary.taken() == ["bad"]
    with directory_database.reading() as connection:
        assert job_rows.failed(connection) == [
            "background job bad: failed at 2026-03-02T08:00:00.000Z (the folder is full); the server tries again"
        ]
    del diary.failures["bad"]
    plan = diary.plan(bad=NIGHT, good=NIGHT)
    assert [one.failure for one in plan.outcomes()] == [None, None]
    plan.run_due()
    assert diary.taken() == ["bad"], "a start tries at once"
    assert rows(path)["bad"] == ("2026-03-02T08:00:00.000Z", None)


def test_an_error_that_nobody_expects_is_a_failure_with_its_class(
    diary: Diary, path: Path, pass_time: Move, caplog: pytest.LogCaptureFixture
) -> None:
    plan = diary.plan(odd=Every(1), busy=Every(1))
    diary.failures |= {"odd": ValueError("ana@example.com"), "busy": unavailable("The service is busy")}
    pass_time(60)
    plan.run_due()
    assert (rows(path)["odd"][1], rows(path)["busy"][1]) == ("ValueError", "The service is busy")
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]


def test_a_job_of_every_minute_writes_its_row_once_an_hour(diary: Diary, path: Path, pass_time: Move) -> None:
    plan = diary.plan(minute=Every(1))
    noted = []
    for _ in range(62):
        pass_time(60)
        plan.run_due()
        noted.append(rows(path)["minute"][0])
    assert len(diary.taken()) == 62
    assert len(set(noted)) == 2


def test_a_database_that_cannot_be_used_stops_no_job(
    diary: Diary, path: Path, pass_time: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Any:
        raise unavailable("The service cannot use its database")

    plan = diary.plan(minute=Every(1))
    with monkeypatch.context() as patched:
        patched.setattr(directory_database, "reading", refuse)
        patched.setattr(directory_database, "writing", refuse)
        pass_time(60)
        plan.run_due()
    assert diary.taken() == ["minute"]
    pass_time(60)
    plan.run_due()
    assert rows(path)["minute"] == ("2026-03-01T08:02:00.000Z", None)


# --- the threads ------------------------------------------------------------------------------------------------------


@pytest.fixture
def threads(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., scheduler.Schedulers]]:
    """Makes and starts the schedulers of jobs, and stops them in the end."""
    monkeypatch.setattr(bounds, "JOB_START_S", 0.0)
    made: list[scheduler.Schedulers] = []

    def start(*jobs: Job) -> scheduler.Schedulers:
        scheduler.init_app(app, Settings(), jobs)
        made.append(scheduler.current())
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.stop()


def test_a_stop_ends_a_long_job_at_its_next_safe_point_and_it_is_due_again(
    path: Path, threads: Callable[..., scheduler.Schedulers]
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(run: JobRun) -> None:
        begun.set()
        try:
            while True:
                run.leave_if_stopping()
        except Stopped:
            ended.set()
            raise

    running = threads(Job("long", lambda _settings: NIGHT, work, is_long=True))
    wait_until(lambda: running.request("long") and begun.wait(0.1), "the job begins")
    assert [one.is_running for one in running.outcomes()] == [True]
    running.stop()
    assert ended.is_set()
    assert rows(path)["long"] == ("", None)


def test_a_long_job_delays_no_short_one_and_runs_once_at_a_time(threads: Callable[..., scheduler.Schedulers]) -> None:
    release, entries = threading.Event(), []

    def work(_run: JobRun) -> None:
        entries.append("begin")
        release.wait(30)
        entries.append("end")

    short = threading.Event()
    running = threads(
        Job("long", lambda _settings: NIGHT, work, is_long=True),
        Job("short", lambda _settings: NIGHT, lambda _run: short.set()),
    )
    running.request("long")
    wait_until(lambda: entries, "the long job has begun")
    assert running.request("short")
    assert short.wait(30)
    running.request("long")
    release.set()
    wait_until(lambda: len(entries) == 4, "it ran twice")
    assert entries == ["begin", "end"] * 2
    assert not running.request("unknown")


def test_the_declared_jobs_have_names_of_their_own_and_schedules() -> None:
    names = [job.name for job in job_list.JOBS]
    assert len({*names, "checkpoint", "pruning", "words"}) == len(names) + 3
    for job in job_list.JOBS:
        job.schedule(Settings())
