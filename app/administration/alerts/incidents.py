"""This module decides which messages are due: one when an alert begins, one a day while it lasts, one when it is over.

It only changes what it is given, and neither reads a clock nor a database.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from app import bounds, clock

Stage = Literal["began", "lasts", "more", "over", "test"]
TEST = "test"
"""The kind of a message that only tries a channel."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition that holds: since when (wire form, "" if unknown), more about it, and which step of it is reached.

    The texts go to receivers: neither secrets nor personal data.
    """

    since: str = ""
    detail: str = ""
    level: str = ""


@dataclass(slots=True)
class Alert:
    """A row of the table `alert`."""

    kind: str
    incident: str
    began: str
    seen: str
    ended: str | None = None
    returns: int = 0
    since: str = ""
    level: str = ""
    detail: str = ""


@dataclass(slots=True)
class Delivery:
    """A row of the table `alert_delivery`."""

    id: str
    number: int
    channel: str
    kind: str
    incident: str
    stage: Stage
    since: str
    level: str
    detail: str
    created: str
    due: str
    attempts: int = 0
    delivered: str | None = None
    dropped: str | None = None
    answer: str = ""

    @property
    def is_waiting(self) -> bool:
        return self.delivered is None and self.dropped is None


@dataclass(slots=True)
class State:
    """All alerts by kind, and the messages in their order."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are not over."""
        return [one for one in self.alerts.values() if one.ended is None]

    def add(self, channel: str, stage: Stage, alert: Alert, now: datetime) -> Delivery:
        """Append a message that is due now."""
        number = 1 + max((one.number for one in self.deliveries), default=0)
        made = new_delivery(number, channel, stage, alert, now)
        self.deliveries.append(made)
        return made


def new_delivery(number: int, channel: str, stage: Stage, alert: Alert, now: datetime) -> Delivery:
    """Return a message about an alert, due now. Its id stays the same over all attempts."""
    at = clock.to_wire(now)
    about = (alert.kind, alert.incident, stage, alert.since or alert.began, alert.level, alert.detail)
    return Delivery("msg_" + secrets.token_hex(12), number, channel, *about, created=at, due=at)


def new_incident() -> str:
    """Return a random text."""
    return secrets.token_hex(8)


def update(
    state: State, findings: Mapping[str, Finding], unknown: Collection[str], channels: Collection[str], now: datetime
) -> None:
    """Begin, continue and end alerts, and append the messages about them for these channels.

    `findings`: the conditions that hold, by kind. `unknown`: the kinds that could not be looked at, which stay as they
    are.
    """
    for kind, finding in findings.items():
        _go_on(state, kind, finding, now)
    for alert in state.open_alerts():
        if alert.kind not in findings and alert.kind not in unknown:
            _rest(alert, now)
    for channel in channels:
        for alert in state.alerts.values():
            if stage := _due_stage(state.deliveries, channel, alert, now):
                state.add(channel, stage, alert, now)
    _drop_old(state, now)


def _go_on(state: State, kind: str, finding: Finding, now: datetime) -> None:
    at, known = clock.to_wire(now), state.alerts.get(kind)
    if known is None or known.ended is not None:
        is_return = known is not None and known.ended is not None and _is_within(known.ended, _REPEAT, now)
        returns = known.returns + 1 if known is not None and is_return else 0
        known = state.alerts[kind] = Alert(kind, new_incident(), at, "", returns=returns)
    # Not every minute: each change is a write to the disk.
    if not known.seen or known.level != finding.level or not _is_within(known.seen, _SEEN, now):
        known.seen, known.since, known.level, known.detail = at, finding.since, finding.level, finding.detail


def _rest(alert: Alert, now: datetime) -> None:
    """End an alert whose condition has been away for long enough: longer after each return, so that few are sent."""
    wait_s = min(bounds.ALERT_OVER_AFTER_S * 2.0**alert.returns, bounds.ALERT_REPEAT_S)
    at = clock.to_wire(now)
    if alert.seen > at:  # the clock was set back
        alert.seen = at
    elif not _is_within(alert.seen, timedelta(seconds=wait_s), now):
        alert.ended = at


_REPEAT = timedelta(seconds=bounds.ALERT_REPEAT_S)
_SEEN = timedelta(seconds=bounds.ALERT_OVER_AFTER_S / 2)


def _is_within(moment: str, period: timedelta, now: datetime) -> bool:
    """Return whether a moment is in the last period; not one in the future, since the clock was set back then."""
    return timedelta(0) <= now - datetime.fromisoformat(moment) < period


def _due_stage(deliveries: list[Delivery], channel: str, alert: Alert, now: datetime) -> Stage | None:
    """Return which message about an alert is due on a channel; none while another one about it waits."""
    about = [one for one in deliveries if one.channel == channel and one.incident == alert.incident]
    told = [one for one in about if one.dropped is None]
    if alert.ended is not None:
        return "over" if told and all(one.stage != "over" for one in about) else None
    if not told:
        return "began"
    last = told[-1]
    if last.is_waiting:
        return None
    if last.level != alert.level:
        return "more"
    is_recent = _is_within(last.created, _REPEAT, now)
    return "lasts" if not alert.level and not is_recent else None


def _drop_old(state: State, now: datetime) -> None:
    """Drop messages that no receiver accepts, and those after them about the same alert: no end without its start."""
    at = clock.to_wire(now)
    oldest = timedelta(seconds=bounds.ALERT_GIVE_UP_S)
    waiting = [one for one in state.deliveries if one.is_waiting]
    by_channel: dict[str, list[Delivery]] = {}
    for one in waiting:
        by_channel.setdefault(one.channel, []).append(one)
    surplus = {one.id for own in by_channel.values() for one in own[: -bounds.ALERTS_WAITING]}
    for one in waiting:
        is_old = one.attempts > 0 and now - datetime.fromisoformat(one.created) >= oldest
        if is_old or one.id in surplus:
            one.dropped = at
        if one.dropped and one.stage == "began":
            for later in waiting:
                if (later.channel, later.incident) == (one.channel, one.incident):
                    later.dropped = later.dropped or at


def surplus_of(state: State) -> Iterator[Delivery]:
    """Yield the messages that need not be kept: finished ones, but not about alerts that last."""
    lasting = {one.incident for one in state.open_alerts()}
    finished = [one for one in state.deliveries if not one.is_waiting and one.incident not in lasting]
    yield from finished[: -bounds.ALERTS_KEPT]


def next_deliveries(state: State, channels: Collection[str], now: datetime) -> Iterator[Delivery]:
    """Yield the next message of each channel if it is due: one that fails holds up the later ones of its channel."""
    at = clock.to_wire(now)
    for channel in channels:
        first = next((one for one in state.deliveries if one.channel == channel and one.is_waiting), None)
        # After a clock that was ahead, a moment may be too far away.
        if first and (first.due <= at or _is_far(first.due, now)):
            yield first


def _is_far(moment: str, now: datetime) -> bool:
    return datetime.fromisoformat(moment) - now > timedelta(seconds=bounds.ALERT_RETRY_AFTER_S)


def note_failure(delivery: Delivery, answer: str, now: datetime, wait_s: float = 0) -> None:
    """Record a failed attempt; the next one is later each time, and not before the receiver wants it."""
    steps = bounds.ALERT_RETRY_S
    pause_s = max(steps[min(delivery.attempts, len(steps) - 1)], wait_s)
    delivery.attempts += 1
    delivery.answer = answer
    delivery.due = clock.to_wire(now + timedelta(seconds=pause_s))


def note_success(delivery: Delivery, answer: str, now: datetime) -> None:
    """Record that a message arrived."""
    delivery.attempts += 1
    delivery.answer = answer
    delivery.delivered = clock.to_wire(now)
