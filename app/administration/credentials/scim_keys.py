"""This module creates, finds and revokes SCIM Keys, which Entra calls *Secret Token*; only hashes are stored."""

import re
import uuid
from dataclasses import dataclass

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.credentials import key_rotation
from app.administration.credentials.secret_format import CLIENT_SECRET, SCIM_KEY
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Refused
from app.request_record import KeyFault
from app.store.access import scim_key_rows as rows
from app.store.access.scim_key_rows import KeyRow
from app.store.database import directory_database
from app.store.database.directory_database import Connection

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key. `text` is the key itself, which is not stored."""

    text: str
    row: KeyRow


def create_key(name: str, by: Actor, *, is_beside: bool = False) -> NewKey:
    """Create a key, which replaces the active keys (rotation) unless `is_beside`.

    Without a name, the name is like "Key 3". Raises Refused for an invalid name, and if `bounds.ACTIVE_SCIM_KEYS` keys
    are active.
    """
    name = name.strip()
    if len(name) > bounds.KEY_NAME_LENGTH or not name.isprintable():
        raise Refused(f"The name of the key may have at most {bounds.KEY_NAME_LENGTH} printable characters.")
    text = SCIM_KEY.make()
    with directory_database.writing() as connection:
        if len(rows.list_active(connection)) >= bounds.ACTIVE_SCIM_KEYS:
            raise Refused(f"{bounds.ACTIVE_SCIM_KEYS} keys are active, which is the limit. Revoke one of them first.")
        row = KeyRow(
            id=uuid.uuid4().hex[:8],
            name=name or f"Key {rows.count(connection) + 1}",
            prefix=SCIM_KEY.prefix(text),
            created=clock.to_wire(clock.utc_now()),
            created_by=by.signature,
        )
        relieved = [] if is_beside else key_rotation.begin(connection, row.id)
        rows.add(connection, row, hash_secret(text))
        of = ", ".join(old.name for old in relieved)
        audit.record(connection, by, Action.KEY_MADE, row.name, key=row.id, begins=row.prefix, takes_over_from=of)
        return NewKey(text, row)


def list_keys() -> list[KeyRow]:
    """Return all keys, newest first, including revoked ones."""
    with directory_database.reading() as connection:
        return rows.list_all(connection)


def stop_key(key_id: str, by: Actor) -> None:
    """Revoke a key: the next request with it is refused. A key that it was to replace stays active.

    Raises Refused if the key is unknown or already revoked.
    """
    with directory_database.writing() as connection:
        row = rows.find(connection, key_id)
        if row is None:
            raise Refused("There is no key with this id.")
        if row.stopped:
            raise Refused("This key is already revoked.")
        rows.change(connection, key_id, stopped=clock.to_wire(clock.utc_now()), stopped_by=by.signature)
        key_rotation.call_off(connection, key_id)
        audit.record(connection, by, Action.KEY_STOPPED, row.name, key=row.id, begins=row.prefix)


def judge_key(connection: Connection, text: str) -> tuple[KeyRow | None, KeyFault]:
    """Return the key with this text, also a revoked one, and its fault, "" for a valid key.

    The fault is for the request log only: all responses to invalid keys are the same. A revoked key and an unknown key
    take the same time: one lookup by the hash.
    """
    if not SCIM_KEY.fits(text):
        return None, _fault_of_form(text)
    row = rows.find_by_hash(connection, hash_secret(text))
    return row, "unknown" if row is None else "stopped" if row.stopped else ""


def _fault_of_form(text: str) -> KeyFault:
    """Return the fault of a text without the form of a key. Entra: without a Secret Token, it sends its own JWT."""
    if _JWT.match(text):
        return "entra-token"
    if CLIENT_SECRET.fits(text):
        return "client-secret"
    return "cut" if SCIM_KEY.is_begun(text) else "foreign"
