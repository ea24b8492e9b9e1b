"""This module serves the page Connection test, whose script sends the probes from the browser to the public URL."""

import json
from collections.abc import Iterator

from flask import current_app, request
from werkzeug.wrappers import Response

from app import bounds
from app.administration.errors import Refused
from app.connection_test import probe_token, probes
from app.connection_test.probes import PROBES, Finding, Outcome, Probe
from app.settings import Settings
from app.web.console.shared.error_pages import with_refusal


def connection_test() -> Response:
    """Show the page, with the probes and a token for the script."""
    return _page()


def judge_connection() -> Response:
    """Show what the outcomes say that the script collected."""
    try:
        outcomes = list(_outcomes(request.form.get("outcomes", "")))
    except ValueError:
        return _page(Refused("The browser sent no result. Start the test again."))
    token = request.form.get("token", "")
    if not probe_token.read(current_app.config["SECRET_KEY"], probe_token.PATH + token):
        minutes = bounds.PROBE_TOKEN_S // 60
        return _page(Refused(f"This page was open for more than {minutes} minutes. Start the test again."))
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return _page(findings=probes.judge(settings.public_url, token, outcomes))


def _outcomes(text: str) -> Iterator[tuple[Probe, Outcome]]:
    """Yield each probe with its outcome. Raises ValueError for anything but a list of them."""
    try:
        read = json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(read, list) or len(read) != len(PROBES):
        raise ValueError("expected an outcome of each request")
    for probe, one in zip(PROBES, read, strict=True):
        status, words = (one.get("status"), one.get("text")) if isinstance(one, dict) else (None, None)
        if type(status) is not int or not isinstance(words, str):
            raise ValueError("expected a status and a text")
        yield probe, Outcome(status, words[: bounds.PROBE_TEXT_LENGTH], "the browser got no answer")


def _page(refused: Refused | None = None, findings: list[Finding] | None = None) -> Response:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    token = probe_token.make(current_app.config["SECRET_KEY"])
    sent = [
        {"method": one.method, "path": one.path(token), "headers": one.headers(token), "body": one.body.decode()}
        | ({"body": "", "bytes": len(one.body)} if len(one.body) > bounds.PROBE_TEXT_LENGTH else {})
        for one in PROBES
    ]
    return with_refusal(
        "connection_test.html",
        refused,
        url=settings.public_url,
        token_of_probes=token,
        probes=json.dumps(sent),
        findings=findings,
    )
