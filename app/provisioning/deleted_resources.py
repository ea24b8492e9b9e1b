"""This module puts deleted users and groups back, and deletes what their deletions keep.

See also: app/store/directory/deletion_rows.py (what a deletion keeps),
docs/decisions/0068-deleted-resources-can-be-put-back.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app import bounds, clock
from app.administration import audit
from app.administration.audit import ITSELF, Action, Actor
from app.administration.errors import Refused
from app.administration.roles import granted_roles
from app.observation.directory.deletion_list import KeptDeletion, SameValue, same_values
from app.provisioning import resource_operations
from app.scim.derived_values import DerivedValues
from app.scim.differences import differences
from app.scim.errors import ScimError
from app.scim.projection import compact
from app.scim.resource_types import GROUP, USER, ResourceType
from app.scim.undeclared_values import sort_out
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import deletion_rows, guard_rows, history_rows, membership_rows, resource_rows
from app.store.directory.history_rows import Author, Moves

GONE = "Nothing was changed: this is here again, or was purged. Reload the page."


@dataclass(frozen=True, slots=True)
class PutBackPreview:
    """What would be put back: the groups that are here, and those that are not, by id and name.

    `members`, `missing_members`: how many members of a group would be back, and how many are not here.
    """

    deletion: KeptDeletion
    same_values: Sequence[SameValue]
    groups: Mapping[str, str]
    missing_groups: Mapping[str, str]
    members: int
    missing_members: int


@dataclass(slots=True)
class PutBackOutcome:
    """How many were put back, and the name and the reason of each that was refused."""

    done: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def preview(types: Sequence[ResourceType], resource_id: str) -> PutBackPreview:
    """Return what putting back a deleted resource would do. Raises Refused if it cannot be put back."""
    with directory_database.reading() as connection:
        deletion, values, _ = _load(connection, types, resource_id, becomes_active=True)
        ended = [id for id in deletion_rows.ended_groups(connection, resource_id) if id != resource_id]
        groups = {group.id: group.name for group in resource_rows.load_many(connection, GROUP, ended)}
        gone = history_rows.last_known(connection, set(ended) - groups.keys())
        members = deletion_rows.ended_members(connection, resource_id) if values.resource_type.has_members else []
        possible = deletion_rows.possible_members(connection, members)
        return PutBackPreview(
            deletion,
            same_values(connection, values),
            groups,
            {id: name for id, (_, name) in gone.items()},
            len(possible),
            len(members) - len(possible),
        )


def put_back(
    types: Sequence[ResourceType],
    resource_id: str,
    by: Actor,
    *,
    becomes_active: bool = False,
    has_same_external_id: bool = False,
) -> str:
    """Put a deleted resource back with its id, attributes and memberships, and return its name.

    A user is disabled, unless `becomes_active`: then it is as active as before. `has_same_external_id`: whether
    another resource may have the same externalId. Raises Refused.
    """
    with directory_database.writing() as connection:
        return _put_back(connection, types, resource_id, by, becomes_active, has_same_external_id)


def put_all_back(
    types: Sequence[ResourceType], resource_ids: Sequence[str], by: Actor, *, becomes_active: bool = False
) -> PutBackOutcome:
    """Put several deleted resources back, in any order. Each of several transactions has a part of them."""
    outcome = PutBackOutcome()
    at_once = bounds.PUT_BACK_IN_A_TRANSACTION
    for start in range(0, len(resource_ids), at_once):
        with directory_database.writing() as connection:
            for id in resource_ids[start : start + at_once]:
                try:
                    _put_back(connection, types, id, by, becomes_active)
                    outcome.done += 1
                except Refused as refused:  # before anything was written
                    name = history_rows.last_known(connection, [id]).get(id, ("", id))[1]
                    outcome.refused.append((name, str(refused)))
    return outcome


def purge(kept_days: int, between: Callable[[], None] = lambda: None) -> int:
    """Delete what deletions older than some days keep, and return how many; 0 days: they are kept without a limit.

    Each transaction has a small part of them. `between` is called after each, and may raise to end the work. While an
    alarm of the guard is open, nothing is purged: an owner may still put it all back.
    """
    if not kept_days:
        return 0
    before = clock.to_wire(clock.utc_now() - timedelta(days=kept_days))
    with directory_database.reading() as connection:
        directory_database.lift_time_limit(connection)
        old = deletion_rows.old(connection, before)
    at_once = bounds.DELETIONS_PURGED_AT_ONCE
    for start in range(0, len(old), at_once):
        part = old[start : start + at_once]
        with directory_database.writing() as connection:
            if guard_rows.has_open_alarm(connection):
                return start
            deletion_rows.purge(connection, part)
            audit.record(connection, ITSELF, Action.DELETIONS_PURGED, str(len(part)), before=before)
        between()
    return len(old)


def _put_back(
    connection: Connection,
    types: Sequence[ResourceType],
    resource_id: str,
    by: Actor,
    becomes_active: bool,
    has_same_external_id: bool = False,
) -> str:
    """Put a resource back in a transaction. Raises Refused before anything is written."""
    directory_database.lift_time_limit(connection)  # of a large group
    deletion, values, shelf = _load(connection, types, resource_id, becomes_active)
    resource_type = values.resource_type
    for same in same_values(connection, values):
        if same.is_unique or not has_same_external_id:
            raise Refused(f"{same.name}, created {same.created[:16]} UTC, has the same {same.path}.")
    try:
        resource_operations.check_strict(connection, DerivedValues(resource_type), values)
    except ScimError as error:
        raise Refused(error.detail) from None
    state = {"active": str(values.is_active).lower()} if resource_type.name == USER.name else {}
    audit.record(connection, by, Action.PUT_BACK, deletion.name, type=resource_type.name, **state, person=resource_id)
    record = resource_rows.put_back(connection, values, deletion, shelf)
    membership_rows.resolve(connection, resource_id)
    joined = []
    ended = deletion_rows.ended_groups(connection, resource_id)
    for group in resource_rows.load_many(connection, GROUP, set(ended) - {resource_id}):
        if membership_rows.add_members(connection, group.id, [resource_id]):
            resource_rows.relate(connection, group, 1)
            joined.append(group.id)
    members: Iterable[str] = ()
    if resource_type.has_members:
        ended = deletion_rows.ended_members(connection, resource_id)
        possible = deletion_rows.possible_members(connection, ended)
        members = membership_rows.add_members(connection, resource_id, possible)
        record = resource_rows.relate(connection, record, len(members), is_written=True) if members else record
    if resource_type.name == USER.name:
        granted_roles.note_put_back(connection, resource_id, values.document.get("externalId"))
    author = Author("", str(by))
    moves = Moves(frozenset(members))
    granted_roles.follow(connection, author, record, None, values.document, moves)
    changes = differences(resource_type, deletion.document, values.document)
    row = resource_operations.event_row(record, values, record.last_modified)
    history_rows.record_put_back(connection, author, row, changes, joined, moves.joined)
    deletion_rows.end(connection, deletion)
    return deletion.name


def _load(
    connection: Connection, types: Sequence[ResourceType], resource_id: str, becomes_active: bool
) -> tuple[KeptDeletion, DerivedValues, str | None]:
    """Return a deletion, the document that is put back, and the undeclared values (JSON text or None). Raises Refused.

    A schema may have changed since the deletion. So values are sorted out as a start does for existing resources.
    """
    deletion = deletion_rows.find(connection, resource_id)
    if deletion is None:
        raise Refused(GONE)
    resource_type = next((one for one in types if one.name == deletion.resource_type), None)
    if resource_type is None:
        raise Refused(f"The resource type {deletion.resource_type} is no longer declared. Add its schema file again.")
    document, shelf = sort_out(resource_type, deletion.document, deletion.shelf)
    if resource_type.name == USER.name and not becomes_active:
        document["active"] = False
        document = {name: document[name] for name in resource_type.document_names if name in document}
    return deletion, DerivedValues(resource_type, document), compact(shelf) if shelf else None
