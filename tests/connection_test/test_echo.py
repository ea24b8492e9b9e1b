"""What the connection test answers, and to whom: an echo of one's own request for a valid token, nothing else."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app import bounds, data_folder
from app.connection_test import probe_token
from app.connection_test.probe_token import PATH
from app.settings import Settings
from app.web.connection_echo import ConnectionEcho
from tests.conftest import Appliance

SECRET = b"s" * 32
ELSEWHERE = b"t" * 32


def beneath(environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
    start_response("404 NOT FOUND", [])
    return [b"beneath"]


@pytest.fixture
def echo(tmp_path: Path) -> ConnectionEcho:
    return ConnectionEcho(beneath, Settings(data=tmp_path), SECRET)


def answer(echo: ConnectionEcho, path: str, **more: Any) -> tuple[int, str]:
    parts, status, _ = run_wsgi_app(echo, EnvironBuilder(path, **more).get_environ())
    return int(status.split()[0]), b"".join(parts).decode()


def test_a_token_shows_what_arrived_of_its_own_request(echo: ConnectionEcho):
    token, body = probe_token.make(SECRET), b'{"userName": "ana"}'
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "192.0.2.9"}
    status, text = answer(
        echo,
        f"/scim{PATH}{token}",
        method="PATCH",
        query_string="filter=a%22%5B",
        data=body,
        headers=headers,
        environ_overrides={"REMOTE_ADDR": "192.0.2.1"},
    )
    arrived = json.loads(text)
    assert (status, arrived.pop("serial") != json.loads(answer(echo, f"/scim{PATH}{token}")[1])["serial"]) == (
        200,
        True,
    )
    assert arrived == {
        "method": "PATCH",
        "path": f"/scim{PATH}{token}",
        "query": "filter=a%22%5B",
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "host": "localhost",
        "scheme": "http",
        "client": "192.0.2.1",
        "peer": "192.0.2.1",
        "is_trusted": False,
        "is_forwarded": True,
        "authorization": "intact",
        "header_bytes": 0,
    }


@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_probe_chooses_among_three_statuses(echo: ConnectionEcho, status: int):
    path = f"/scim{PATH}{probe_token.make(SECRET)}"
    assert answer(echo, f"{path}/{status}")[0] == status
    assert answer(echo, f"{path}/200") == answer(echo, f"{path}/500") == (404, "beneath")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_method_that_scim_does_not_use_is_not_answered(echo: ConnectionEcho, method: str):
    assert answer(echo, f"/scim{PATH}{probe_token.make(SECRET)}", method=method)[0] == 404


def test_no_other_token_is_valid(echo: ConnectionEcho, monkeypatch: pytest.MonkeyPatch):
    token = probe_token.make(SECRET)
    until, signature = token.split("-")
    later = f"{int(until, 16) + 1:010x}-{signature}"
    forged = f"{until}-{signature[:-1]}{'0' if signature[-1] != '0' else '1'}"
    others = [later, forged, probe_token.make(ELSEWHERE), token.upper(), token + "0", "", "/" + token]
    assert {answer(echo, f"/scim{PATH}{other}") for other in others} == {(404, "beneath")}
    now = probe_token.time.time()
    for seconds, is_valid in ((bounds.PROBE_TOKEN_S - 2, True), (bounds.PROBE_TOKEN_S + 2, False), (-2, False)):
        monkeypatch.setattr(probe_token.time, "time", lambda moment=now + seconds: moment)
        assert (answer(echo, f"/scim{PATH}{token}")[0] == 200) is is_valid, seconds


def test_too_many_in_a_minute_are_not_answered(echo: ConnectionEcho, monkeypatch: pytest.MonkeyPatch):
    moment = 600.0
    monkeypatch.setattr("app.web.connection_echo.time.monotonic", lambda: moment)
    path = f"/scim{PATH}{probe_token.make(SECRET)}"
    statuses = [answer(echo, path)[0] for _ in range(bounds.PROBES_A_MINUTE + 2)]
    assert statuses == [200] * bounds.PROBES_A_MINUTE + [429] * 2
    assert "sha256" not in answer(echo, path)[1]
    assert answer(echo, "/scim/Users") == (404, "beneath")
    moment = 661.0
    assert answer(echo, path)[0] == 200


def test_no_more_of_a_body_is_read_than_a_probe_sends(echo: ConnectionEcho):
    token = probe_token.make(SECRET)
    endless = io.BytesIO(b"x" * (bounds.PROBE_BODY_BYTES + 10))
    environ = EnvironBuilder(f"/scim{PATH}{token}", method="POST").get_environ()
    environ |= {"wsgi.input": endless, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    parts, _, _ = run_wsgi_app(echo, environ)
    assert json.loads(b"".join(parts))["length"] == bounds.PROBE_BODY_BYTES


def test_a_token_opens_nothing_else_and_is_not_logged(shared_appliance: Appliance):
    token = probe_token.make(data_folder.secret(shared_appliance.data))
    path, headers = f"/scim{PATH}{token}", {"Authorization": f"Bearer {token}"}

    paths = (path, "/scim/Users", f"/scim{PATH}", f"/scim{PATH}x")
    assert [shared_appliance.request("GET", one, None, headers).status for one in paths] == [200, 401, 401, 401]
    body = b"x" * bounds.PROBE_BODY_BYTES
    lengths = [
        json.loads(shared_appliance.request("POST", path, sent, headers).text)["length"] for sent in (body, body + b"x")
    ]
    assert lengths == [len(body), 0], "what is longer than a probe is not read"
    assert token not in shared_appliance.output
