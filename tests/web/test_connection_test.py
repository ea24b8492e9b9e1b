"""The form of the page Connection test, whatever is sent with it, and who may open it."""

import json

import pytest

from app.administration.permissions import Permission
from app.connection_test.probes import PROBES
from app.console_roles import Role
from tests.web.visitor import Visitor

NOTHING = [{"status": 0, "text": ""}] * len(PROBES)


def test_only_an_owner_may():
    assert [role for role in Role if Permission.CONNECTION.is_given_to(role, is_local=True)] == [Role.OWNER]


def test_what_the_browser_saw_is_judged(eva: Visitor):
    eva.get("/connection-test")
    page = eva.post("/connection-test", token="x", outcomes=json.dumps(NOTHING))
    assert page.status == 200 and "1 finding" in page.text and "<b>unreachable</b>" in page.text


@pytest.mark.parametrize(
    "outcomes",
    [
        "",
        "x",
        "1",
        "{}",
        "[]",
        "[" * 5_000,
        json.dumps(NOTHING[1:]),
        json.dumps([None] * len(PROBES)),
        json.dumps([{"status": True, "text": ""}] * len(PROBES)),
        json.dumps([{"status": 200, "text": 1}] * len(PROBES)),
    ],
)
def test_anything_else_is_refused(eva: Visitor, outcomes: str):
    eva.get("/connection-test")
    page = eva.post("/connection-test", token="x", outcomes=outcomes)
    assert (page.status, "sent no result" in page.text) == (400, True)


def test_what_a_proxy_answers_is_text(eva: Visitor):
    answer = json.dumps({"serial": "1", "sha256": "2", "method": "<script>", "path": "<b>", "host": "\u0000<i>"})
    eva.get("/connection-test")
    page = eva.post("/connection-test", token="x", outcomes=json.dumps([{"status": 200, "text": answer}] * len(PROBES)))
    assert page.status == 200 and "&lt;b&gt;" in page.text and "<script>" not in page.text
