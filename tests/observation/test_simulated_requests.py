"""What the requests of a simulation leave in the log: rows, and nothing that counts."""

from dataclasses import replace
from typing import Any

import pytest

from app.observation.directory import last_seen
from app.observation.request_recorder import write
from app.observation.setup_steps import PLAIN_HTTP
from app.request_record import SIMULATED, Request
from app.store.database.connection import Connection
from app.store.request_log import cycle_rows, last_seen_rows, request_rows, setup_step_rows, tables
from app.store.request_log.request_rows import RequestFilter
from tests.observation.conftest import made_up, person, taken

ANA = "3f1c9a52-8f59-4f0e-9a57-4f2a7a8b3c1d"
TABLES = (tables.cycle, tables.setup_step, tables.problem, tables.last_seen, tables.attribute_arrival)


def kept(log: Connection) -> list[Any]:
    """Everything that is told apart from requests."""
    return [log.execute(table.select()).all() for table in TABLES]


def simulated(*batch: Request) -> list[Request]:
    return [replace(one, cycle_id=SIMULATED) for one in batch]


STORY = (
    made_up(200, action="schema"),
    made_up(200, action="probe"),
    made_up(201, may_be_probe=True, action="match"),
    person(201, resources=(("User", ANA),), sent={"userName": "ana", "shoeSize": 44}),
    person(202, "eva"),
    taken(202, "eva"),
    made_up(203, status=404, path="unknown", action=""),
    made_up(203, action="disable", resource_type="User", resource_id=ANA, assigned_paths=("active",)),
)


@pytest.mark.parametrize(
    "before", [(), (person(0, "eva"), taken(1), made_up(90, status=404, path="unknown", action=""))]
)
def test_nothing_is_counted_opened_closed_or_ticked(log: Connection, before: tuple[Request, ...]):
    write(log, before)
    found = kept(log)
    write(log, simulated(*STORY))
    assert kept(log) == found


def test_an_ordinary_request_among_them_counts_as_if_they_were_not_there(log: Connection):
    write(log, [*simulated(*STORY[:4]), made_up(202, may_be_probe=True, action="match"), *simulated(*STORY[4:])])
    [one] = cycle_rows.last(log, 2)
    assert (one.requests, one.probes, one.started) == (1, 1, made_up(202).at)
    assert setup_step_rows.by_name(log).keys() == {"knocked", "key"}


def test_they_are_hidden_unless_they_are_asked_for(log: Connection):
    write(log, [made_up(0, action="read"), *simulated(person(1)), made_up(2, action="read")])

    def found(**of: Any) -> list[str]:
        return [one.action for one in request_rows.page(log, RequestFilter(**of))]

    assert found() == ["read", "read"]
    assert found(is_simulated=None) == ["read", "create", "read"]
    assert found(is_simulated=True) == ["create"]
    assert request_rows.count(log, RequestFilter(cycle_id=0)) == 0, (
        "they are not among those without a right key either"
    )
    [row] = request_rows.page(log, RequestFilter(is_simulated=True))
    assert row.is_simulated and row.cycle_id == SIMULATED


def test_a_valid_key_sent_by_plain_http_is_exposed_whatever_the_mark_says(log: Connection):
    write(log, simulated(made_up(0, is_plain_http=True)))
    assert list(setup_step_rows.by_name(log)) == [PLAIN_HTTP]


def test_who_is_deleted_by_one_is_forgotten(log: Connection):
    last_seen_rows.record(log, {ANA: ("User", made_up(0).at)})
    last_seen.remove_deleted(log, simulated(made_up(1, action="delete", status=204, resource_id=ANA)))
    assert last_seen_rows.of_ids(log, [ANA]) == {}
