"""The form of the page Connection test, whatever is sent with it, and who may open it."""

import json
import re

import pytest

from app import bounds, data_folder
from app.administration.permissions import Permission
from app.connection_test import probe_token
from app.connection_test.probes import PROBES
from app.console_roles import Role
from tests.conftest import Appliance
from tests.web.visitor import Visitor

NOTHING = [{"status": 0, "text": ""}] * len(PROBES)


def token_of(eva: Visitor) -> str:
    """The token of the page's probes; the next form is one of this page."""
    return re.findall(r'name="token" value="([^"]+)"', eva.get("/connection-test").text)[0]


def test_only_an_owner_may():
    assert [role for role in Role if Permission.CONNECTION.is_given_to(role, is_local=True)] == [Role.OWNER]


def test_what_the_browser_saw_is_judged(eva: Visitor):
    page = eva.post("/connection-test", token=token_of(eva), outcomes=json.dumps(NOTHING))
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
    page = eva.post("/connection-test", token=token_of(eva), outcomes=outcomes)
    assert (page.status, "sent no result" in page.text) == (400, True)


def test_what_a_proxy_answers_is_text(eva: Visitor):
    answer = json.dumps({"serial": "1", "sha256": "2", "method": "<script>", "path": "<b>", "host": "\u0000\ud800<i>"})
    outcomes = json.dumps([{"status": 200, "text": answer}] * len(PROBES))
    page = eva.post("/connection-test", token=token_of(eva), outcomes=outcomes)
    assert page.status == 200 and "&lt;b&gt;" in page.text and "<script>" not in page.text


def test_a_page_that_was_open_too_long_blames_no_proxy(
    eva: Visitor, console: Appliance, monkeypatch: pytest.MonkeyPatch
):
    token_of(eva)
    monkeypatch.setattr(bounds, "PROBE_TOKEN_S", -1)
    ended = probe_token.make(data_folder.secret(console.data))
    refused = json.dumps([{"status": 401, "text": ""}] * len(PROBES))
    for token in (ended, "x", ""):
        page = eva.post("/connection-test", token=token, outcomes=refused)
        assert (page.status, "open for more than 10 minutes" in page.text, "not-here" in page.text) == (
            400,
            True,
            False,
        )
