"""This module looks at all conditions once a minute, and sends what is due, on a thread of its own.

The database is the memory of what was sent. While it cannot be used, this process remembers, and stores it later: a
full disk, damage and a lost file are alerts themselves. See also: app/administration/alerts/alert_delivery.py (sends
one message), docs/decisions/0070-alerts-have-their-own-thread.md.
"""

import copy
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import partial
from typing import Any, TypeVar

from app import bounds, clock
from app.administration.alerts import alert_delivery, alert_targets, incidents
from app.administration.alerts.alert_delivery import Network, ReceiverGone, RetryLater
from app.administration.alerts.alert_kinds import KINDS
from app.administration.alerts.alert_targets import SENDING, Channel, Target
from app.administration.alerts.conditions import Look
from app.administration.alerts.incidents import Alert, Delivery, Finding, State
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.delivery.connections import DeliveryError
from app.scim.errors import ScimError
from app.store.access import alert_rows as rows
from app.store.database import directory_database
from app.store.database.directory_database import Connection

_Answer = TypeVar("_Answer")

log = logging.getLogger(__name__)


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
            answer = self._outside(
                lambda: alert_delivery.attempt(alert_delivery.send, delivery, target, self._network, self._sealer)
            )
            incidents.note_success(delivery, answer, clock.utc_now())
            values["delivered"] = clock.to_wire(clock.utc_now())
        except ReceiverGone:
            answer = alert_delivery.GONE
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
            answer = self._outside(
                lambda: alert_delivery.attempt(alert_delivery.request_heartbeat, target, self._network, self._sealer)
            )
            values["delivered"] = clock.to_wire(clock.utc_now())
        except (DeliveryError, Refused) as error:
            answer = str(error)
        self._note_attempt(target, answer, values)


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
