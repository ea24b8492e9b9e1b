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

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a text is as a key: the active `key`, or its `fault`. `key_id` is told of a stopped one too."""

    key: KeyRow | None = None
    key_id: str = ""
    fault: KeyFault = ""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; the only time that `text`, the key itself, is known."""

    text: str
    row: KeyRow


def create_key(name: str, by: Actor, *, is_beside: bool = False) -> NewKey:
    """Make a key, to which the active ones hand over unless it `is_beside` them. Without a name it is called "Key 3".

    Raises Refused when as many keys are active as may be, and for an unfit name.
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
    """All keys, newest first, stopped ones too."""
    with directory_database.reading() as connection:
        return rows.list_all(connection)


def stop_key(key_id: str, by: Actor) -> None:
    """Stop a key for good: the next request that carries it is refused. A key that was handing over to it stays.

    Raises Refused for one unknown or stopped.
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


def judge_key(text: str) -> Verdict:
    """What a text is as a key: for the request log only, since every refusal looks the same from outside.

    A stopped key and one that nobody has take the same time: one look-up by the hash.
    """
    if not SCIM_KEY.fits(text):
        return Verdict(fault=_fault_of_form(text))
    with directory_database.reading() as connection:
        row = rows.find_by_hash(connection, hash_secret(text))
    if row is None:
        return Verdict(fault="unknown")
    return Verdict(key_id=row.id, fault="stopped") if row.stopped else Verdict(row, row.id)


def _fault_of_form(text: str) -> KeyFault:
    """What a text is that has not the form of a key. Entra: without a Secret Token it sends a JWT of its own."""
    if _JWT.match(text):
        return "entra-token"
    if CLIENT_SECRET.fits(text):
        return "client-secret"
    return "cut" if SCIM_KEY.is_begun(text) else "foreign"
