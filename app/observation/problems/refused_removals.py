"""This module tracks who still has access that a refused request was meant to remove.

A removal is settled when the user is disabled, deleted or out of the group, by any cause, or when a client sends a new
value of `active` (tracking.py). See also: app/scim/intended_removals.py (what a request was meant to do).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from app import bounds, clock
from app.request_record import DueRemoval, Request
from app.scim.errors import ScimError
from app.scim.intended_removals import AccessRemoval, Purpose
from app.scim.resource_types import name_of
from app.store.access import role_rows, sign_in_users
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import history_rows, membership_rows
from app.store.request_log import log_database, problem_rows
from app.store.request_log import refused_removal_rows as rows


@dataclass(frozen=True, slots=True)
class StillHere:
    """A user who still has access, with the problem that has the newest request.

    `since`, `last`: the times of the first and last request of the problem (wire form). `group_name` is "" unless the
    request was meant to remove the user from a group.
    """

    problem_id: int
    purpose: Purpose
    user_id: str
    user_name: str
    group_id: str
    group_name: str
    since: str
    last: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Some users who still have access, limited as requested, and their total number."""

    users: Sequence[StillHere]
    total: int


def with_due(batch: Sequence[Request]) -> list[Request]:
    """Return the batch with the removals that its refused requests were meant to make and that are still due."""
    if not any(one.removals for one in batch):
        return list(batch)
    try:
        with directory_database.reading() as connection:
            return [replace(one, due=_due(connection, one)) if one.removals else one for one in batch]
    except ScimError:  # The active users cannot be read now; the pages check again before they name a user.
        return [replace(one, due=tuple(_of_users(one.removals))) if one.removals else one for one in batch]


def settle(log: Connection) -> None:
    """Mark settled removals, and close the problems without any due removal. `log` is the request log's connection."""
    pairs = {(row.user_id, row.group_id) for row in rows.due(log, bounds.DUE_REMOVALS_READ)}
    if not pairs:
        return
    try:
        with directory_database.reading() as connection:
            over = pairs - sign_in_users.with_access(connection, pairs).keys()
    except ScimError:
        return
    now = clock.to_wire(clock.utc_now())
    for user_id, group_id in sorted(over):
        if settled_ids := rows.end(log, user_id, group_id, now):
            problem_rows.close(log, settled_ids, now, "")


def settle_now() -> None:
    """Settle removals after an action in the console."""
    with log_database.writing() as log:
        settle(log)


def standing(problem_id: int | None = None, limit: int = bounds.DUE_REMOVALS_SHOWN) -> Standing:
    """Return the users who should have lost access and still have it, by all problems that are not ignored, or by one.

    A group that no longer gives a role does not count.
    """
    with log_database.reading() as log:
        due = rows.due(log, bounds.DUE_REMOVALS_READ, problem_id, is_ignored=False)
    if not due:
        return Standing((), 0)
    newest = {(row.user_id, row.group_id): row for row in reversed(due)}
    with directory_database.reading() as connection:
        here = {pair for pair, gives_role in sign_in_users.with_access(connection, newest).items() if gives_role}
        shown = [row for row in due if (row.user_id, row.group_id) in here and newest[row.user_id, row.group_id] is row]
        del shown[limit:]
        documents = history_rows.documents_of(connection, {id for row in shown for id in (row.user_id, row.group_id)})
    names = {id: name_of(document) for id, (_, document) in documents.items()} | {"": ""}
    users = []
    for row in shown:
        user, group = (row.user_id, names[row.user_id]), (row.group_id, names[row.group_id])
        users.append(StillHere(row.problem_id, row.purpose, *user, *group, row.first, row.last))
    return Standing(users, len(here))


def had_any(problem_id: int) -> bool:
    """Return whether the requests of a problem were meant to remove access, whether it is closed or not."""
    with log_database.reading() as log:
        return rows.had_any(log, problem_id)


def is_due(user_id: str, group_id: str = "") -> bool:
    """Return whether a refused request was meant to remove this access, and its problem is still open."""
    with log_database.reading() as log:
        return rows.is_due(log, user_id, group_id)


def _due(connection: Connection, request: Request) -> tuple[DueRemoval, ...]:
    removals = {(one.user_id, one.group_id): one for one in _of_users(request.removals)}
    leaving = [one for one in request.removals if one.purpose == "leave"]
    if leaving:
        giving = {line.value for line in role_rows.mapping(connection) if line.source == "group"}
        for one in leaving:
            if one.id in giving:
                gone = membership_rows.departures(connection, one.id, one.links)
                removals |= {(user_id, one.id): DueRemoval("leave", user_id, one.id) for user_id in gone}
    here = sign_in_users.with_access(connection, removals)
    return tuple(removals[pair] for pair in sorted(here)[: bounds.DUE_REMOVALS])


def _of_users(removals: Collection[AccessRemoval]) -> Iterator[DueRemoval]:
    return (DueRemoval(one.purpose, one.id, "") for one in removals if one.purpose != "leave")
