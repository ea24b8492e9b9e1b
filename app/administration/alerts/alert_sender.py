"""This module looks at all conditions once a minute, and sends what is due, on a thread of its own.

The database is the memory of what was sent. While it cannot be used, this process remembers, and stores it later: a
full disk, damage and a lost file are alerts themselves. See also: docs/decisions/0070-alerts-have-their-own-thread.md.
"""

import copy
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from app import bounds, clock
from app.administration import audit
from app.administration.alerts import alert_messages, alert_targets, incidents
from app.administration.alerts.alert_kinds import KINDS
from app.administration.alerts.alert_targets import SENDING, Channel, Target
from app.administration.alerts.conditions import Look
from app.administration.alerts.incidents import Alert, Delivery, Finding, State
from app.administration.audit import Action, Actor
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.delivery import mail, webhook
from app.delivery.connections import DeliveryError, Reach
from app.delivery.mail import Mail
from app.scim.errors import ScimError
from app.store.access import alert_rows as rows
from app.store.database import directory_database
from app.store.database.directory_database import Connection

GONE = "The receiver answered 410: it wants no more messages"

_Answer = TypeVar("_Answer")

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


def _attempt(exchange: Callable[..., str], *values: object) -> str:
    """Return what an exchange returns. Any unexpected exception becomes a DeliveryError: only this message waits."""
    try:
        return exchange(*values)
    except (DeliveryError, Refused, ReceiverGone):
        raise
    except Exception as error:
        log.exception("a message could not be made or sent")
        raise DeliveryError(f"An internal error ({type(error).__name__}): the log has the cause") from None


class _OverError(Exception):
    """The thread is to end: the database may be another one already."""


class Sender:
    """The thread of one application. `context` gives an application context for it; `look` a new look at everything."""

    def __init__(
        self,
        context: Callable[[], AbstractContextManager[object]],
        look: Callable[[], Look],
        network: Network,
        sealer: Sealer,
    ) -> None:
        self._context = context
        self._look = look
        self._network = network
        self._sealer = sealer
        self._targets: list[Target] = []
        self._state = State()
        self._stored = State()
        self._is_stored = True
        self._next_look_s = float("-inf")
        self._next_heartbeat_s = float("-inf")
        self._wake = threading.Event()
        self._is_over = threading.Event()
        self._is_sending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Let the thread look for new messages at once."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread, and wait until it does not use the database, but not for a receiver.

        What it sends now is sent again after the next start.
        """
        self._is_over.set()
        self._wake.set()
        if not self._is_sending.is_set():
            self._thread.join(bounds.ALERT_STOP_S)

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._wake.clear()
            try:
                with self._context():
                    self.work()
            except _OverError:
                return
            except Exception:
                log.exception("alerts could not be sent")
            self._wake.wait(min(bounds.ALERT_EVERY_S, *bounds.ALERT_RETRY_S))

    def work(self) -> None:
        """Look at the conditions if that is due, and send what is due. Needs an application context."""
        self._load()
        now = clock.utc_now()
        if time.monotonic() >= self._next_look_s:
            self._next_look_s = time.monotonic() + bounds.ALERT_EVERY_S
            findings, unknown = self._find()
            incidents.update(self._state, findings, unknown, self._on(), now)
            self._store()
        for channel in self._on():
            while self._is_next_delivered(channel):
                pass
        self._keep_beating()

    def _on(self) -> list[Channel]:
        """Return the channels to which messages go."""
        return [one.channel for one in self._targets if one.channel in SENDING and not one.stopped]

    def _load(self) -> None:
        """Read what is stored, unless it is older than what this process knows."""
        if not self._is_stored:
            self._store()
        if not self._is_stored:
            return
        try:
            with directory_database.reading() as connection:
                self._targets = alert_targets.list_targets(connection)
                self._stored = _read(connection)
                self._state = copy.deepcopy(self._stored)
        except ScimError:  # what was read last is still known
            pass

    def _find(self) -> tuple[Mapping[str, Finding], Sequence[str]]:
        """Return the conditions that hold, and the kinds of those that could not be looked at."""
        findings, unknown = {}, []
        open_kinds = {alert.kind for alert in self._state.open_alerts()}
        look = replace(self._look(), open_kinds=open_kinds, is_stored=self._is_stored)
        for kind in KINDS:
            if self._is_over.is_set():
                raise _OverError
            try:
                look_at = partial(kind.find, look)
                if finding := self._outside(look_at) if kind.is_remote else look_at():
                    findings[kind.name] = finding
            except _OverError:
                raise
            except (ScimError, OSError):
                unknown.append(kind.name)
            except Exception:
                log.exception("the alert %s could not be looked at", kind.name)
                unknown.append(kind.name)
        return findings, unknown

    def _store(self) -> None:
        """Store what differs from what is stored. While that fails, this process remembers it."""
        surplus = {one.id for one in incidents.surplus_of(self._state)}
        self._state.deliveries = [one for one in self._state.deliveries if one.id not in surplus]
        alerts = _changed(self._stored.alerts, self._state.alerts)
        deliveries = _changed(_by_id(self._stored), _by_id(self._state))
        if not (alerts or deliveries or surplus):
            self._is_stored = True
            return
        try:
            with directory_database.writing() as connection:
                rows.write_alerts(connection, alerts)
                rows.write_deliveries(connection, deliveries)
                rows.remove_deliveries(connection, surplus)
        except ScimError:
            self._is_stored = False
            return
        self._is_stored = True
        self._stored = copy.deepcopy(self._state)

    def _is_next_delivered(self, channel: Channel) -> bool:
        """Send the next message of a channel if it is due, and return whether it arrived."""
        due = incidents.next_deliveries(self._state, [channel], clock.utc_now())
        if self._is_over.is_set() or (delivery := next(due, None)) is None:
            return False
        target = next(one for one in self._targets if one.channel == channel)
        values: dict[str, str] = {}
        try:
            answer = self._outside(lambda: _attempt(send, delivery, target, self._network, self._sealer))
            incidents.note_success(delivery, answer, clock.utc_now())
            values["delivered"] = clock.to_wire(clock.utc_now())
        except ReceiverGone:
            answer = GONE
            incidents.note_failure(delivery, answer, clock.utc_now())
            values["stopped"] = clock.to_wire(clock.utc_now())
        except (DeliveryError, Refused) as error:
            answer = str(error)
            wait_s = error.wait_s if isinstance(error, RetryLater) else 0
            incidents.note_failure(delivery, answer, clock.utc_now(), wait_s)
        if not delivery.delivered:
            log.warning("an alert could not be sent by %s", delivery.channel)
        self._note_attempt(target, answer, values)
        self._store()
        return not delivery.is_waiting

    def _outside(self, exchange: Callable[[], _Answer]) -> _Answer:
        """Return what another host answers. Raises _OverError if the thread was to end meanwhile."""
        self._is_sending.set()
        try:
            return exchange()
        finally:
            self._is_sending.clear()
            if self._is_over.is_set():
                raise _OverError

    def _note_attempt(self, target: Target, answer: str, values: Mapping[str, str]) -> None:
        values = {**values, "attempted": clock.to_wire(clock.utc_now()), "answer": answer}
        known = replace(target, stopped=values.get("stopped", ""))
        self._targets = [known if one is target else one for one in self._targets]
        try:
            with directory_database.writing() as connection:
                rows.note_attempt(connection, target.channel, target.saved, values)
        except ScimError:
            pass  # the page shows the attempt before; what was delivered is remembered by `_store`

    def _keep_beating(self) -> None:
        """Request the heartbeat URL while the database can be written and no alert lasts."""
        target = next((one for one in self._targets if one.channel == "heartbeat"), None)
        if target is None or time.monotonic() < self._next_heartbeat_s or self._state.open_alerts():
            return
        try:
            directory_database.try_write()
        except ScimError:
            return
        self._next_heartbeat_s = time.monotonic() + bounds.HEARTBEAT_S
        values: dict[str, str] = {}
        try:
            answer = self._outside(lambda: _attempt(request_heartbeat, target, self._network, self._sealer))
            values["delivered"] = clock.to_wire(clock.utc_now())
        except (DeliveryError, Refused) as error:
            answer = str(error)
        self._note_attempt(target, answer, values)


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
            yield AlertTestOutcome(channel, target.name, "yes", _attempt(send, message, target, network, sealer))
        except ReceiverGone:
            yield AlertTestOutcome(channel, target.name, "no", GONE)
        except (DeliveryError, Refused) as error:
            yield AlertTestOutcome(channel, target.name, "no", str(error))


def _read(connection: Connection) -> State:
    alerts = {row.kind: Alert(**row._asdict()) for row in rows.alerts(connection)}
    return State(alerts, [Delivery(**row._asdict()) for row in rows.deliveries(connection)])


def state() -> State:
    """Return the stored alerts and messages."""
    with directory_database.reading() as connection:
        return _read(connection)


def _by_id(state: State) -> dict[str, Delivery]:
    return {one.id: one for one in state.deliveries}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [asdict(one) for key, one in after.items() if before.get(key) != one]
