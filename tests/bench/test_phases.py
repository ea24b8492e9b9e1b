"""The driver of `make bench` sends Entra's phases to the real server, and its checks find what is wrong.

No duration is compared: three requests of each kind are too few for a figure.
"""

import json
from collections.abc import Iterator

import pytest

from bench import entra, profile
from bench.driver import Answer, Phase, Request, Server, judge, read_answer, run
from bench.goals import GOALS, judged
from bench.servers import bearer
from tests.conftest import Appliance

USERS = 6  # half of them are added to the large group and removed again, one by one


@pytest.fixture(scope="module")
def server(shared_appliance: Appliance) -> Iterator[Server]:
    process = shared_appliance.process
    assert process is not None
    yield Server(shared_appliance.port, process.pid, bearer(shared_appliance.key), "/scim", shared_appliance.data)


def test_every_phase_is_answered_right(server):
    figures = run(server, entra.phases(USERS, "bench-"), 3, settles=False)
    assert set(figures) == set(entra.MEASURED)
    for name, one in figures.items():
        assert one.requests >= 3 and not one.errors and not one.wrong, one.failures
        assert one.cpu_us > 0, name


def test_an_error_and_a_wrong_answer_are_counted_apart():
    requests = [Request("GET", "/Groups/1", entra.has_members(["a", "b"]))] * 3
    answers = [
        Answer(200, json.dumps({"members": [{"value": "b"}, {"value": "a"}]}).encode()),
        Answer(200, json.dumps({"members": [{"value": "a"}]}).encode()),
        Answer(503, b""),
    ]
    errors, wrong = judge(Phase("group get", requests), answers)
    assert [errors, wrong] == [
        ["group get: GET /Groups/1: 503 b''"],
        ["group get: GET /Groups/1: members: expected 2, got 1 of 1"],
    ]


def test_a_value_that_was_not_stored_is_found():
    sent = entra.user(1)
    answered = json.loads(json.dumps(sent).replace('"True"', "true"))
    assert entra.contains(sent)(answered) == ""
    answered["emails"][0]["value"] = "other"
    assert entra.contains(sent)(answered) == ".emails.0.value: got 'other'"


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", (200, b"{}", False)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", None),
        (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", (204, b"", True)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", (200, b"abc", False)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", None),
    ],
)
def test_an_answer_is_read_when_it_is_complete(data, answer):
    assert read_answer(data) == answer


def test_each_goal_is_judged_once_it_has_a_value():
    keys = [goal.key for goal in GOALS]
    assert len(keys) == len(set(keys))
    rows = judged({"bad": {"value": 0, "note": ""}, "share get": {"value": 0.5, "note": "by rate 0.4"}})
    verdicts = {row[1]: row[5] for row in rows if row[5] not in ("not run", "Verdict")}
    assert verdicts == {"errors, wrong answers and lost members, all runs": "met", "get, share": "not met"}


def test_a_profile_names_stages_and_functions(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.servers.BUILD", tmp_path)
    text = profile.report("get", users=3)
    assert "SQLite" in text and "Flask" in text and len(text.splitlines()) <= 30
