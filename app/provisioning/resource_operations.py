"""This module creates, changes and deletes resources for a client, one transaction each (RFC 7644 §3).

It connects the SCIM rules with the store. An owner of the console gives `permit`; `leave_groups` is only for owners.

See also: resource_queries.py (reads them).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from app import clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.roles import granted_roles, users_to_confirm
from app.provisioning import resource_queries
from app.provisioning.resource_queries import Resource
from app.random_values import ValuesInAdvance, random_digits
from app.scim import disabling, entra_quirks, mutability
from app.scim.derived_values import DerivedValues
from app.scim.differences import differences
from app.scim.disabling import Disabling, LeftOut
from app.scim.errors import Code, Mismatch, ScimError, detach
from app.scim.member_changes import LinkChange
from app.scim.patch import Patch
from app.scim.precondition import NONE, Precondition
from app.scim.projection import EVERYTHING, Selection
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, USER, ResourceType, name_of
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.database.remembered_reads import require_number
from app.store.directory import history_rows, membership_rows, resource_rows, strict_attribute_rows
from app.store.directory.history_rows import Author as Author  # for callers that must not import the store
from app.store.directory.history_rows import Event, Moves
from app.store.directory.resource_rows import Deletion
from app.store.directory.stored_resource import Record

_digits = ValuesInAdvance(partial(random_digits, 20))


def new_id() -> str:
    """Return an identifier that no resource has had: a UUID of version 7 (RFC 9562 §5.7).

    It begins with the time, so the rows of resources that are created together are neighbors in every index
    (docs/decisions/0059-ids-begin-with-the-time.md).
    """
    time_digits, random = f"{time.time_ns() // 1_000_000:012x}", _digits.take()
    version_7, variant = "7", "89ab"[int(random[0], 16) & 3]
    return f"{time_digits[:8]}-{time_digits[8:]}-{version_7}{random[1:4]}-{variant}{random[4:7]}-{random[7:19]}"


def create(
    resource_type: ResourceType,
    body: Any,
    author: Author,
    selection: Selection = EVERYTHING,
    resource_id: str | None = None,
) -> Resource:
    """Create a resource (RFC 7644 §3.3) with an id of this server; `resource_id` is one that `new_id` returned earlier.

    Raises invalidSyntax, invalidValue, uniqueness.
    """
    document = resource_type.load_sent(body)
    members = _pop_members(resource_type, document)
    values = DerivedValues(resource_type, _with_id(document, resource_id or new_id()))
    before = DerivedValues(resource_type)

    def write(connection: Connection) -> Resource:
        require_number(connection, author.generation)
        check_strict(connection, before, values)
        record = resource_rows.insert(connection, values)
        if resource_id:
            membership_rows.resolve(connection, resource_id)
        moves = Moves()
        if members:
            moves = _relate(connection, record.id, LinkChange.to_members("add", members), moves)
            record = resource_rows.relate(connection, record, moves.balance, is_written=True)
        event = _record(connection, author, record, before, values, moves)
        if resource_type.has_members or resource_id:
            return resource_queries.resources_of(connection, resource_type, [record], selection, event)[0]
        return Resource(resource_type, record, event=event)  # no group can have a member whose id is not known yet

    return directory_database.write_together(write)


def replace(
    resource_type: ResourceType,
    resource_id: str,
    body: Any,
    author: Author,
    precondition: Precondition = NONE,
    selection: Selection = EVERYTHING,
) -> Resource:
    """Apply a PUT (RFC 7644 §3.5.1): what the body leaves out is cleared, read-only values stay.

    A request that disables a user is not refused for its other values (app/scim/disabling.py): an attribute whose value
    is refused stays unchanged. Raises 404, 412, invalidSyntax, invalidValue, mutability, uniqueness.
    """
    document: dict[str, Any] = {}
    refusal: ScimError | None = None
    links: tuple[LinkChange, ...] = ()
    try:
        document = resource_type.load_sent(body)
        members = LinkChange.to_members("replace", _pop_members(resource_type, document))
        links = (members,) if resource_type.has_members else ()
    except ScimError as error:
        if not disabling.may_leave_out(resource_type, error):
            raise
        refusal = detach(error)

    def whole(before: Mapping[str, Any]) -> _Change:
        if refusal is not None:
            raise refusal
        changed = mutability.replacement(resource_type.attributes, before, document)
        if resource_type.keeps_values:
            changed = resource_type.load(changed)
            mutability.check(resource_type.attributes, before, changed)
        paths = (path for one in resource_type.attributes for path in one.assigned_paths(document.get(one.name)))
        return _Change(changed, links, tuple(paths))

    def partly(partial: Disabling) -> None:
        partial.replace(entra_quirks.correct_document(resource_type.tree, body))

    return _change(resource_type, resource_id, author, precondition, selection, whole, partly)


def change(
    resource_type: ResourceType,
    resource_id: str,
    operations: Sequence[Operation],
    author: Author,
    precondition: Precondition = NONE,
    selection: Selection = EVERYTHING,
    permit: Callable[[Connection, Record], None] | None = None,
) -> Resource:
    """Apply a PATCH (RFC 7644 §3.5.2): all operations or none. One without an effect does not change the version.

    Members that are not named are neither loaded nor checked. `permit`, for the console, is called before anything is
    changed, in a transaction that is not shared, and may raise. The only exception to all or none is a request that
    disables a user: refused values are left out (app/scim/disabling.py). Raises 404, 412 and what `Patch.patch` raises.
    """

    def whole(before: Mapping[str, Any]) -> _Change:
        patch = Patch(resource_type, before)
        patch.patch(operations)
        changed = before  # the same values in another order are not a change
        if patch.document != before:
            changed = resource_type.load_changed(patch.document, before)
            if resource_type.keeps_values:
                mutability.check(resource_type.attributes, before, changed)
        return _Change(changed, patch.links, tuple(patch.assigned_paths))

    target = (resource_type, resource_id, author, precondition, selection)
    return _change(*target, whole, lambda partial: partial.patch(operations), permit)


@dataclass(frozen=True, slots=True)
class _Change:
    """The new state to store. `assigned_paths`: those that got a value; `left_out`: the values that were refused.

    `is_bounded`: whether it is refused when it is too large.
    """

    document: Mapping[str, Any]
    links: Sequence[LinkChange] = ()
    assigned_paths: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    is_bounded: bool = True


def _change(
    resource_type: ResourceType,
    resource_id: str,
    author: Author,
    precondition: Precondition,
    selection: Selection,
    whole: Callable[[Mapping[str, Any]], _Change],
    partly: Callable[[Disabling], None],
    permit: Callable[[Connection, Record], None] | None = None,
) -> Resource:
    """Change one resource by a whole request, or if that is refused but disables a user, by what is not refused.

    While the database is damaged, a request of SCIM is always refused, also after it has disabled a user.
    """
    damage = directory_database.file.damage() if permit is None else None

    def write(connection: Connection) -> Resource:
        record = resource_queries.load(connection, resource_type, resource_id, selection, author.generation)
        precondition.check(record.version)
        if permit is not None:
            permit(connection, record)
        before = DerivedValues(resource_type, record.content)
        try:
            if damage is not None:
                raise damage
            made = whole(before.document)
            record, event = _save(connection, author, record, before, made)
        except ScimError as refusal:
            made = _disabled(connection, before, partly, refusal)
            record, event = _save(connection, author, record, before, made)
        [memberships] = resource_queries.memberships_of(connection, resource_type, [record], selection)
        return Resource(resource_type, record, memberships, event, made.assigned_paths, made.left_out)

    if permit is None and damage is None:
        return directory_database.write_together(write)
    # What an owner of the console is refused must not follow from work that may still be lost.
    with directory_database.writing() as connection:
        resource = write(connection)
    if damage is not None:
        raise damage
    return resource


def _disabled(
    connection: Connection, before: DerivedValues, partly: Callable[[Disabling], None], refusal: ScimError
) -> _Change:
    """Return the change of a refused request without the refused values. Raises `refusal` if it disables no user."""
    resource_type = before.resource_type
    if not disabling.may_leave_out(resource_type, refusal):
        raise refusal

    def check_unique(document: Mapping[str, Any]) -> None:
        values = DerivedValues(resource_type, document)
        resource_rows.check_unique(connection, values, values.lookups - before.lookups)

    partial = Disabling(resource_type, before.document, check_unique)
    try:
        partly(partial)
        document = partial.settle() if partial.disables else None
    except ScimError as other:
        raise (other if partial.disables else refusal) from None
    if document is None:
        raise refusal
    return _Change(document, (), tuple(partial.assigned_paths), tuple(partial.left_out), is_bounded=False)


def delete(
    resource_type: ResourceType,
    resource_id: str,
    author: Author,
    precondition: Precondition = NONE,
    permit: Callable[[Connection, Record], None] | None = None,
) -> Resource:
    """Delete a resource, also from every group that it was in (RFC 7644 §3.6). Return it as it was.

    `permit` as in `change`. Raises 404, 412.
    """

    def write(connection: Connection) -> Resource:
        require_number(connection, author.generation)
        deletion = resource_rows.load_for_deletion(connection, resource_type, resource_id)
        record = deletion.record
        precondition.check(record.version)
        if permit is not None:
            permit(connection, record)
        values = DerivedValues(resource_type, record.content)
        event = _record_deletion(connection, author, deletion, values)
        resource_rows.delete(connection, deletion, values)
        return Resource(resource_type, record, event=event)

    if permit is None:
        return directory_database.write_together(write)
    with directory_database.writing() as connection:
        return write(connection)


def leave_groups(user_id: str, by: Actor) -> None:
    """Remove a user that may be another person from every group, recorded in the audit and the history of each group.

    Raises 404, and Refused if the user has been confirmed.
    """
    author = Author("", str(by))
    with directory_database.writing() as connection:
        users_to_confirm.require_unconfirmed(connection, user_id)
        name = name_of(resource_rows.load(connection, USER, user_id).content)
        groups = history_rows.groups_now(connection, user_id)
        audit.record(connection, by, Action.GROUPS_LEFT, name, groups=str(len(groups)), person=user_id)
        for group_id in groups:
            record = resource_rows.load(connection, GROUP, group_id)
            departure = _Change(record.content, (LinkChange("remove", (user_id,)),))
            _save(connection, author, record, DerivedValues(GROUP, record.content), departure)


def _pop_members(resource_type: ResourceType, document: dict[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Remove and return the members, which are stored as rows, of a loaded document; a custom type keeps its own."""
    membership = resource_type.membership
    return document.pop(membership.name, ()) if membership and not membership.is_read_only else ()


def _save(
    connection: Connection, author: Author, record: Record, before: DerivedValues, made: _Change
) -> tuple[Record, Event | None]:
    """Save a change; return the new record and its event, or None if nothing changed. `before` follows from the record.

    Nothing is written before everything is checked.
    """
    after = before
    if made.document is not before.document:
        after = DerivedValues(before.resource_type, _with_id(made.document, record.id))
    is_written = after is not before and after.text != record.document
    if is_written:
        check_strict(connection, before, after)
        record = resource_rows.save(connection, record, before, after, is_bounded=made.is_bounded)
    moves = Moves()
    for link in made.links:
        moves = _relate(connection, record.id, link, moves)
    if moves:
        record = resource_rows.relate(connection, record, moves.balance, is_written=is_written)
    if not moves and not is_written:
        return record, None
    return record, _record(connection, author, record, before, after, moves)


def _record(
    connection: Connection, author: Author, record: Record, before: DerivedValues, after: DerivedValues, moves: Moves
) -> Event:
    """Record a creation or change of a resource in the history, and update the roles that follow from it."""
    old, new = before.document or None, after.document
    granted_roles.follow(connection, author, record, old, new, moves)
    # The changes of a creation can be derived later from the document.
    changes = differences(after.resource_type, old, new) if old and old is not new else ()
    row = event_row(record, after, record.last_modified)
    return history_rows.record(connection, author, "change" if old else "create", row, changes, moves)


def _record_deletion(connection: Connection, author: Author, deletion: Deletion, values: DerivedValues) -> Event:
    """Record a deletion in the same way, before it."""
    record, document = deletion.record, values.document
    granted_roles.follow(connection, author, record, document, None, Moves())
    # They follow from what the event keeps, but there a hidden value would be shown.
    changes = differences(values.resource_type, document, None) if values.resource_type.hides_values else ()
    row = event_row(record, values, clock.to_wire(clock.utc_now()))
    groups = [group.id for group in deletion.groups]
    return history_rows.record_deletion(connection, author, row, changes, deletion.text, groups, record.members)


def event_row(record: Record, values: DerivedValues, at: str) -> dict[str, Any]:
    """Return the columns of an event that are about the resource."""
    return {
        "at": at,
        "resource_type": record.type,
        "resource_id": record.id,
        "name": values.name,
        "version": record.version,
        "position": record.position,
    }


def check_strict(connection: Connection, before: DerivedValues, after: DerivedValues) -> None:
    """Refuse a new resource without a strict attribute, and a change that clears one.

    A disabled user is exempt: a local rule must never keep a leaver active. Raises invalidValue.
    """
    strict = strict_attribute_rows.strict_paths(connection, after.resource_type.name)
    if not strict or not after.is_active:
        return
    required = strict & before.filled_paths if before.document else strict
    missing = sorted(required - after.filled_paths)
    if missing:
        expected = "a value, since it is strict here"
        first, *others = (Mismatch(Code.REQUIRED_HERE, path, expected, "none") for path in missing)
        raise ScimError(*first, others=others)


def _relate(connection: Connection, group_id: str, link: LinkChange, moves: Moves) -> Moves:
    """Apply one step to a group's memberships; return the moves so far and those of the step."""
    match link.verb:
        case "add":
            return moves.then(membership_rows.add_members(connection, group_id, link.ids, link.absolute))
        case "remove":
            return moves.then(departed=membership_rows.remove_members(connection, group_id, link.ids))
        case "replace":
            return moves.then(*membership_rows.replace_members(connection, group_id, link.ids, link.absolute))
        case "remove_where":
            return moves.then(departed=membership_rows.remove_members_where(connection, group_id, link.where))


def _with_id(document: Mapping[str, Any], resource_id: str) -> dict[str, Any]:
    return {"schemas": document["schemas"], "id": resource_id, **document}
