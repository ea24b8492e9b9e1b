"""One thread works as long as it can, another one takes over when it cannot, and none looks without need."""

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace

import pytest

from app import bounds
from app.http_server.reading_threads import ReadingThreads
from app.http_server.watch import ThreadWatch
from app.http_server.writing_threads import WritingThreads
from tests.conftest import wait_until

WRITER: ContextVar[str] = ContextVar("WRITER", default="")


class Channel:
    """A connection whose next request does `work`."""

    def __init__(self, work: Callable[[], object], is_brief: bool = True) -> None:
        self.requests = [SimpleNamespace(is_brief=is_brief)]
        self.is_answered = threading.Event()
        self.is_cancelled = False
        self.thread = 0
        self._work = work

    def service(self) -> None:
        self.thread = threading.get_ident()
        try:
            self._work()
        finally:
            self.is_answered.set()

    def cancel(self) -> None:
        self.is_cancelled = True


class Writing(WritingThreads):
    """Three threads, and what each does before it waits. The test looks in place of the watch."""

    def __init__(self) -> None:
        self.of_thread = threading.local()
        super().__init__(3, ThreadWatch(), lambda use_wait: setattr(self.of_thread, "use_wait", use_wait))

    def use_wait(self) -> bool:
        return bool(self.of_thread.use_wait())


@pytest.fixture
def writing() -> Iterator[Writing]:
    threads = Writing()
    threads.start()
    wait_until(lambda: len(threads._idle) == 3, "all wait")
    yield threads
    threads.end()


def add_held(writing: Writing, gate: threading.Event) -> Channel:
    """Add a request that works until the gate opens, and wait until it does."""
    held = Channel(lambda: gate.wait(10))
    writing.add(held)
    wait_until(lambda: held.thread, "it works")
    return held


def test_one_thread_works_until_the_first_request_has_waited_for_two_looks(writing: Writing) -> None:
    gate, late = threading.Event(), Channel(lambda: None)
    held = add_held(writing, gate)
    writing.add(late)
    assert len(writing._idle) == 2
    assert writing._look() and len(writing._idle) == 2 and not late.is_answered.is_set()
    assert writing._look()
    assert late.is_answered.wait(10) and not held.is_answered.is_set()
    gate.set()
    wait_until(lambda: len(writing._idle) == 3, "all wait")
    assert not writing._look()


def test_a_thread_begins_the_next_brief_requests_before_it_waits(writing: Writing) -> None:
    seen: list[str] = []
    gate = threading.Event()

    def hold() -> None:
        WRITER.set("first")
        assert gate.wait(10)
        while writing.use_wait():
            pass

    held, long = Channel(hold), Channel(lambda: None, is_brief=False)
    brief = [Channel(lambda: seen.append(WRITER.get())) for _ in range(2)]
    last = Channel(lambda: None)
    writing.add(held)
    wait_until(lambda: held.thread, "it works")
    for channel in (*brief, long, last):
        writing.add(channel)
    gate.set()
    assert last.is_answered.wait(10) and long.is_answered.is_set()
    assert [channel.thread for channel in (*brief, long, last)] == [held.thread] * 4
    assert seen == ["", ""], "each has variables of its own"


def test_a_thread_begins_no_more_than_the_bound(writing: Writing) -> None:
    depths: list[int] = []

    def nest() -> None:
        depths.append(writing.of_thread.depth)
        writing.of_thread.depth += 1
        writing.use_wait()
        writing.of_thread.depth -= 1

    def hold() -> None:
        assert gate.wait(10)
        writing.of_thread.depth = 0
        nest()

    gate = threading.Event()
    held, others = Channel(hold), [Channel(nest) for _ in range(bounds.WRITES_BEGUN + 2)]
    writing.add(held)
    wait_until(lambda: held.thread, "it works")
    for channel in others:
        writing.add(channel)
    gate.set()
    for channel in others:
        assert channel.is_answered.wait(10)
    assert depths == [*range(bounds.WRITES_BEGUN + 1), 0, 1]


def test_a_thread_that_has_waited_long_begins_no_more(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "WRITES_BEGUN_S", -1)
    gate, begun = threading.Event(), list[bool]()
    held = Channel(lambda: gate.wait(10) and begun.append(writing.use_wait()))
    late = Channel(lambda: None)
    writing.add(held)
    wait_until(lambda: held.thread, "it works")
    writing.add(late)
    gate.set()
    assert late.is_answered.wait(10) and held.is_answered.is_set() and begun == [False]


def test_an_exception_ends_no_thread(writing: Writing, caplog: pytest.LogCaptureFixture) -> None:
    channels = [Channel(lambda: 1 // 0) for _ in range(4)]
    for channel in channels:
        writing.add(channel)
    for channel in channels:
        assert channel.is_answered.wait(10)
    wait_until(lambda: len(writing._idle) == 3, "all wait")
    assert caplog.text.count("a request was not answered") == 4


def test_at_the_end_the_requests_that_wait_are_given_up(writing: Writing) -> None:
    gate, late = threading.Event(), Channel(lambda: None)
    add_held(writing, gate)
    writing.add(late)
    writing.end()
    gate.set()
    assert late.is_cancelled and not late.is_answered.is_set()


def test_the_watch_pauses_without_work_and_sees_what_begins_meanwhile() -> None:
    work = threading.Event()
    looks = 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        return work.is_set()

    watch = ThreadWatch()
    watch.add(look)
    watch.start()
    for _ in range(3):
        wait_until(lambda: watch.is_paused, "it pauses")
        before = looks
        work.set()
        watch.resume()
        wait_until(partial(lambda before: looks > before, before), "it looks")
        assert not watch.is_paused
        work.clear()
    watch.end()


def test_a_thread_that_lost_the_lead_before_it_worked_does_not_lead_again() -> None:
    """The watch lets another thread lead while the first one is about to begin its task."""
    begins, works, is_seen = threading.Event(), threading.Event(), threading.Event()
    leaders: set[int] = set()

    class Watch(ThreadWatch):
        def resume(self) -> None:  # at the end of the choice of a task, of which the first one takes long
            if not is_seen.is_set():
                is_seen.set()
                assert begins.wait(10)

    def turn() -> bool:
        time.sleep(0.001)
        leaders.add(threading.get_ident())
        return not is_over.is_set()

    is_over = threading.Event()
    reading = ReadingThreads(2, turn, Watch())
    first, second = Channel(lambda: None), Channel(lambda: works.wait(10))
    reading.add(first)
    reading.start()
    assert is_seen.wait(10)
    reading._look()
    reading._look()
    reading.add(second)
    wait_until(lambda: second.thread, "another thread leads and works")
    leaders.clear()
    begins.set()
    assert first.is_answered.wait(10)
    assert wait_until(lambda: reading._others_at_work == 0, "the first thread is free")
    assert not leaders
    is_over.set()
    works.set()
    assert reading.is_over.wait(10) and reading.error is None
