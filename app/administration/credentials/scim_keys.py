"""This module creates, finds and revokes SCIM Keys, which Entra calls *Secret Token*; only hashes are stored.

Made, found, stopped; only their hashes are kept.
"""

import hmac
import re
import uuid
from dataclasses import dataclass, fields
from typing import Any

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.credentials import key_rotation
from app.administration.credentials.secret_format import CLIENT_SECRET, SCIM_KEY
from app.administration.credentials.secret_hash import hash_secret
from app.administration.errors import Refused
from app.observation.request_record import KeyFault
from app.store.access import administrator_rows
from app.store.database import directory_database

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it may be shown: `prefix` are its first characters. Moments are in wire form; None means never.

    `successor` is the id of the key it hands over to, or has handed over to; `relieved` since when only that is used.
    What a simulation did with the key is in `last_simulated` alone.
    """

    id: str
    name: str
    prefix: str
    created: str
    created_by: str
    last_used: str | None
    last_address: str | None
    stopped: str | None
    first_used: str | None
    successor: str | None
    relieved: str | None
    stopped_by: str
    last_simulated: str | None
    last_simulated_address: str | None

    @property
    def is_retired(self) -> bool:
        """Whether it has handed over and stopped by itself."""
        return self.stopped is not None and self.successor is not None


_COLUMNS = tuple(field.name for field in fields(KeyRow))


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
        raise Refused(f"The key's name may have at most {bounds.KEY_NAME_LENGTH} printable characters.")
    text = SCIM_KEY.make()
    with administrator_rows.writing() as session:
        if len(administrator_rows.active_keys(session)) >= bounds.ACTIVE_SCIM_KEYS:
            raise Refused(f"There are {bounds.ACTIVE_SCIM_KEYS} active keys already. Stop one of them first.")
        row = administrator_rows.ScimKey(
            id=uuid.uuid4().hex[:8],
            name=name or f"Key {administrator_rows.count_keys(session) + 1}",
            prefix=SCIM_KEY.prefix(text),
            hash=hash_secret(text),
            created=clock.to_wire(clock.utc_now()),
            created_by=by.signature,
            stopped_by="",
        )
        relieved = [] if is_beside else key_rotation.begin(session, row)
        session.add(row)
        of = ", ".join(old.name for old in relieved)
        audit.record(session, by, Action.KEY_MADE, row.name, key=row.id, begins=row.prefix, takes_over_from=of)
        return NewKey(text, _key_row(row))


def list_keys() -> list[KeyRow]:
    """All keys, newest first, stopped ones too."""
    with administrator_rows.reading() as session:
        return [_key_row(row) for row in administrator_rows.keys(session)]


def stop_key(key_id: str, by: Actor) -> None:
    """Stop a key for good: the next request that carries it is refused. A key that was handing over to it stays.

    Raises Refused for one unknown or stopped.
    """
    with administrator_rows.writing() as session:
        row = administrator_rows.key(session, key_id)
        if row is None:
            raise Refused("There is no key with this id.")
        if row.stopped:
            raise Refused("This key is stopped already.")
        row.stopped, row.stopped_by = clock.to_wire(clock.utc_now()), by.signature
        key_rotation.call_off(session, row)
        audit.record(session, by, Action.KEY_STOPPED, row.name, key=row.id, begins=row.prefix)


def find_key(text: str) -> KeyRow | None:
    """The active key that this text is, or None. Any text may come."""
    return judge_key(text).key


def judge_key(text: str) -> Verdict:
    """What a text is as a key: for the request log only, since every refusal looks the same from outside.

    A stopped key and one that nobody has take the same time: one look-up by the hash.
    """
    if not SCIM_KEY.fits(text):
        return Verdict(fault=_fault_of_form(text))
    wanted = hash_secret(text)
    with directory_database.reading() as connection:
        row = administrator_rows.key_hashed(connection, wanted)
    if row is None or not hmac.compare_digest(row.hash.encode(), wanted.encode()):
        return Verdict(fault="unknown")
    return Verdict(key_id=row.id, fault="stopped") if row.stopped else Verdict(_key_row(row), row.id)


def _fault_of_form(text: str) -> KeyFault:
    """What a text is that has not the form of a key. Entra: without a Secret Token it sends a JWT of its own."""
    if _JWT.match(text):
        return "entra-token"
    if CLIENT_SECRET.fits(text):
        return "client-secret"
    return "cut" if SCIM_KEY.is_begun(text) else "foreign"


def _key_row(row: administrator_rows.ScimKey | administrator_rows.Row[Any]) -> KeyRow:
    return KeyRow(*(getattr(row, name) for name in _COLUMNS))
