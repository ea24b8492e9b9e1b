"""Cycles told apart by pauses and probes, and what is counted in them."""

from app import bounds
from app.observation.cycles import detection
from app.observation.cycles.detection import Cycle, cycle_of, update_from
from app.store.request_log import cycle_rows as rows
from app.store.request_log.tables import cycle
from tests.observation.conftest import after, made_up, person, stranger


def kept(log) -> list[Cycle]:
    return [cycle_of(row) for row in rows.page(log)][::-1]


def test_ten_quiet_minutes_end_a_cycle(log):
    assert update_from(log, [made_up(0), made_up(9.9), made_up(19.8), made_up(29.8)]) == [1, 1, 1, 2]
    assert [(one.started, one.ended, one.requests) for one in kept(log)] == [
        (after(0), after(19.8), 3),
        (after(29.8), after(29.8), 1),
    ]


def test_a_cycle_goes_on_over_several_batches(log):
    for minutes in (0, 5, 10):
        assert update_from(log, [made_up(minutes)]) == [1]
    [only] = kept(log)
    assert (only.requests, only.duration_s) == (3, 600)


def test_a_probe_after_a_quiet_minute_begins_a_cycle(log):
    found = update_from(
        log, [made_up(0), made_up(0.9, action="probe"), made_up(1.5), made_up(2.5, action="probe"), made_up(4)]
    )
    assert found == [1, 1, 1, 2, 2]


def test_a_clock_that_was_set_back_begins_a_cycle(log):
    assert update_from(log, [made_up(60), made_up(0), made_up(5)]) == [1, 2, 2]
    assert [(one.started, one.ended) for one in kept(log)] == [(after(60), after(60)), (after(0), after(5))]


def test_whoever_has_no_right_key_is_in_no_cycle(log):
    stopped = stranger(5, fault="stopped", key_id="k1")
    assert update_from(log, [stranger(0), made_up(1), stopped, made_up(11.5)]) == [0, 1, 0, 2]
    assert [one.requests for one in kept(log)] == [1, 1]


def test_nothing_is_written_for_strangers_alone(log):
    assert update_from(log, [stranger(0)]) == [0] and update_from(log, []) == []
    assert kept(log) == []


def test_each_deed_is_counted_as_what_it_is(log):
    actions = ["probe", "match", "list", "read", "schema", "create", "change", "confirm", "disable", "enable", "delete"]
    batch = [made_up(0, action=action) for action in actions]
    update_from(
        log, [*batch, made_up(0, action="create", status=409), made_up(0, action="change", joined=3, departed=1)]
    )
    [one] = kept(log)
    assert (one.probes, one.reads, one.created, one.changed) == (1, 4, 1, 2)
    assert (one.disabled, one.enabled, one.deleted) == (1, 1, 1)
    assert (one.joined, one.departed, one.failed, one.requests) == (3, 1, 1, 13)
    assert one.changes == 10


def test_operations_of_a_bulk_request_are_one_request(log):
    number = "00000000"
    update_from(log, [made_up(0, number=number, action="bulk"), *(person(0, number=number) for _ in range(3))])
    [one] = kept(log)
    assert (one.requests, one.created) == (1, 3)


def test_the_slowest_answer_the_key_and_the_dialect_are_kept(log):
    update_from(log, [made_up(0, duration_ms=7.5, dialect="default"), made_up(1, duration_ms=3.0, key_id="k2")])
    [one] = kept(log)
    assert (one.slowest_ms, one.key_id, one.dialect) == (7.5, "k2", "default")


def test_answers_that_overtake_each_other_make_no_cycle_shorter(log):
    assert update_from(log, [made_up(2), made_up(1), made_up(11.5)]) == [1, 1, 1]
    assert kept(log)[0].ended == after(11.5)


def test_the_oldest_cycles_make_room(log, monkeypatch):
    monkeypatch.setattr(bounds, "CYCLES_KEPT", 3)
    update_from(log, [made_up(20 * number) for number in range(10)])
    assert [one.id for one in kept(log)] == [8, 9, 10]


def test_pages_are_cut_by_place_and_by_time(log):
    update_from(log, [made_up(40 * number) for number in range(10)])
    assert [row.id for row in rows.page(log, skip=2, limit=3)] == [8, 7, 6]
    assert [row.id for row in rows.page(log, after(80), after(160))] == [4, 3]
    assert (rows.count(log), rows.count(log, after(80), after(160))) == (10, 2)


def test_a_cycle_has_every_column_of_its_table():
    assert set(Cycle.__slots__) == {column.name for column in cycle.columns}
    assert set(detection.COUNTED_AS.values()) <= set(Cycle.__slots__)


def test_a_guid_as_external_id_is_a_probe_only_where_it_opens_a_stretch(log):
    asked = {"action": "match", "may_be_probe": True}
    batch = [
        made_up(0, **asked),
        made_up(0.5, **asked),
        made_up(0.9),
        made_up(1.9, **asked),
        made_up(9, action="match"),
    ]
    batch += [stranger(10), made_up(30, action="match"), made_up(30.1, **asked)]
    told = detection.with_probes(log, batch)
    assert [one.action for one in told] == ["probe", "match", "list", "probe", "match", "", "match", "match"]
    update_from(log, told)
    assert [one.action for one in detection.with_probes(log, [made_up(30.5, **asked), made_up(40, **asked)])] == [
        "match",
        "probe",
    ]
