"""A few threads at a time, a few more that wait, and of one caller fewer."""

import threading

import pytest

from app.administration.concurrency_limit import Limits, Places, _Waiter
from app.administration.errors import Busy
from tests.conftest import wait_until


def test_a_waiter_whose_place_is_free_is_not_counted():
    """It has not woken up yet: if it counted, chance would decide whether the next one of its caller is refused."""
    places = Places(lambda: Limits(at_once=2, waiting=5, wait_s=30, waiting_of_one=1), lambda: Busy(30))
    asleep = _Waiter("office", object())
    places._waiters.append(asleep)
    entered = threading.Event()

    def enter() -> None:
        with places.taken("office"):
            entered.set()

    thread = threading.Thread(target=enter)
    thread.start()
    wait_until(lambda: len(places._waiters) == 2, "the next one waits behind it")
    with places._changed:
        places._callers.append("office")
    with pytest.raises(Busy), places.taken("office"):
        pass
    assert not entered.is_set()
    with places._changed:
        places._callers.remove("office")
        places._waiters.remove(asleep)
        places._changed.notify_all()
    thread.join(30)
    assert entered.is_set()
