"""This module stores alerts, the messages about them, and where they are sent."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from app.store.access.alert_tables import alert, alert_delivery, alert_target
from app.store.database.connection import Connection, Row
from app.store.database.list_parameter import many

_TARGETS = select(alert_target).order_by(alert_target.c.channel)
_ALERTS = select(alert).order_by(alert.c.began.desc(), alert.c.kind)
_DELIVERIES = select(alert_delivery).order_by(alert_delivery.c.number, alert_delivery.c.id)
_NEXT = select(func.coalesce(func.max(alert_delivery.c.number), 0) + 1)


def targets(connection: Connection) -> list[Row]:
    """Return the rows of alert_target."""
    return connection.execute(_TARGETS).all()


def alerts(connection: Connection) -> list[Row]:
    """Return the rows of alert, the one that began last first."""
    return connection.execute(_ALERTS).all()


def deliveries(connection: Connection) -> list[Row]:
    """Return the rows of alert_delivery, oldest first."""
    return connection.execute(_DELIVERIES).all()


def next_number(connection: Connection) -> int:
    """Return the number of the next message."""
    return int(connection.execute(_NEXT).scalar_one())


def save_target(connection: Connection, values: Mapping[str, Any]) -> None:
    """Store where a channel sends, in place of an existing row; its messages are due now."""
    connection.execute(delete(alert_target).where(alert_target.c.channel == values["channel"]))
    connection.execute(insert(alert_target), dict(values))
    make_due(connection, values["channel"], values["saved"])


def make_due(connection: Connection, channel: str, at: str) -> None:
    """Let the waiting messages of a channel be sent at once."""
    waiting = (alert_delivery.c.channel == channel, alert_delivery.c.delivered.is_(None))
    connection.execute(update(alert_delivery).where(*waiting, alert_delivery.c.dropped.is_(None)).values(due=at))


def remove_target(connection: Connection, channel: str) -> None:
    """Turn a channel off, with its messages: a new target gets the alerts that hold then."""
    connection.execute(delete(alert_target).where(alert_target.c.channel == channel))
    connection.execute(delete(alert_delivery).where(alert_delivery.c.channel == channel))


def note_attempt(connection: Connection, channel: str, saved: str, values: Mapping[str, Any]) -> None:
    """Record an attempt to send, unless the target was saved again since."""
    of_target = (alert_target.c.channel == channel, alert_target.c.saved == saved)
    connection.execute(update(alert_target).where(*of_target).values(dict(values)))


def write_alerts(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store alerts, in place of those of the same kinds."""
    for values in rows:
        statement = insert(alert).values(dict(values))
        connection.execute(statement.on_conflict_do_update(index_elements=["kind"], set_=dict(values)))


def write_deliveries(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store messages, in place of those with the same ids; those of a channel that is off are left out."""
    on = {row.channel for row in targets(connection)}
    for values in rows:
        if values["channel"] in on:
            statement = insert(alert_delivery).values(dict(values))
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=dict(values)))


def remove_deliveries(connection: Connection, ids: Collection[str]) -> None:
    """Delete messages."""
    connection.execute(delete(alert_delivery).where(alert_delivery.c.id.in_(many(ids))))
