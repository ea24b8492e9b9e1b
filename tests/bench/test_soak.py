"""`make soak` sends a round of work to the real server, and names what has grown. No duration is compared."""

import pytest

from bench import soak
from bench.driver import Server
from bench.servers import bearer
from tests.conftest import Appliance
from tests.web.visitor import set_up


def test_a_round_is_answered_and_measured(appliance: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "USERS", 6)
    visitor, part = set_up(appliance), soak.Part()
    assert appliance.process
    server = Server(appliance.port, appliance.process.pid, bearer(appliance.key), "/scim", appliance.data)
    part.play(server, visitor.cookies["recnice_session"], "round")
    assert (part.failures, part.rounds) == ([], 1)
    figures = part.figures()
    assert {name.partition(":")[0] for name in figures} == set(soak.ALLOWED)
    assert all(figures.values()), figures
    part.play(server, "no session", "another")
    assert [line.partition(": GET")[0] for line in part.failures] == ["pages"] * (len(soak.PAGES) - 1)


def test_what_grew_is_named() -> None:
    second = {"memory MiB": 100.0, "open files": 30.0, "WAL MiB": 4.0, "p99 ms: create": 3.0}
    allowed = {"memory MiB": 110.0, "open files": 33.0, "WAL MiB": 64.0, "p99 ms: create": 16.0}
    assert list(soak.growth(second, allowed)) == []
    last = {"memory MiB": 111.0, "open files": 34.0, "WAL MiB": 64.1, "p99 ms: create": 17.0}
    assert [line.partition(": expected")[0] for line in soak.growth(second, last)] == list(second)


@pytest.mark.parametrize("given", ["", "x", "0", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("SOAK_MINUTES", given)
    with pytest.raises(SystemExit, match="expected a number of minutes above 0, got"):
        soak.minutes()
