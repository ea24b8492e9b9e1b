"""The checklist: which request ticks which line."""

from typing import get_args

import pytest

from app.observation.cycles import detection
from app.observation.setup_steps import PLAIN_HTTP, SETUP_STEPS, update_exposures, update_from
from app.request_record import KeyFault
from app.store.request_log import setup_step_rows as rows
from tests.observation.conftest import after, made_up, person, stranger


def folded(log, *batches) -> dict[str, str]:
    """What is ticked after these batches, and when."""
    for batch in batches:
        detection.update_from(log, batch)
        update_from(log, batch)
        update_exposures(log, batch)
    return {name: row.at for name, row in rows.by_name(log).items()}


def group(minutes: float, **of: object):
    return made_up(minutes, method="POST", status=201, action="create", resource_type="Group", **of)


@pytest.mark.parametrize(
    ("request_made", "ticked"),
    [
        (stranger(0), {"knocked"}),
        (made_up(0, status=404, path="unknown"), {"knocked", "key"}),
        (made_up(0, action="schema"), {"knocked", "key", "schemas"}),
        (made_up(0, action="match"), {"knocked", "key", "match"}),
        (made_up(0, action="probe"), {"knocked", "key"}),
        (person(0), {"knocked", "key", "person"}),
        (person(0, status=409), {"knocked", "key"}),
        (group(0), {"knocked", "key", "group"}),
        (made_up(0, action="disable", resource_type="User"), {"knocked", "key", "disable"}),
    ],
)
def test_each_line_is_ticked_by_its_own_fact(log, request_made, ticked):
    assert folded(log, [request_made]).keys() == ticked


def test_a_line_keeps_the_first_moment(log):
    assert folded(log, [made_up(0), made_up(1)], [made_up(2)])["key"] == after(0)


def test_entra_came_back_when_a_cycle_follows_ten_quiet_minutes_after_the_first_person(log):
    assert "cycle" not in folded(log, [made_up(0)], [made_up(40)], [person(41)], [made_up(45, action="probe")])
    assert folded(log, [made_up(56)])["cycle"] == after(56)


def test_the_last_request_that_sent_a_valid_key_by_plain_http_is_remembered(log):
    told = folded(log, [made_up(0, is_plain_http=True)], [made_up(5, is_plain_http=True), made_up(6)])
    assert told[PLAIN_HTTP] == after(5)


@pytest.mark.parametrize("fault", get_args(KeyFault)[1:])
def test_what_is_no_valid_key_is_not_exposed_by_plain_http(log, fault):
    assert PLAIN_HTTP not in folded(log, [stranger(0, fault, key_id="k1", is_plain_http=True)])
    assert PLAIN_HTTP not in folded(log, [made_up(0, key_id="", status=404, is_plain_http=True)])


def test_the_lines_stand_in_the_order_in_which_entra_does_them():
    names = [one.name for one in SETUP_STEPS]
    assert names == ["knocked", "key", "schemas", "match", "person", "group", "cycle", "disable"]
