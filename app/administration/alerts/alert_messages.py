"""This module writes the text of an alert, as an e-mail and as the JSON of a webhook."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app.administration.alerts.alert_kinds import BY_NAME, TITLES
from app.administration.alerts.incidents import Delivery, Stage

_HEADLINES: Mapping[Stage, str] = {
    "began": "{title}",
    "lasts": "Still: {title}",
    "more": "{title}: {level}",
    "over": "Over: {title}",
    "test": "Test of the alerts",
}
_TEST = "This message only tries whether alerts arrive. Nothing has happened."


def headline(delivery: Delivery) -> str:
    """Return the title of a message, without the name of the server."""
    title = TITLES.get(delivery.kind, delivery.kind)
    return _HEADLINES[delivery.stage].format(title=title, level=delivery.level)


def subject(delivery: Delivery, public_url: str) -> str:
    """Return the subject of an e-mail."""
    return f"[Recnice SCIM {urlsplit(public_url).netloc}] {headline(delivery)}"


def text(delivery: Delivery, public_url: str) -> str:
    """Return the text of an e-mail."""
    lines = [headline(delivery) + ".", ""]
    if delivery.stage == "test":
        lines += [_TEST, ""]
    elif delivery.stage == "over":
        lines += [f"It began {_moment(delivery.since)} and no longer holds.", ""]
    else:
        lines += [f"Since {_moment(delivery.since)}. {delivery.detail}".rstrip(), ""]
        if kind := BY_NAME.get(delivery.kind):
            lines += [kind.what, "", "What to do:", *(f"- {step}" for step in kind.fix), ""]
    return "\n".join([*lines, f"Console: {public_url}/alerts", f"Message {delivery.id}, {_moment(delivery.created)}"])


def payload(delivery: Delivery, public_url: str) -> bytes:
    """Return the body of a webhook: `type`, `timestamp` and `data` as Standard Webhooks has them.

    `text` is what chat services display.
    """
    kind = BY_NAME.get(delivery.kind)
    data: dict[str, Any] = {
        "alert": delivery.kind,
        "title": TITLES.get(delivery.kind, delivery.kind),
        "incident": delivery.incident,
        "since": delivery.since,
        "level": delivery.level,
        "detail": _TEST if delivery.stage == "test" else delivery.detail,
        "what": kind.what if kind else "",
        "fix": list(kind.fix) if kind else [],
        "server": public_url,
    }
    shown = f"{subject(delivery, public_url)}. {data['detail']}".strip()
    content = {"type": f"alert.{delivery.stage}", "timestamp": delivery.created, "data": data, "text": shown}
    return json.dumps(content).encode()


def _moment(wire: str) -> str:
    return f"{datetime.fromisoformat(wire):%Y-%m-%d %H:%M} UTC"
