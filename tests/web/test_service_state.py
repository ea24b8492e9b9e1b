"""The state on Status: the first that fits, and what is to be done, from made-up facts."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import bounds, clock
from app.administration.directory_totals import Overview
from app.administration.single_sign_on.provider_client import Outage
from app.jobs.backup_health import BackupHealth
from app.jobs.scheduler import JobOutcome
from app.observation.cycles.sync_health import SyncHealth
from app.observation.problem_kinds.kind_catalog import BY_NAME
from app.observation.problems.problem_list import Cause, Problem
from app.observation.problems.refused_removals import Standing
from app.observation.problems.severity import Severity
from app.web.console.monitoring.service_state import Facts, ServiceState, state_of, to_do


def past(minutes: float) -> str:
    return clock.to_wire(clock.utc_now() - timedelta(minutes=minutes))


LAST = past(10)
WELL = Facts(
    health=SyncHealth("healthy", LAST),
    overview=Overview(users=2, active_users=2, groups=1, last_contact=None, has_key=True),
    standing=Standing((), 0),
    severities=Counter(),
    stopping=(),
    backups=BackupHealth(past(60), (), "", ""),
    is_damaged=False,
    is_disk_low=False,
    outage=None,
    has_other_notice=False,
)


def cause(kind: str, first: str, last: str) -> Cause:
    values: dict[str, Any] = dict.fromkeys(Problem.__annotations__, "")
    values |= {"id": 7, "status": 400, "count": 1, "closed": None, "closed_by": None, "ignored": None, "is_due": False}
    problem = Problem(**{**values, "kind": BY_NAME[kind]})
    return Cause(Severity.SYNC_STOPPED, BY_NAME[kind], "", "", 1, 1, first, last, [problem])


def stopped(kind: str, first: float, last: float) -> Facts:
    stopping = [cause(kind, past(first), past(last))]
    return replace(WELL, stopping=stopping, severities=Counter({Severity.SYNC_STOPPED: 1}))


LASTING = bounds.KEY_REFUSED_S / 60 + 1
STATES: list[tuple[str, Facts, ServiceState]] = [
    ("all well", WELL, ServiceState.ALL_WELL),
    ("a sync is running", replace(WELL, health=SyncHealth("working", LAST)), ServiceState.ALL_WELL),
    ("nothing was received", replace(WELL, health=SyncHealth("waiting")), ServiceState.NOT_SET_UP),
    ("late", replace(WELL, health=SyncHealth("late", LAST)), ServiceState.LATE),
    ("silent", replace(WELL, health=SyncHealth("silent", LAST)), ServiceState.LATE),
    ("quarantine", replace(WELL, health=SyncHealth("quarantine", LAST)), ServiceState.SYNC_STOPPED),
    ("no key", replace(WELL, overview=replace(WELL.overview, has_key=False)), ServiceState.SYNC_STOPPED),
    ("damaged before set up", replace(WELL, health=SyncHealth("waiting"), is_damaged=True), ServiceState.SYNC_STOPPED),
    ("an unknown URL now", stopped("path-unknown", 5, 5), ServiceState.SYNC_STOPPED),
    ("an unknown URL before the last request", stopped("path-unknown", 90, 60), ServiceState.NEEDS_ATTENTION),
    ("a revoked key for long", stopped("key-stopped", LASTING, 1), ServiceState.SYNC_STOPPED),
    ("an invalid key, once", stopped("key-wrong", 1, 1), ServiceState.NEEDS_ATTENTION),
    ("a client without a key", stopped("key-missing", LASTING, 1), ServiceState.NEEDS_ATTENTION),
    ("a problem", replace(WELL, severities=Counter({Severity.PARTLY_SYNCED: 1})), ServiceState.NEEDS_ATTENTION),
    ("no users", replace(WELL, overview=replace(WELL.overview, users=0)), ServiceState.NEEDS_ATTENTION),
    ("little space", replace(WELL, is_disk_low=True), ServiceState.NEEDS_ATTENTION),
    ("an old backup", replace(WELL, backups=BackupHealth(past(99_999), (), "", "")), ServiceState.NEEDS_ATTENTION),
    ("another notice", replace(WELL, has_other_notice=True), ServiceState.NEEDS_ATTENTION),
    ("still active, and damaged", replace(WELL, standing=Standing((), 1), is_damaged=True), ServiceState.STILL_ACTIVE),
]


@pytest.mark.parametrize(("facts", "expected"), [one[1:] for one in STATES], ids=[one[0] for one in STATES])
def test_the_first_state_that_fits_is_shown(facts: Facts, expected: ServiceState):
    assert state_of(facts) is expected


def test_the_most_urgent_is_to_be_done_first():
    assert to_do(WELL, 5) == []
    failed = JobOutcome("drill", past(5), "no space", past(-5), is_running=False)
    facts = replace(
        stopped("path-unknown", 5, 5),
        severities=Counter({Severity.SYNC_STOPPED: 1, Severity.NOT_SYNCED: 2, Severity.PARTLY_SYNCED: 1}),
        backups=BackupHealth("", [failed], "", ""),
        is_disk_low=True,
        outage=Outage(past(120), "It does not answer."),
    )
    tasks = to_do(facts, 6)
    assert [task.title for task in tasks] == [
        "Unknown URL",
        "Single sign-on fails",
        "2 users or groups are not synced",
        "A backup job failed",
        "Little space is free",
        "1 user or group is partly synced",
    ]
    assert to_do(facts, 5) == tasks[:5]
    assert tasks[0].query == {"open": 7, "_anchor": "p7"}
    assert tasks[1].consequence == "It does not answer. It began 2 hours ago."
    assert tasks[3].consequence == "There is none. Restore drill: no space."
