"""This module stores the IP allow list, its mode and the IP addresses that were seen."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sql
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.sqlite import insert

from app.store.access.credential_tables import allowed_network, seen_source, source_policy
from app.store.database.connection import Connection, Row
from app.store.database.list_parameter import many

_POLICY = select(source_policy)
_NETWORKS = select(allowed_network).order_by(allowed_network.c.created, allowed_network.c.network)
_last_seen_first = seen_source.c.last_seen.desc(), seen_source.c.address
_SEEN = select(seen_source).where(seen_source.c.last_seen >= bindparam("since")).order_by(*_last_seen_first)
_insert_seen = insert(seen_source)
_NOTE = _insert_seen.on_conflict_do_update(
    index_elements=[seen_source.c.address],
    set_={"last_seen": func.max(seen_source.c.last_seen, _insert_seen.excluded.last_seen)},
)


def policy(connection: Connection) -> Row | None:
    """Return a row with `mode`, `since` and `set_by`; None if the mode was never set."""
    return connection.execute(_POLICY).first()


def set_policy(connection: Connection, mode: str, since: str, set_by: str) -> None:
    """Write the mode of the list."""
    values = {"mode": mode, "since": since, "set_by": set_by}
    kept = insert(source_policy).values(id=1, **values)
    connection.execute(kept.on_conflict_do_update(index_elements=[source_policy.c.id], set_=values))


def networks(connection: Connection) -> Sequence[Row]:
    """Return all rows of the list, in the order in which they were added."""
    return connection.execute(_NETWORKS).all()


def add_networks(connection: Connection, added: Collection[str], note: str, created: str, created_by: str) -> None:
    """Add networks to the list."""
    same = {"note": note, "created": created, "created_by": created_by}
    connection.execute(sql.insert(allowed_network), [{"network": network} | same for network in added])


def remove_network(connection: Connection, network: str) -> bool:
    """Delete a network from the list; return whether it was there."""
    return connection.execute(sql.delete(allowed_network).where(allowed_network.c.network == network)).rowcount > 0


def seen(connection: Connection, since: str) -> Sequence[Row]:
    """Return the IP addresses seen since a moment, last seen first."""
    return connection.execute(_SEEN, {"since": since}).all()


def note_seen(connection: Connection, moments: Mapping[str, str], most: int) -> None:
    """Record when these IP addresses were seen, and keep only the last seen `most`."""
    rows = [{"address": one, "first_seen": at, "last_seen": at} for one, at in moments.items()]
    connection.execute(_NOTE, rows)
    by_age = select(seen_source.c.address).order_by(*_last_seen_first)
    if surplus := connection.execute(by_age.offset(most).limit(-1)).scalars().all():
        connection.execute(sql.delete(seen_source).where(seen_source.c.address.in_(many(surplus))))
