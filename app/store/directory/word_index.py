"""This module stores the words that resources are found by in a full-text index.

The index has the words alone, cut by us; SQLite's tokenizer only parts them at spaces. So both sides of a search
agree on every letter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import Connection, text

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import ResourceType
from app.scim.word_splitting import cut

DECLARED = (
    "CREATE VIRTUAL TABLE word USING fts5(text, tokenize = 'ascii', detail = none, columnsize = 0, prefix = '1 2 3')"
)
"""How the migrations make it. `prefix`: the beginnings that have an index of their own."""

_TYPE_MARK = "¦"  # no word begins with it, and outside of ASCII it parts nothing
# As text: SQLAlchemy has no word for MATCH, and knows no rowid of a virtual table.
_INSERT = text("INSERT INTO word (rowid, text) VALUES (:position, :text)")
_UPDATE = text("UPDATE word SET text = :text WHERE rowid = :position")
_DELETE = text("DELETE FROM word WHERE rowid = :position")
_HELD = text("SELECT rowid, text FROM word WHERE rowid IN (SELECT value FROM json_each(:positions))")
_STRAY = text("SELECT count(*) FROM word WHERE rowid NOT IN (SELECT position FROM resource)")
MATCHING = "SELECT rowid FROM word WHERE word MATCH :words"
"""The positions of the resources that have what `expression` says, in order of creation."""


def to_words(values: DerivedValues) -> str:
    """A resource's row: its type, then its words in order, each once."""
    return " ".join((_mark(values.resource_type), *sorted(values.words)))


def expression(resource_type: ResourceType, sought: str) -> str | None:
    """A search as FTS5 reads it; None where it has no word.

    What stands between spaces is found by its beginning: `an ru` finds Ana Ruiz. Within such a piece only the last word
    is a beginning: `ana@recnice.com` does not find ana2@recnice.com.
    """
    wanted = []
    for piece in sought.split():
        words = cut(piece)
        wanted += [f'"{word}"' for word in words[:-1]] + [f'"{word}"*' for word in words[-1:]]
    return " AND ".join((f'"{_mark(resource_type)}"', *wanted)) if wanted else None


def insert(connection: Connection, position: int, values: DerivedValues) -> None:
    """The words of a new resource."""
    connection.execute(_INSERT, {"position": position, "text": to_words(values)})


def save(connection: Connection, position: int, before: DerivedValues, after: DerivedValues) -> None:
    """The words of a resource with another document; where they are the same, nothing is written."""
    if after.word_text != before.word_text and after.words != before.words:
        connection.execute(_UPDATE, {"position": position, "text": to_words(after)})


def delete(connection: Connection, position: int) -> None:
    """Takes the words of a resource away."""
    connection.execute(_DELETE, {"position": position})


def held(connection: Connection, positions: Iterable[int]) -> dict[int, str]:
    """The rows at these positions as they lie there."""
    rows = connection.execute(_HELD, {"positions": json.dumps(list(positions))})
    return {position: words for position, words in rows}


def rewrite(connection: Connection, position: int, before: str | None, values: DerivedValues) -> None:
    """Brings a row, which `held` gave as `before` or not at all, in line with the document."""
    words = to_words(values)
    if words != before:
        connection.execute(_INSERT if before is None else _UPDATE, {"position": position, "text": words})


def count_stray(connection: Connection) -> int:
    """How many rows belong to no resource; reads all."""
    return int(connection.execute(_STRAY).scalar_one())


def _mark(resource_type: ResourceType) -> str:
    return _TYPE_MARK + "".join(cut(resource_type.name))
