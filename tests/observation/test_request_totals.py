"""Recorded requests are counted by action and outcome, those of a simulation nowhere."""

from app.observation.request_totals import RequestTotals
from app.request_record import SIMULATED, Request


def test_counts_and_durations() -> None:
    totals = RequestTotals((0.001, 0.01))
    durations = (1.0, 1.1, 10.0, 11.0)
    totals.add([Request(action="create", status=201, duration_ms=one) for one in durations], {})
    totals.add([Request(action="create", status=201, duration_ms=5.0, cycle_id=SIMULATED)], {})
    totals.add([Request(status=401), Request(action="match", status=503)], {"dropped": 2})
    read = totals.read()
    totals.add([Request(action="create", status=201)], {"dropped": 1})
    assert read.requests == {("create", "ok"): 4, ("unknown", "refused"): 1, ("match", "failed"): 1}
    assert read.durations["create"] == [1, 2, 1] and abs(read.seconds["create"] - sum(durations) / 1_000) < 1e-9
    assert read.unrecorded == {"dropped": 2} and totals.read().unrecorded == {"dropped": 3}
    assert totals.read().requests["create", "ok"] == 5
