"""This module lets an owner undo one change of an attribute, and delete a user that Entra no longer manages.

Entra manages users and groups, so it may overwrite both.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app import clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.observation.directory import last_seen
from app.observation.problems import refused_removals
from app.provisioning import resource_operations
from app.scim.attribute import Attribute
from app.scim.differences import Change, spread
from app.scim.errors import ScimError
from app.scim.precondition import Precondition
from app.scim.projection import entity_tag
from app.scim.protocol_messages import Operation
from app.scim.resource_types import USER, ResourceType, is_active, name_of
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.directory import history_rows, resource_rows
from app.store.directory.history_rows import Author, Event
from app.store.directory.stored_resource import Record
from app.store.request_log import log_database, problem_rows

NO_CHANGE = "This change is not in the history of this user or group."
OTHER = "It has changed in the meantime. Look at its present value, and repeat the action."


@dataclass(frozen=True, slots=True)
class ChangeToUndo:
    """One change of an attribute, of which `change.old` is written again, with the present value and version.

    `enables`: undoing it enables a user that is disabled.
    """

    resource_type: ResourceType
    event: Event
    name: str
    change: Change
    present: Any
    version: int
    enables: bool


def find_change(types: Sequence[ResourceType], resource_id: str, event_id: int, path: str) -> ChangeToUndo:
    """Return the change of an attribute by an event, which `path` names as a whole or in detail.

    Raises Refused if it cannot be undone, and 404 for an id that no resource has.
    """
    with directory_database.reading() as connection:
        event = history_rows.event_of(connection, resource_id, event_id)
        resource_type = next((one for one in types if event and one.name == event.resource_type), None)
        changes = event.changes if event and event.verb == "change" else ()
        change = next((one for one in changes if _is_part(path, one.attribute)), None)
        if event is None or resource_type is None or change is None:
            raise Refused(NO_CHANGE)
        record = resource_rows.load(connection, resource_type, resource_id)
    attribute = _attribute(resource_type, change.attribute)
    present = spread(resource_type, record.content).get(change.attribute)
    enables = _is_active_of_user(resource_type, attribute) and change.old is not False
    enables = enables and not is_active(record.content)
    return ChangeToUndo(resource_type, event, name_of(record.content), change, present, record.version, enables)


def undo_change(undone: ChangeToUndo, version: int, by: Actor, *, may_enable: bool = False) -> None:
    """Write the value that an attribute had before a change, by the checks of a PATCH.

    `version`: that of the resource as the owner saw it. Raises Refused.
    """
    attribute = _attribute(undone.resource_type, undone.change.attribute)
    if undone.change.old == undone.present:
        raise Refused("It has this value already.")
    if undone.enables and not may_enable:
        raise Refused("This enables the user. Select that the user may be active again.")

    def permit(connection: Connection, record: Record) -> None:
        detail = {"attribute": attribute.path, "changed": undone.event.at, "person": record.id}
        audit.record(connection, by, Action.CHANGE_UNDONE, undone.name, **detail)

    author, precondition = Author("", str(by)), Precondition(if_match=entity_tag(version))
    try:
        resource_operations.change(
            undone.resource_type,
            undone.event.resource_id,
            _operations(undone, attribute),
            author,
            precondition,
            permit=permit,
        )
    except ScimError as error:
        if error.status == 503:
            raise
        raise Refused(OTHER if error.status in (404, 412) else error.detail) from None


def delete_user(user_id: str, by: Actor) -> str:
    """Delete a disabled user, so that its names and identifiers are free for another one, and return its name.

    It can be put back as any other. Raises Refused for an active user, and 404.
    """
    name = ""

    def permit(connection: Connection, record: Record) -> None:
        nonlocal name
        name = name_of(record.content)
        if is_active(record.content):
            raise Refused(f"{name} is active. Only a disabled user can be deleted here: disable it in Entra first.")
        audit.record(connection, by, Action.USER_DELETED, name, person=user_id)

    resource_operations.delete(USER, user_id, Author("", str(by)), permit=permit)
    with suppress(ScimError):  # without the log nothing else knows of the user
        last_seen.forget(user_id)
        with log_database.writing() as log:
            problems = [row.id for row in problem_rows.open_of(log, [user_id])]
            problem_rows.close(log, problems, clock.to_wire(clock.utc_now()), "")
        refused_removals.settle_now()
    return name


def _operations(undone: ChangeToUndo, attribute: Attribute) -> list[Operation]:
    path, old = attribute.path, undone.change.old
    if _is_active_of_user(undone.resource_type, attribute):
        return [Operation("replace", path, old is not False)]  # none counts as active, and cannot be written
    if old is None:
        return [Operation("remove", path, None)]
    # A replace would keep the parts of an object that it does not name (RFC 7644 §3.5.2.3).
    gone = [Operation("remove", path, None)] if isinstance(old, dict) else []
    return [*gone, Operation("replace", path, old)]


def _attribute(resource_type: ResourceType, path: str) -> Attribute:
    """Return a declared attribute whose former values are stored. Raises Refused."""
    attribute = next((one for one in resource_type.tree.walk() if one.path == path), None)
    if attribute is None:
        raise Refused(f"{path} is no longer declared.")
    if attribute.has_hidden_values:
        raise Refused(f"The former value of {path} was not kept, because it is never returned.")
    return attribute


def _is_active_of_user(resource_type: ResourceType, attribute: Attribute) -> bool:
    return resource_type.name == USER.name and attribute.path == "active"


def _is_part(path: str, whole: str) -> bool:
    """Return whether a path in detail, such as `name.givenName`, is of a whole attribute."""
    return path == whole or path.startswith((f"{whole}.", f"{whole}["))
