"""This module lets administrators answer an alarm of the guard: what was removed was meant, or it is undone.

See also: app/observation/guard.py (raises it).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from app import bounds
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.administration.roles import granted_roles
from app.provisioning import deleted_resources, resource_operations
from app.scim.errors import ScimError
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, USER, ResourceType, name_of
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import guard_rows
from app.store.directory.guard_rows import AlarmRow, Answer
from app.store.directory.history_rows import Author
from app.store.directory.stored_resource import Record

OVER = "Nothing was changed: this alarm is already answered."
_CHANGED = "changed since the alarm"
_Row = TypeVar("_Row")


@dataclass(slots=True)
class Undone:
    """What one part of an undo did. `refused`: name and reason of each that stays as it is; `is_more`: a part is left.

    `put_back` counts deleted users and groups, `enabled` users and `joined` memberships.
    """

    put_back: int = 0
    enabled: int = 0
    joined: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    is_more: bool = False


def confirm_meant(alarm_id: int, by: Actor) -> None:
    """Record that all removals of an alarm are meant, also further ones of the same sync. Raises Refused."""
    with directory_database.writing() as connection:
        _answer(connection, _require_open(connection, alarm_id), by, Action.ALARM_MEANT, "meant")


def undo(types: Sequence[ResourceType], alarm_id: int, by: Actor, *, enables: bool) -> Undone:
    """Undo a part of what an alarm counted: what was deleted is put back, and members join their groups again.

    If it `enables`, users are active again who were deleted while active, or are still disabled and were not changed
    since. A member joins where both are here. Each change has its audit entry and its event. When no part is left, the
    alarm is answered. Raises Refused.
    """
    with directory_database.reading() as connection:
        alarm = _require_open(connection, alarm_id)
        groups = [one.group_id for one in guard_rows.groups_of(connection, alarm.id)]
    undone = Undone()
    _put_back(types, alarm, by, undone, enables)
    for group_id in groups:
        _rejoin(alarm, group_id, by, undone)
    if enables:
        _enable(alarm, by, undone)
    # What cannot be undone comes again in each part: without progress there is no further one.
    undone.is_more = undone.is_more and bool(undone.put_back or undone.enabled or undone.joined)
    if not undone.is_more:
        with directory_database.writing() as connection:
            _answer(connection, _require_open(connection, alarm_id), by, Action.ALARM_UNDONE, "undone")
    return undone


def _require_open(connection: Connection, alarm_id: int) -> AlarmRow:
    alarm = guard_rows.open_alarm(connection)
    if alarm is None or alarm.id != alarm_id:
        raise Refused(OVER)
    return alarm


def _answer(connection: Connection, alarm: AlarmRow, by: Actor, action: Action, answer: Answer) -> None:
    counts = {"people": str(alarm.people), "groups": str(alarm.groups)}
    at = audit.record(connection, by, action, str(alarm.id), **counts)
    guard_rows.answer(connection, alarm.id, at, answer, by.signature)


def _put_back(types: Sequence[ResourceType], alarm: AlarmRow, by: Actor, undone: Undone, becomes_active: bool) -> None:
    """Put back what was deleted, as many as one part may; those that cannot be put back are passed over."""
    rows = partial(guard_rows.deleted_of, alarm_id=alarm.id)
    for deleted in _parts(rows, str, lambda: undone.put_back, undone):
        back = deleted_resources.put_all_back(types, deleted, by, becomes_active=becomes_active)
        undone.put_back += back.done
        undone.refused += back.refused


def _parts(
    read: Callable[..., list[_Row]], id_of: Callable[[_Row], str], done: Callable[[], int], undone: Undone
) -> Iterator[list[_Row]]:
    """Yield what `read` returns, some rows at a time in the order of their ids, until a part of an undo is done."""
    last = ""
    while True:
        with directory_database.reading() as connection:
            rows = read(connection, limit=bounds.GUARD_UNDONE_AT_ONCE, after=last)
        if not rows:
            return
        if done() >= bounds.GUARD_UNDONE_AT_ONCE:
            undone.is_more = True
            return
        yield rows
        last = id_of(rows[-1])


def _rejoin(alarm: AlarmRow, group_id: str, by: Actor, undone: Undone) -> None:
    """Let lost members join a group again, as far as this part has room for them."""
    room = bounds.GUARD_MEMBERS_AT_ONCE - undone.joined
    with directory_database.reading() as connection:
        members = guard_rows.lost_members(connection, group_id, alarm.id, room + 1)
    if len(members) > room:
        undone.is_more = True
    for start in range(0, min(room, len(members)), bounds.GUARD_MEMBERS_A_CHANGE):
        part = members[start : min(room, start + bounds.GUARD_MEMBERS_A_CHANGE)]
        operation = Operation("add", "members", [{"value": id} for id in part])

        def permit(connection: Connection, record: Record, count: int = len(part)) -> None:
            audit.record(connection, by, Action.MEMBERS_PUT_BACK, name_of(record.content), members=str(count))

        if _is_changed(GROUP, group_id, operation, by, permit, undone):
            undone.joined += len(part)


def _enable(alarm: AlarmRow, by: Actor, undone: Undone) -> None:
    """Enable users who are still disabled and were not changed since, as `_put_back` does."""
    rows = partial(guard_rows.still_disabled, alarm_id=alarm.id)
    for disabled in _parts(rows, lambda row: row[0], lambda: undone.enabled, undone):
        for user_id, version in disabled:

            def permit(connection: Connection, record: Record, version: int = version) -> None:
                if record.version != version:
                    raise Refused(_CHANGED)
                audit.record(connection, by, Action.USER_ENABLED, name_of(record.content), person=record.id)

            undone.enabled += _is_changed(USER, user_id, Operation("replace", "active", True), by, permit, undone)


def _is_changed(
    resource_type: ResourceType,
    resource_id: str,
    operation: Operation,
    by: Actor,
    permit: Callable[[Connection, Record], None],
    undone: Undone,
) -> bool:
    """Change one resource; return False, and note the reason, if it stays as it is."""
    try:
        resource_operations.change(resource_type, resource_id, [operation], Author("", str(by)), permit=permit)
        return True
    except Refused as refused:
        reason = str(refused)
    except ScimError as error:
        if error.status >= 500:
            raise
        reason = error.detail
    with directory_database.reading() as connection:
        name = granted_roles.names_of(connection, [resource_id]).get(resource_id, resource_id)
    undone.refused.append((name, reason))
    return False
