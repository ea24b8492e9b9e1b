"""This module decides which requests are part of a simulation, so that they count nowhere.

The mark is a header that anybody may send (app/simulation/simulation_header.py), so it hides nothing of users and
groups that no simulation created, and nothing without a valid key. What concerns the key itself counts whatever is
marked: its last use, the address, and that it was sent by plain http.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from app.observation.request_record import Request
from app.scim.errors import ScimError
from app.store.database import directory_database
from app.store.directory import history_rows


def judged(batch: Sequence[Request]) -> list[Request]:
    """Return the batch, in which a marked request about others than those of a simulation is like any other.

    While the history cannot be read, all requests are. To be called after due_removals.with_due.
    """
    named = {id for one in batch if one.is_simulated for id in _ids(one)}
    if not named:
        return list(batch)
    own: set[str] = set()
    with suppress(ScimError), directory_database.reading() as connection:
        own = history_rows.made_by_simulation(connection, named)
    others = {one.number for one in batch if one.is_simulated and not own.issuperset(_ids(one))}
    return [replace(one, is_simulated=one.is_simulated and one.number not in others) for one in batch]


def _ids(request: Request) -> Iterator[str]:
    """Everybody whom a request names, stands in the way of, or was meant to take access away from."""
    yield from (id for id in (request.resource_id, request.other_id) if id)
    yield from (one.user_id for one in request.due)
