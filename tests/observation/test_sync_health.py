"""The sync health from invented cycles: late, silent, quarantine, and what may be said of the next one."""

from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from app import clock
from app.observation.cycles.detection import Cycle
from app.observation.cycles.sync_health import (
    FIRST_GUESS_S,
    SyncHealth,
    contacts_of,
    current,
    is_retry_schedule,
    read,
    usual_gap_s,
)
from app.observation.request_recorder import write
from app.store.request_log import log_database
from tests.observation.conftest import BEGIN, after, made_up, stranger

HOUR = 60


def cycles(*starts: float, failed: int = 0) -> list[Cycle]:
    """Cycles of two minutes that began so many minutes after the beginning."""
    return [
        Cycle(id=number, started=after(start), ended=after(start + 2), failed=failed)
        for number, start in enumerate(starts, 1)
    ]


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def test_it_never_came():
    assert read([], at(0)) == SyncHealth("waiting")
    assert read([], at(0), refused=[after(0)]).state == "waiting"


@pytest.mark.parametrize(
    ("minutes", "state"),
    [
        *((1, "working"), (11.9, "working"), (12, "healthy"), (81.9, "healthy")),
        *((82, "late"), (241, "late"), (242, "silent")),
    ],
)
def test_late_at_twice_and_silent_at_six_times_the_first_guess(minutes, state):
    assert read(cycles(0), at(minutes)).state == state


def test_the_usual_gap_is_the_median_of_the_last_ones():
    assert usual_gap_s([]) == usual_gap_s([after(0)]) == FIRST_GUESS_S
    regular = [after(20 * number) for number in range(12)]
    assert usual_gap_s(regular) == 20 * 60
    assert usual_gap_s([*regular, after(20 * 11 + 900)]) == 20 * 60


def test_one_long_weekend_is_no_habit():
    assert usual_gap_s([after(0), after(3 * 24 * HOUR)]) == FIRST_GUESS_S


def test_tests_and_provision_on_demand_do_not_count_as_gaps():
    starts = [after(minutes) for minutes in (0, 40, 43, 45, 47, 49, 52, 80, 120)]
    assert usual_gap_s(starts) == 40 * 60
    assert usual_gap_s([after(minutes) for minutes in (0, 2, 4, 6, 8)]) == FIRST_GUESS_S


def test_an_appliance_in_a_quiet_company_is_not_called_late():
    every_six_hours = cycles(*(6 * HOUR * number for number in range(8)))
    assert read(every_six_hours, at(6 * HOUR * 7 + 8 * HOUR)).state == "healthy"


def test_the_next_cycle_is_expected_one_gap_after_the_last_began():
    found = read(cycles(0, 40, 80, 120), at(130))
    assert (found.expected, found.last_request) == (after(160), after(122))


def test_a_long_first_cycle_is_no_silence():
    long = [Cycle(id=1, started=after(0), ended=after(500))]
    found = read(long, at(505))
    assert (found.state, found.expected) == ("working", after(500))


@pytest.mark.parametrize("steps", [(6, 12, 24), (12, 24, 24), (24, 24, 24), (6, 6.4, 12)])
def test_the_cadence_of_quarantine_after_failures(steps):
    starts = [0, 40, 80]
    for step in steps:
        starts.append(starts[-1] + step * HOUR)
    now = at(starts[-1] + HOUR)
    assert read(cycles(*starts, failed=1), now).state == "quarantine"
    assert read(cycles(*starts), now).state != "quarantine"
    assert read(cycles(*starts), now, refused=[after(starts[-1] - HOUR * 0.01)]).state == "quarantine"


def test_refused_knocks_are_part_of_the_cadence():
    refused = [after(minutes) for minutes in (120, 120 + 6 * HOUR, 120 + 18 * HOUR, 120 + 42 * HOUR)]
    found = read(cycles(0, 40, 80), at(120 + 43 * HOUR), refused)
    assert (found.state, found.expected) == ("quarantine", after(120 + 66 * HOUR))


def test_other_gaps_are_no_quarantine():
    assert not is_retry_schedule([after(hours * HOUR) for hours in (0, 6, 12)])
    assert not is_retry_schedule([after(hours * HOUR) for hours in (0, 24, 36, 42)])
    assert not is_retry_schedule([after(hours * HOUR) for hours in (0, 6, 9, 21)])


def test_after_quarantine_comes_silence():
    starts = [0, 6 * HOUR, 18 * HOUR, 42 * HOUR]
    assert read(cycles(*starts, failed=1), at(42 * HOUR + 49 * HOUR)).state == "late"
    assert read(cycles(*starts, failed=1), at(42 * HOUR + 73 * HOUR)).state == "silent"


def test_what_came_within_ten_minutes_is_one_knock():
    assert contacts_of([after(0), after(30)], [after(0.1), after(5), after(45)]) == [after(0), after(30), after(45)]


def test_a_log_that_was_lost_leaves_the_keys_last_use():
    found = read([], at(30), contact=after(0))
    assert (found.state, found.last_request, found.expected) == ("healthy", after(0), after(40))


def test_who_sends_no_key_is_a_stranger_and_makes_no_quarantine(log, monkeypatch):
    @contextmanager
    def reading():
        yield log

    monkeypatch.setattr(log_database, "reading", reading)
    monkeypatch.setattr(clock, "utc_now", lambda: at(44 * HOUR))
    write(log, [made_up(0)])
    write(log, [stranger(hours * HOUR, fault="missing", number=f"m{hours}") for hours in (6, 18, 42)])
    assert current()[0].state == "silent"
    write(log, [stranger(hours * HOUR, fault="stopped", number=f"s{hours}") for hours in (6, 18, 42)])
    assert current()[0].state == "quarantine"
