"""Request IDs: no two are equal, in any thread, and also not after a fork."""

import os
import re
import threading
import time

import pytest

from app.web.request_log import record_draft
from app.web.request_log.record_draft import Draft, new_number


def test_numbers_have_their_form_and_are_never_given_twice() -> None:
    numbers: list[str] = []
    threads = [threading.Thread(target=lambda: numbers.extend([new_number() for _ in range(2_000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == len(numbers) == 8_000
    assert all(re.fullmatch("[0-9a-f]{16}", number) for number in numbers)
    assert Draft().number not in numbers


def test_numbers_grow_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the clock is set back: the pages of an index that were written last are written again."""
    record_draft._numbers.values.clear()
    numbers = [new_number() for _ in range(600)]
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    numbers += [new_number() for _ in range(600)]
    assert numbers == sorted(numbers)
    assert len({number[8:] for number in numbers}) > 1_150, "the rest is random"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_has_numbers_of_its_own() -> None:
    new_number()
    held = set(record_draft._numbers.values)
    assert held
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_number().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    number = os.read(reading, 16).decode()
    os.close(reading)
    assert len(number) == 16
    assert number not in held
