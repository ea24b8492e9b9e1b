"""The rotation from one SCIM key to the next: when the old one retires, and above all when it does not."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text

from app import bounds, clock, throttle
from app.administration import audit
from app.administration.credentials import key_last_use, key_status, scim_keys
from app.administration.credentials import key_last_use as key_use
from app.administration.credentials.key_status import ActiveKey
from app.scim import errors
from app.store.access.scim_key_rows import KeyRow
from app.store.database import directory_database
from app.throttle import Throttle
from tests.administration.conftest import EVA, HERE, judge_key

pytestmark = pytest.mark.usefixtures("app")

MINUTE = bounds.KEY_USE_NOTED_S
HOUR = 60 * MINUTE
DAY = bounds.KEY_HAND_OVER_S


@dataclass
class Turned:
    """Both clocks: the one that says what time it is, and the steady one of the process."""

    set_clock: Callable[[float], None]
    steady_s: float = 1000.0

    def pass_time(self, seconds: float) -> None:
        self.set_clock(seconds)
        self.steady_s += seconds


@pytest.fixture
def clocks(pass_time: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> Turned:
    turned = Turned(pass_time)
    monkeypatch.setattr(throttle, "steady_s", lambda: turned.steady_s)
    restart(monkeypatch)
    return turned


def restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process begins anew: what it has seen itself is forgotten."""
    monkeypatch.setattr(key_use, "_uses", key_use.Uses())
    monkeypatch.setattr(key_use, "_notes", Throttle(bounds.KEYS_NOTED))


@dataclass
class Pair:
    """The key that Entra has, in use until now, and the new one."""

    clocks: Turned
    old_id: str
    new_id: str

    @property
    def old(self) -> KeyRow:
        return row_of(self.old_id)

    @property
    def new(self) -> KeyRow:
        return row_of(self.new_id)

    def use_old(self) -> None:
        key_last_use.note_key_use(self.old_id, HERE)

    def use_new(self) -> None:
        key_last_use.note_key_use(self.new_id, HERE)

    def use_new_for(self, seconds: float, every: float = HOUR) -> None:
        """From now until so many seconds from now, at both ends too."""
        self.use_new()
        for _ in range(int(seconds // every)):
            self.clocks.pass_time(every)
            self.use_new()


def row_of(key_id: str) -> KeyRow:
    return next(row for row in scim_keys.list_keys() if row.id == key_id)


def standing(key_id: str) -> ActiveKey:
    return next(one for one in key_status.active_keys() if one.key.id == key_id)


def audited(action: str) -> list[tuple[str, str, str]]:
    """Who, to what, and with what details; oldest first."""
    with directory_database.reading() as connection:
        rows = connection.execute(
            text("SELECT actor, target, detail FROM audit WHERE action = :action ORDER BY id"), {"action": action}
        )
        return [(row.actor, row.target, row.detail) for row in rows]


@pytest.fixture
def pair(clocks: Turned) -> Pair:
    old = scim_keys.create_key("old", EVA).row
    key_last_use.note_key_use(old.id, HERE)
    clocks.pass_time(HOUR)
    return Pair(clocks, old.id, scim_keys.create_key("new", EVA).row.id)


def test_a_new_key_is_the_successor_of_the_active_one(pair: Pair):
    assert (pair.old.successor, pair.new.successor) == (pair.new_id, None)
    assert pair.old.stopped is None and pair.new.first_used is None
    [_, (_, target, detail)] = audited("key-made")
    assert (target, json.loads(detail)["takes_over_from"]) == ("new", "old")
    assert standing(pair.old_id).successor == pair.new and standing(pair.new_id).predecessor == pair.old


def test_the_old_key_retires_when_only_the_new_one_was_used_for_a_day(pair: Pair):
    pair.use_new()
    begun = pair.new.first_used
    assert begun == pair.new.last_used == clock.to_wire(clock.utc_now())
    pair.clocks.pass_time(MINUTE)
    pair.use_new_for(DAY - HOUR)
    assert pair.old.stopped is None, "not before the day is over"
    pair.clocks.pass_time(HOUR)
    pair.use_new()
    assert (pair.old.stopped, pair.old.stopped_by) == (clock.to_wire(clock.utc_now()), "hand-over")
    assert pair.old.is_retired and pair.old.successor == pair.new_id
    assert (pair.new.stopped, pair.new.first_used) == (None, begun)
    [(actor, target, detail)] = audited("key-retired")
    told = {"key": pair.old_id, "begins": pair.old.prefix, "handed_over_to": "new"}
    assert (actor, target, json.loads(detail)) == ("itself", "old", told)


def test_a_simulation_with_either_key_hands_nothing_over(pair: Pair):
    for _ in range(3):
        key_last_use.note_key_use(pair.new_id, HERE, is_simulated=True)
        pair.clocks.pass_time(DAY)
    assert pair.old.stopped is None and pair.new.last_used is None and pair.new.first_used is None
    assert pair.new.last_simulated and pair.new.last_simulated_address == HERE
    assert standing(pair.old_id).retires is None
    assert standing(pair.new_id).warned == "unused"
    before = pair.old.last_used
    key_last_use.note_key_use(pair.old_id, HERE, is_simulated=True)
    assert pair.old.last_used == before and pair.old.last_simulated


def test_a_day_to_the_second_is_enough(pair: Pair):
    pair.use_new_for(DAY, every=DAY)
    assert pair.old.is_retired


def test_it_is_not_retired_a_second_before(pair: Pair):
    pair.use_new_for(DAY - 1, every=DAY - 1)
    assert not pair.old.is_retired
    pair.clocks.pass_time(MINUTE)
    pair.use_new()
    assert pair.old.is_retired


def test_two_tests_of_a_new_key_a_day_apart_do_not_end_a_key_in_use(pair: Pair):
    pair.use_new()
    for _ in range(30):
        pair.clocks.pass_time(HOUR)
        pair.use_old()
    pair.use_new()
    pair.clocks.pass_time(MINUTE)
    pair.use_new()
    assert pair.old.stopped is None and pair.old.relieved == clock.to_wire(clock.utc_now() - timedelta(seconds=MINUTE))


def test_nor_do_tests_before_and_after_a_weekend_on_which_entra_is_quiet(pair: Pair):
    pair.use_new()
    pair.clocks.pass_time(HOUR)
    pair.use_old()
    pair.clocks.pass_time(2.5 * DAY)
    pair.use_new()
    pair.clocks.pass_time(2 * MINUTE)
    pair.use_new()
    assert pair.old.stopped is None, "only the new key was used for two minutes"


def test_nor_do_two_tests_that_are_days_apart(pair: Pair):
    pair.use_new()
    pair.clocks.pass_time(3 * DAY)
    pair.use_new()
    assert pair.old.stopped is None
    assert standing(pair.old_id).is_due
    pair.clocks.pass_time(HOUR)
    pair.use_new()
    assert pair.old.is_retired, "twice within a day"


def test_a_use_of_the_old_key_begins_the_day_anew(pair: Pair):
    pair.use_new_for(DAY - HOUR)
    pair.use_old()
    assert pair.old.relieved is None
    pair.clocks.pass_time(HOUR)
    pair.use_new_for(DAY - HOUR)
    assert pair.old.stopped is None
    pair.clocks.pass_time(HOUR)
    pair.use_new()
    assert pair.old.is_retired


def test_a_use_that_could_not_be_noted_counts(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    pair.use_new_for(DAY - HOUR)
    with monkeypatch.context() as patch:

        def busy(wait: bool) -> None:
            raise errors.unavailable("busy")

        patch.setattr(directory_database, "writing", busy)
        pair.use_old()
    assert pair.old.relieved, "nothing of it is in the database"
    pair.clocks.pass_time(HOUR)
    pair.use_new_for(DAY - 2 * HOUR)
    assert pair.old.stopped is None
    pair.clocks.pass_time(HOUR)
    pair.use_new()
    assert pair.old.is_retired


def test_a_use_within_the_minute_after_a_note_counts(pair: Pair):
    pair.use_old()
    pair.use_new()
    pair.clocks.pass_time(MINUTE - 1)
    pair.use_old()
    assert pair.old.relieved, "not noted, since the minute is not over"
    pair.clocks.pass_time(1)
    pair.use_new_for(DAY - 2, every=DAY - 2)
    assert pair.old.stopped is None, "by the database it was used a day ago, and a second less in truth"
    pair.clocks.pass_time(MINUTE)
    pair.use_new()
    assert pair.old.is_retired


def test_a_use_is_not_lost_with_a_wrong_clock(pair: Pair):
    pair.use_new()
    pair.clocks.pass_time(MINUTE)
    pair.clocks.set_clock(2 * DAY)
    pair.use_new()
    pair.clocks.pass_time(MINUTE)
    pair.use_new()
    assert pair.old.stopped is None, "by this process's own clock the old key was used an hour ago"


@pytest.mark.parametrize("is_ahead", [False, True], ids=["off for days", "wrong clock"])
def test_after_a_start_the_old_key_has_time_to_come(pair: Pair, monkeypatch: pytest.MonkeyPatch, is_ahead: bool):
    """The program was off, or its clock is ahead by now: nobody can have used the old key in the meantime."""
    pair.use_old()
    pair.use_new()
    restart(monkeypatch)
    (pair.clocks.set_clock if is_ahead else pair.clocks.pass_time)(2 * DAY)
    restart(monkeypatch)
    pair.use_new_for(bounds.KEY_LISTENED_S - MINUTE, every=MINUTE)
    assert pair.old.stopped is None
    pair.use_old()
    pair.clocks.pass_time(HOUR)
    pair.use_new()
    assert pair.old.stopped is None


def test_a_program_that_is_started_every_day_retires_keys_too(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    for _ in range(2):
        restart(monkeypatch)
        pair.use_new_for(DAY - HOUR)
        pair.clocks.pass_time(HOUR)
    assert pair.old.is_retired


def test_moments_in_the_future_retire_nothing(pair: Pair):
    pair.use_new_for(DAY - HOUR)
    pair.clocks.set_clock(-30 * DAY)
    pair.clocks.pass_time(HOUR)
    pair.use_new_for(2 * DAY)
    assert pair.old.stopped is None and pair.new.last_used and pair.new.last_used < pair.old.created
    assert {one.warned for one in key_status.active_keys()} == {""}


def test_a_clock_that_was_ahead_for_a_while_holds_nothing_up_and_ends_nothing(pair: Pair):
    pair.use_new_for(DAY - HOUR)
    pair.clocks.set_clock(30 * DAY)
    pair.clocks.pass_time(MINUTE)
    pair.use_new()
    pair.clocks.set_clock(-30 * DAY)
    pair.clocks.pass_time(HOUR)
    pair.use_new()
    assert pair.old.stopped is None, "its use before was in the future"
    pair.clocks.pass_time(MINUTE)
    pair.use_new()
    assert pair.old.is_retired


def test_a_rotation_that_began_while_the_clock_was_ahead_begins_anew(pair: Pair):
    pair.clocks.set_clock(30 * DAY)
    pair.use_new()
    pair.clocks.set_clock(-30 * DAY)
    pair.clocks.pass_time(HOUR)
    pair.use_new_for(DAY - HOUR)
    assert pair.old.stopped is None and pair.new.first_used and pair.new.first_used < clock.to_wire(clock.utc_now())
    pair.clocks.pass_time(HOUR)
    pair.use_new()
    assert pair.old.is_retired


def test_a_key_has_one_successor(clocks: Turned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "ACTIVE_SCIM_KEYS", 3)
    first, second, third = (scim_keys.create_key(name, EVA).row.id for name in ("one", "two", "three"))
    assert [row_of(key_id).successor for key_id in (first, second, third)] == [second, third, None]


def test_a_key_that_was_never_used_retires_too(clocks: Turned):
    old = scim_keys.create_key("lost", EVA).row
    pair = Pair(clocks, old.id, scim_keys.create_key("new", EVA).row.id)
    pair.use_new_for(DAY)
    assert pair.old.is_retired


def test_the_old_key_is_refused_only_when_it_has_retired(clocks: Turned):
    first = scim_keys.create_key("old", EVA)
    pair = Pair(clocks, first.row.id, scim_keys.create_key("new", EVA).row.id)
    pair.use_new_for(DAY - HOUR)
    assert judge_key(first.text)[1] == ""
    clocks.pass_time(HOUR)
    pair.use_new()
    assert judge_key(first.text)[1] == "stopped"


def test_a_key_beside_is_nobodys_successor(clocks: Turned):
    first = scim_keys.create_key("one", EVA).row
    pair = Pair(clocks, first.id, scim_keys.create_key("two", EVA, is_beside=True).row.id)
    assert pair.old.successor is None
    pair.use_new_for(3 * DAY)
    assert (pair.old.stopped, pair.old.relieved) == (None, None)
    [*_, (_, _, detail)] = audited("key-made")
    assert "takes_over_from" not in json.loads(detail)


def test_when_the_new_key_is_stopped_the_old_one_stays(pair: Pair):
    pair.use_new()
    scim_keys.stop_key(pair.new_id, EVA)
    assert (pair.old.stopped, pair.old.successor, pair.old.relieved) == (None, None, None)
    pair.clocks.pass_time(2 * DAY)
    pair.use_new_for(2 * DAY)
    assert pair.old.stopped is None
    third = scim_keys.create_key("third", EVA).row
    assert pair.old.successor == third.id


def test_a_key_that_is_stopped_by_hand_has_not_retired(pair: Pair):
    pair.use_new()
    scim_keys.stop_key(pair.old_id, EVA)
    assert (pair.old.stopped_by, pair.old.is_retired) == ("eva", False)
    pair.clocks.pass_time(DAY)
    pair.use_new()
    assert audited("key-retired") == []


def test_what_has_retired_stays_so_when_its_successor_is_stopped(pair: Pair):
    pair.use_new_for(DAY)
    scim_keys.stop_key(pair.new_id, EVA)
    assert pair.old.is_retired
    pair.use_old()
    assert pair.old.is_retired, "a last request that had been let in"


def test_a_retired_key_makes_room_and_the_next_rotation_begins(pair: Pair):
    pair.use_new_for(DAY)
    third = scim_keys.create_key("third", EVA).row
    assert (pair.new.successor, pair.old.successor) == (third.id, pair.new_id)


def test_nothing_is_half_retired(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    pair.use_new_for(DAY - HOUR)
    pair.clocks.pass_time(HOUR)
    before = scim_keys.list_keys()
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> None:
            raise errors.unavailable("full")

        patch.setattr(audit, "record", full)
        pair.use_new()
    assert scim_keys.list_keys() == before and audited("key-retired") == []
    pair.clocks.pass_time(MINUTE)
    pair.use_new()
    assert pair.old.is_retired


def test_how_far_it_is_told(pair: Pair):
    assert (standing(pair.old_id).retires, standing(pair.old_id).is_due) == (None, False)
    pair.use_new()
    begun = clock.utc_now()
    pair.clocks.pass_time(HOUR)
    told = standing(pair.old_id)
    assert told.retires == clock.to_wire(begun + timedelta(seconds=DAY)) and not told.is_due
    pair.use_old()
    assert standing(pair.old_id).retires is None
    assert standing(pair.new_id).retires is None


def test_what_is_warned_of(pair: Pair):
    def warned() -> tuple[str, str]:
        return standing(pair.old_id).warned, standing(pair.new_id).warned

    assert warned() == ("", "")
    pair.use_old()
    pair.clocks.pass_time(bounds.KEY_IDLE_S - 1)
    assert warned() == ("", "")
    pair.clocks.pass_time(1)
    assert warned() == ("idle", "unused")
    pair.use_new()
    assert warned() == ("idle", "")
    pair.use_old()
    pair.clocks.pass_time(bounds.KEY_IDLE_S)
    assert warned() == ("idle", "idle")


def test_a_key_that_waits_for_entra_is_not_warned_of(clocks: Turned):
    scim_keys.create_key("first", EVA)
    clocks.pass_time(30 * DAY)
    assert [one.warned for one in key_status.active_keys()] == [""]
