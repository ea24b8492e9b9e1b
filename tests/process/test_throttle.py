"""Something is done at most once within a time, by the process's own clock."""

import threading

import pytest

from app import throttle
from app.throttle import Throttle


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1000.0]
    monkeypatch.setattr(throttle, "steady_s", lambda: moment[0])
    return moment


def test_a_key_is_due_once_in_its_interval(now: list[float]):
    tries = Throttle(keys=2)
    assert [tries.take(60, "a"), tries.take(60, "a"), tries.take(60, "b")] == [True, False, True]
    now[0] += 59.9
    assert not tries.take(60, "a"), "a try in vain begins no interval"
    now[0] += 0.1
    assert tries.is_due(60, "a") and tries.take(60, "a") and not tries.is_due(60, "a")


def test_an_interval_begins_when_it_is_told(now: list[float]):
    pause = Throttle()
    assert pause.is_due(5) and pause.is_due(5)
    pause.begin()
    now[0] += 4
    pause.begin()
    now[0] += 4
    assert not pause.is_due(5)
    now[0] += 1
    assert pause.is_due(5)


def test_the_keys_of_the_last_intervals_are_kept(now: list[float]):
    tries = Throttle(keys=2)
    for key in ("a", "b"):
        assert tries.take(60, key)
    now[0] += 60
    assert tries.take(60, "a") and tries.take(60, "c") and not tries.is_due(60, "a")
    assert len(tries._begun) == 2


@pytest.mark.usefixtures("now")
def test_of_many_threads_one_is_due():
    tries, together, takers = Throttle(), threading.Barrier(8), []

    def come() -> None:
        together.wait()
        if tries.take(60):
            takers.append(threading.get_ident())

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(takers) == 1
