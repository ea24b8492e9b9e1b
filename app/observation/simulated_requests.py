"""This module decides which requests are part of a simulation, so that they count nowhere.

The mark is a header that anybody may send (app/simulation/simulation_header.py), so it hides nothing of users and
groups that no simulation created, and nothing without a valid key. What concerns the key itself counts whatever is
marked: its last use, the address, and that it was sent by plain http.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from app.request_record import Request
from app.scim.errors import ScimError
from app.store.database import directory_database
from app.store.directory import history_rows, resource_rows


def mark_simulated(batch: Sequence[Request]) -> list[Request]:
    """Return the batch, in which a marked request about others than those of a simulation is like any other.

    So are all operations of a bulk request of which one is about others, and all requests while the database cannot be
    read. To be called after due_removals.with_due.
    """
    marked = [one for one in batch if one.is_simulated]
    if not marked:
        return list(batch)
    ordinary = {one.number for one in marked}
    with suppress(ScimError), directory_database.reading() as connection:
        holders = resource_rows.holders(connection, {value for one in marked for value in one.named_values})
        about = [{*_ids(one), *(id for value in one.named_values for id in holders.get(value, ()))} for one in marked]
        others = history_rows.of_others(connection, set().union(*about))
        ordinary = {one.number for one, ids in zip(marked, about, strict=True) if not others.isdisjoint(ids)}
    return [replace(one, cycle_id=0) if one.number in ordinary else one for one in batch]


def _ids(request: Request) -> Iterator[str]:
    """Yield what a request was about, named or found, what stands in its way, and whose access it was to take away."""
    yield from (request.resource_id, request.other_id, *request.named_ids)
    yield from (one.user_id for one in request.due)
