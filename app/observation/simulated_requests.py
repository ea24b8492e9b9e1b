"""This module decides which requests are part of a simulation, so that they are not counted.

Any client can send the mark, a header (app/simulation/simulation_header.py). So it hides nothing about users and groups
that no simulation created, and nothing without a valid key. Facts about the key itself count even for marked requests:
its last use, the IP address, and that it was sent by plain http.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from app.request_record import Request
from app.scim.errors import ScimError
from app.store.database import directory_database
from app.store.directory import history_rows, lookup_rows


def mark_simulated(batch: Sequence[Request]) -> list[Request]:
    """Return the batch with the mark removed from each request about resources outside the simulation.

    It is also removed from all operations of a bulk request of which one is about such a resource, and from all
    requests while the database cannot be read. Call it after `refused_removals.with_due`.
    """
    marked = [one for one in batch if one.is_simulated]
    if not marked:
        return list(batch)
    ordinary = {one.number for one in marked}
    with suppress(ScimError), directory_database.reading() as connection:
        holders = lookup_rows.holders(connection, {value for one in marked for value in one.named_values})
        about = [{*_ids(one), *(id for value in one.named_values for id in holders.get(value, ()))} for one in marked]
        others = history_rows.of_others(connection, set().union(*about))
        ordinary = {one.number for one, ids in zip(marked, about, strict=True) if not others.isdisjoint(ids)}
    return [replace(one, cycle_id=0) if one.number in ordinary else one for one in batch]


def _ids(request: Request) -> Iterator[str]:
    """Yield the ids that a request named or found, the conflicting one, and the users whose access it was to remove."""
    yield from (request.resource_id, request.other_id, *request.named_ids)
    yield from (one.user_id for one in request.due)
