"""This module finds the values by which a user can be recognized, those of today and all former ones."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from sqlalchemy import bindparam, select, text

from app import bounds
from app.scim.differences import from_stored
from app.scim.resource_types import USER, is_active, name_of
from app.scim.value_comparison import normalize_text
from app.store.database.connection import Connection
from app.store.directory.deletion_rows import STAND_IN_ID
from app.store.directory.tables import event, resource

_IDENTIFIERS = frozenset({"userName", "externalId", "emails", "phoneNumbers", "ims"})
_NAMES = frozenset({"displayName", "nickName", "name"})
_LIVE = select(resource.c.document, resource.c.position).where(
    resource.c.id == bindparam("id"), resource.c.type == USER.name
)
_EVENTS = (
    select(event.c.name, event.c.position, event.c.changes, event.c.deleted)
    .where(event.c.resource_id == bindparam("id"), event.c.resource_type == USER.name)
    .order_by(event.c.id)
)
_FORMER = select(event.c.resource_id).where(
    text("verb = 'delete'"),  # a literal, as in the partial index
    event.c.resource_type == USER.name,
    event.c.deleted.op("->>")("$.document.externalId") == bindparam("external_id"),
)
_USUAL = frozenset({"work", "home", "other", "mobile", "fax", "pager"})
"""Values next to the identifying one: `{"type": "work", "value": …}`."""

# An escape in JSON (a new line, "\\n") or in a URL ("%20") ends with a letter or digit, but belongs to no word.
_BEGINNING = r"(?:(?<![\w.+@-])|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9a-f]{2}))"


@dataclass
class Person:
    """A user, also a deleted one. `positions`: of the user's rows in lists and in the index of words.

    `identifiers`: the id, and each value of `userName`, `externalId`, mail addresses and phone numbers that the user
    has or had. `names`: the same of names, which other users may have, too.
    """

    id: str
    name: str = ""
    is_here: bool = False
    is_active: bool = False
    positions: set[int] = field(default_factory=set)
    identifiers: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    user_names: set[str] = field(default_factory=set)
    external_id: str = ""

    @cached_property
    def _identifiers(self) -> re.Pattern[str]:
        return _pattern(self.identifiers)

    @cached_property
    def _full_names(self) -> re.Pattern[str]:
        return _pattern({one for one in self.names if " " in one.strip()})

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(map(normalize_text, self.names | self.identifiers))

    def is_in(self, text: str, is_about_another: bool = True) -> bool:
        """Return whether a text names this user: by an identifier anywhere, or as a whole by a name.

        In a text that is not about another user, a full name counts anywhere.
        """
        if normalize_text(text) in self._exact or self._identifiers.search(text):
            return True
        return not is_about_another and self._full_names.search(text) is not None

    @property
    def values(self) -> set[str]:
        """All values that are long enough to be told from other text."""
        return {self.id, *self.identifiers, *(one for one in self.names if len(one) >= bounds.ERASED_NAME_LENGTH)}


def _pattern(values: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of any of these values in any spelling, but not within a longer word or mail address."""
    texts = sorted({one for value in values for one in spellings(value)}, key=len, reverse=True)
    if not texts:
        return re.compile("(?!)")
    return re.compile(rf"{_BEGINNING}(?:{'|'.join(map(re.escape, texts))})(?![\w@+-]|\.\w)", re.IGNORECASE)


def spellings(value: str) -> set[str]:
    """Return a value as it may be written in a file: composed or not, normalized, in JSON, in a URL."""
    forms = {value, normalize_text(value), *(unicodedata.normalize(form, value) for form in ("NFC", "NFD"))}
    return {text for one in forms for text in (one, json.dumps(one)[1:-1], quote(one), quote(one, safe="@"))}


def find(connection: Connection, resource_id: str) -> Person | None:
    """Return the user with an id, from its document and its history; None if neither is stored, or it is erased."""
    person = Person(resource_id)
    if resource_id.startswith(STAND_IN_ID):
        return None
    for name, position, changes, deleted in connection.execute(_EVENTS, {"id": resource_id}):
        person.name = name
        person.positions.add(position)
        for attribute, stored in json.loads(changes or "{}").items():
            change = from_stored(attribute, stored)
            _add(person, {attribute: change.old})
            _add(person, {attribute: change.new})
        if deleted:
            _add(person, json.loads(deleted)["document"])
    if row := connection.execute(_LIVE, {"id": resource_id}).first():
        document = json.loads(row.document)
        _add(person, document)
        person.name, person.is_here, person.is_active = name_of(document), True, is_active(document)
        person.positions.add(row.position)
    if not person.positions:
        return None
    person.identifiers.add(resource_id)
    person.positions.discard(0)  # of events from before it was stored
    return person


def former_ids(connection: Connection, someone: Person) -> list[str]:
    """Return the ids of deleted users that had the externalId of a user: the same person under another id."""
    if not someone.external_id:
        return []
    ids = connection.execute(_FORMER, {"external_id": someone.external_id}).scalars().all()
    return sorted(set(ids) - {someone.id})


def _add(person: Person, document: dict[str, Any]) -> None:
    for name, value in document.items():
        texts = {text for text in _texts(value) if text not in _USUAL}
        if name in _IDENTIFIERS:
            person.identifiers |= {text for text in texts if len(text) >= bounds.ERASED_IDENTIFIER_LENGTH}
        elif name in _NAMES:
            person.names |= texts
        if name == "userName":
            person.user_names |= texts
        if name == "externalId" and isinstance(value, str):
            person.external_id = value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
