"""SCIM keys: what Entra shows as *Secret Token*. Made, found, stopped; only their hashes are kept.

Not here: their form (secret_form.py), the Authorization header, and refusals counted by address (app/web/security.py).
"""

import hmac
import re
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.refusals import Refused
from app.administration.secret_form import CLIENT_SECRET, SCIM_KEY
from app.administration.secret_hash import hash_secret
from app.observation.request import KeyFault
from app.scim.errors import ScimError
from app.store import accounts, db

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it may be shown: `prefix` are its first characters. Moments are in wire form; None means never."""

    id: str
    name: str
    prefix: str
    created: str
    created_by: str
    last_used: str | None
    last_address: str | None
    stopped: str | None


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


def create_key(name: str, by: Actor) -> NewKey:
    """Make a key. Without a name it is called "Key 3".

    Raises Refused when as many keys are active as may be, and for an unfit name.
    """
    name = name.strip()
    if len(name) > bounds.KEY_NAME_LENGTH or not name.isprintable():
        raise Refused(f"The key's name may have at most {bounds.KEY_NAME_LENGTH} printable characters.")
    text = SCIM_KEY.make()
    with accounts.writing() as session:
        if len(accounts.active_keys(session)) >= bounds.ACTIVE_SCIM_KEYS:
            raise Refused(f"There are {bounds.ACTIVE_SCIM_KEYS} active keys already. Stop one of them first.")
        row = accounts.ScimKey(
            id=uuid.uuid4().hex[:8],
            name=name or f"Key {accounts.count_keys(session) + 1}",
            prefix=SCIM_KEY.prefix(text),
            hash=hash_secret(text),
            created=clock.to_wire(clock.utc_now()),
            created_by=by.name,
            last_used=None,
            last_address=None,
            stopped=None,
            first_used=None,
            successor=None,
            stopped_by="",
        )
        session.add(row)
        audit.record(session, by, Action.KEY_MADE, row.name, key=row.id, begins=row.prefix)
        return NewKey(text, _key_row(row))


def list_keys() -> list[KeyRow]:
    """All keys, newest first, stopped ones too."""
    with accounts.reading() as session:
        return [_key_row(row) for row in accounts.keys(session)]


def stop_key(key_id: str, by: Actor) -> None:
    """Stop a key for good: the next request that carries it is refused. Raises Refused for one unknown or stopped."""
    with accounts.writing() as session:
        row = accounts.key(session, key_id)
        if row is None:
            raise Refused("There is no key with this id.")
        if row.stopped:
            raise Refused("This key is stopped already.")
        row.stopped, row.stopped_by = clock.to_wire(clock.utc_now()), by.name
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
    with db.reading() as connection:
        row = accounts.key_hashed(connection, wanted)
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


def note_key_use(key_id: str, address: str) -> None:
    """Remember that a key was used now, from this address; at most one try a minute for a key. Never raises.

    A note is worth neither a refused request nor one that waits: where others are writing, it is left for next time.
    """
    if not _uses.is_due(key_id):
        return
    with suppress(ScimError), accounts.writing(wait=False) as session:
        if row := accounts.key(session, key_id):
            row.last_used, row.last_address = clock.to_wire(clock.utc_now()), address


class Uses:
    """When each use (of a key, or of what else opens SCIM) was last noted, or tried to be, on our own steady clock."""

    def __init__(self) -> None:
        self._tried: dict[str, float] = {}
        self._lock = threading.Lock()

    def is_due(self, key_id: str) -> bool:
        """Whether a minute has gone; if so, it begins anew."""
        now = time.monotonic()
        with self._lock:
            if now - self._tried.get(key_id, float("-inf")) < bounds.KEY_USE_NOTED_S:
                return False
            self._tried[key_id] = now
            return True


_uses = Uses()


def _key_row(row: accounts.ScimKey | accounts.Row[Any]) -> KeyRow:
    return KeyRow(
        row.id, row.name, row.prefix, row.created, row.created_by, row.last_used, row.last_address, row.stopped
    )
