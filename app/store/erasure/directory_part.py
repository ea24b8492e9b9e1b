"""This module erases a user from the directory's tables, and from the index of words."""

from typing import Any

from sqlalchemy import bindparam, delete, text, update

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import USER
from app.store.database.connection import Connection
from app.store.database.directory_database import metadata
from app.store.directory import history_rows, resource_rows, word_index
from app.store.directory.deletion_rows import STAND_IN_ID
from app.store.directory.history_rows import Author
from app.store.directory.tables import event, guard_person, membership_event
from app.store.erasure.person import Person, spellings

_OWN = event.c.resource_id == bindparam("own")
_CHANGES = delete(event).where(_OWN, event.c.verb == "change")
_EVENTS = update(event).where(_OWN).values(changes=None, deleted=None)
_MEMBERSHIPS = update(membership_event).where(membership_event.c.member_id == bindparam("own"))
_REMOVALS = update(guard_person).where(guard_person.c.resource_id == bindparam("own"))
# An action in the console has no request ID, and the index has those.
_ACTS = update(event).where(event.c.request == "", event.c.actor == bindparam("former"))
_OTHERS = (
    text("SELECT 1 FROM resource WHERE instr(lower(document), :value) LIMIT 1"),
    text(
        "SELECT 1 FROM event WHERE instr(lower(name || coalesce(changes, '') || coalesce(deleted, '')), :value) LIMIT 1"
    ),
)
_MERGE = text("INSERT INTO word (word, rank) VALUES ('merge', :pages)")
_MERGED_PAGES = 500


def stand_in(number: int) -> str:
    """Return what is stored in place of the name of an erased user."""
    return f"erased person {number}"


def stand_in_id(number: int) -> str:
    """Return what is stored in place of the id."""
    return f"{STAND_IN_ID}{number}"


def delete_user(connection: Connection, person: Person, at: str) -> None:
    """Delete a user who is here without a client, as `resource_operations.delete` does, but for roles."""
    deletion = resource_rows.load_for_deletion(connection, USER, person.id)
    record = deletion.record
    values = DerivedValues(USER, record.content)
    row: dict[str, Any] = {"at": at, "resource_type": USER.name, "resource_id": person.id, "name": values.name}
    row |= {"version": record.version, "position": record.position}
    groups = [group.id for group in deletion.groups]
    history_rows.record_deletion(connection, Author("", "itself"), row, (), deletion.text, groups, record.members)
    resource_rows.delete(connection, deletion, values)


def erase(connection: Connection, person: Person, number: int) -> None:
    """Erase a deleted user from the history and the index of words.

    Its creation, its deletion and its memberships stay, of a stand-in: otherwise the members that a group had
    would be unknown.
    """
    own = {"own": person.id}
    connection.execute(_CHANGES, own)
    connection.execute(_MEMBERSHIPS.values(member_id=stand_in_id(number)), own)
    connection.execute(_REMOVALS.values(resource_id=stand_in_id(number)), own)
    connection.execute(_EVENTS.values(resource_id=stand_in_id(number), name=stand_in(number)), own)
    for user_name in person.user_names:
        connection.execute(_ACTS.values(actor=f"person {stand_in(number)}"), {"former": f"person {user_name}"})
        _erase_signatures(connection, f"{user_name} (single sign-on)", f"{stand_in(number)} (single sign-on)")
    word_index.write(connection, dict.fromkeys(person.positions))


def _erase_signatures(connection: Connection, signature: str, stand_in: str) -> None:
    """Replace a signature (`audit.Actor.signature`) in all columns that say who did something, such as `created_by`."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith("_by"):
                connection.execute(update(table).where(column == signature).values({column.name: stand_in}))


def is_of_others(connection: Connection, value: str) -> bool:
    """Return whether another resource has a value, or had it; reads all documents and the history."""
    # SQLite's lower() knows the case of ASCII letters only, as that of bytes does.
    texts = {text.encode().lower().decode() for text in spellings(value)}
    return any(connection.execute(query, {"value": text}).first() for text in texts for query in _OTHERS)


def merge_words(connection: Connection, is_first: bool) -> bool:
    """Write a part of the index of words again, without the words that rows no longer have; return whether more is due.

    A deleted row leaves its words in the index until it is merged (https://sqlite.org/fts5.html, The 'merge' Command).
    """
    changes = connection.driver.total_changes
    connection.execute(_MERGE, {"pages": -_MERGED_PAGES if is_first else _MERGED_PAGES})
    return bool(connection.driver.total_changes - changes >= 2)
