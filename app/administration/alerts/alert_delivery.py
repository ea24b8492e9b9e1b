"""This module sends one message of an alert by e-mail or webhook, requests the heartbeat URL, and sends tests."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from app import clock
from app.administration import audit
from app.administration.alerts import alert_messages, alert_targets, incidents
from app.administration.alerts.alert_targets import SENDING, Channel, Target
from app.administration.alerts.incidents import Alert, Delivery
from app.administration.audit import Action, Actor
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.delivery import mail, webhook
from app.delivery.connections import DeliveryError, Reach
from app.delivery.mail import Mail
from app.store.database import directory_database

GONE = "The receiver answered 410: it wants no more messages"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Network:
    """How this server reaches others. `own_port` is the one that it listens on."""

    public_url: str
    own_port: int
    may_reach_loopback: bool
    ca_file: Path | None

    def reach(self, channel: Channel) -> Reach:
        """Return what a channel may reach: a mail server on this host is usual."""
        return Reach(self.own_port, self.may_reach_loopback or channel == "mail")


class ReceiverGone(Exception):  # noqa: N818
    """The receiver wants no more messages: it answered 410."""


class RetryLater(DeliveryError):  # noqa: N818
    """The receiver asks to wait."""

    def __init__(self, text: str, wait_s: float) -> None:
        super().__init__(text)
        self.wait_s = wait_s


def send(delivery: Delivery, target: Target, network: Network, sealer: Sealer) -> str:
    """Send one message, and return what became of it as a sentence.

    A receiver may get a message twice, with the same id: what was sent is stored after it. Raises DeliveryError,
    RetryLater, ReceiverGone, Refused.
    """
    url, reach, now = network.public_url, network.reach(target.channel), clock.utc_now()
    if target.channel == "mail":
        subject, text = alert_messages.subject(delivery, url), alert_messages.text(delivery, url)
        at, sender = datetime.fromisoformat(delivery.created), target.options["sender"]
        letter = Mail(delivery.id, delivery.incident, at, sender, target.recipients, subject, text)
        return mail.send(target.mail_server(sealer), letter, reach, network.ca_file)
    secret, body = target.secrets(sealer), alert_messages.payload(delivery, url)
    headers = webhook.signature(secret["secret"], delivery.id, now, body) | {"Content-Type": "application/json"}
    answer = webhook.exchange("POST", secret["url"], headers, body, reach, network.ca_file)
    if answer.status == webhook.GONE:
        raise ReceiverGone
    return _success(answer, now)


def request_heartbeat(target: Target, network: Network, sealer: Sealer) -> str:
    """Request the heartbeat URL. Raises what `send` raises."""
    url = target.secrets(sealer)["url"]
    return _success(
        webhook.exchange("GET", url, {}, None, network.reach("heartbeat"), network.ca_file), clock.utc_now()
    )


def _success(answer: webhook.Answer, now: datetime) -> str:
    said = f"The receiver answered {answer.status}"
    if answer.is_success:
        return said
    reason = " (a redirect, which is not followed)" if 300 <= answer.status < 400 else ""
    raise RetryLater(f"{said}{reason}: {answer.text}" if answer.text else said + reason, answer.retry_after_s(now))


def attempt(exchange: Callable[..., str], *values: object) -> str:
    """Return what an exchange returns. Any unexpected exception becomes a DeliveryError: only this message waits."""
    try:
        return exchange(*values)
    except (DeliveryError, Refused, ReceiverGone):
        raise
    except Exception as error:
        log.exception("a message could not be made or sent")
        raise DeliveryError(f"An internal error ({type(error).__name__}): the log has the cause") from None


class AlertTestOutcome(NamedTuple):
    """What became of a test of one channel. `sent` is yes or no."""

    channel: Channel
    name: str
    sent: str
    answer: str


def send_tests(network: Network, sealer: Sealer, actor: Actor) -> Iterator[AlertTestOutcome]:
    """Send a message by each channel that is on, from this thread, and yield what became of it."""
    for channel, target in alert_targets.read_targets().items():
        if channel not in SENDING:
            continue
        with directory_database.writing() as connection:
            at = audit.record(connection, actor, Action.ALERT_TESTED, target.name, channel=channel)
        about = Alert(incidents.TEST, incidents.new_incident(), at, at)
        message = incidents.new_delivery(0, channel, "test", about, clock.utc_now())
        try:
            yield AlertTestOutcome(channel, target.name, "yes", attempt(send, message, target, network, sealer))
        except ReceiverGone:
            yield AlertTestOutcome(channel, target.name, "no", GONE)
        except (DeliveryError, Refused) as error:
            yield AlertTestOutcome(channel, target.name, "no", str(error))
