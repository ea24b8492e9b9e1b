"""This module serves the Alerts page."""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.administration.alerts import alert_messages, alert_sender, alert_targets
from app.administration.alerts.alert_kinds import BY_NAME, KINDS
from app.administration.alerts.alert_targets import CHANNELS, SECURITIES, SENDING
from app.administration.errors import Refused
from app.web.console.shared.error_pages import with_refusal
from app.web.console.system import alert_thread
from app.web.security import browser_session

_MAIL_FIELDS = ("host", "port", "security", "user", "password", "sender", "recipients")
_SHOWN_OF_MAIL = frozenset(_MAIL_FIELDS) - {"password"}


def alerts() -> Response:
    """Show the Alerts page."""
    return _page()


def save_alert_mail() -> Response:
    """Save the mail server and the recipients. The password is never displayed again, not even here."""
    form = {name: request.form.get(name, "") for name in _MAIL_FIELDS}
    try:
        alert_targets.save_mail(form, alert_thread.sealer(), browser_session.actor())
    except Refused as refused:
        return _page(refused, mail={name: form[name] for name in _SHOWN_OF_MAIL})
    return _done()


def save_alert_webhook() -> Response:
    """Save the webhook, and display a new signing secret once, in the response itself."""
    url, secret = request.form.get("url", ""), request.form.get("secret", "")
    try:
        created = alert_targets.save_webhook(url, secret, alert_thread.sealer(), browser_session.actor())
    except Refused as refused:
        return _page(refused)
    if not created:
        return _done()
    alert_thread.wake()
    return _page(secret=created)


def save_heartbeat() -> Response:
    """Save the heartbeat URL."""
    try:
        url = request.form.get("url", "")
        alert_targets.save_heartbeat(url, alert_thread.sealer(), browser_session.actor())
    except Refused as refused:
        return _page(refused)
    return _done()


def send_test_alert() -> Response:
    """Add a message to a channel, which the thread sends: its outcome appears on the page."""
    try:
        alert_targets.add_test(request.form.get("channel", ""), browser_session.actor())
    except Refused as refused:
        return _page(refused)
    return _done()


def remove_alert_target() -> Response:
    """Turn a channel off."""
    alert_targets.remove(request.form.get("channel", ""), browser_session.actor())
    return _done()


def _done() -> Response:
    alert_thread.wake()
    return redirect(url_for("console.alerts"), 303)


def _page(refused: Refused | None = None, mail: dict[str, str] | None = None, secret: str = "") -> Response:
    state, targets = alert_sender.state(), alert_targets.read_targets()
    known = targets.get("mail")
    values = mail or (dict(known.options) if known else {"port": "587", "security": "starttls"})
    return with_refusal(
        "alerts.html",
        refused,
        kinds=KINDS,
        known=BY_NAME,
        channels=CHANNELS,
        sending=SENDING,
        securities=SECURITIES,
        targets=targets,
        mail=values | {"recipients": ", ".join(values.get("recipients", "").split())},
        open_alerts=sorted(state.open_alerts(), key=lambda one: one.began),
        deliveries=state.deliveries[: -bounds.ALERTS_SHOWN - 1 : -1],
        headline=alert_messages.headline,
        secret=secret,
    )
