"""This module stores the words by which resources are found in a full-text index.

The index contains only words that this server has split; SQLite's tokenizer only separates them at spaces. So both
sides of a search agree on every letter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import text

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import ResourceType
from app.scim.word_splitting import cut
from app.store.database.connection import Connection

DECLARED = (
    "CREATE VIRTUAL TABLE word USING fts5(text, tokenize = 'ascii', detail = none, columnsize = 0, prefix = '1 2 3')"
)
"""The statement by which the migrations create it. `prefix`: the lengths of word beginnings that are indexed."""

_TYPE_MARK = "¦"  # no word begins with it, and outside of ASCII it separates nothing
# As text: SQLAlchemy has no operator for MATCH, and does not know the rowid of a virtual table.
_INSERT = text("INSERT INTO word (rowid, text) VALUES (:position, :text)")
_UPDATE = text("UPDATE word SET text = :text WHERE rowid = :position")
_DELETE = text("DELETE FROM word WHERE rowid = :position")
_HELD = text("SELECT rowid, text FROM word WHERE rowid IN (SELECT value FROM json_each(:positions))")
_STRAY = text("SELECT count(*) FROM word WHERE rowid NOT IN (SELECT position FROM resource)")
MATCHING = "SELECT rowid FROM word WHERE word MATCH :words"
"""The positions of the resources that match an `expression`, in order of creation."""


def to_words(values: DerivedValues) -> str:
    """Return a resource's row: its type, then its words in order, each once."""
    return " ".join((_mark(values.resource_type), *sorted(values.words)))


def expression(resource_type: ResourceType, sought: str) -> str | None:
    """Return a search in the syntax of FTS5; None if it contains no word.

    Each piece between spaces is found by its beginning: `an ru` finds Ana Ruiz. Within such a piece only the last word
    is a beginning: `ana@recnice.com` does not find ana2@recnice.com.
    """
    wanted = []
    for piece in sought.split():
        words = cut(piece)
        wanted += [f'"{word}"' for word in words[:-1]] + [f'"{word}"*' for word in words[-1:]]
    return " AND ".join((f'"{_mark(resource_type)}"', *wanted)) if wanted else None


def insert(connection: Connection, position: int, values: DerivedValues) -> None:
    """Add the words of a new resource."""
    connection.execute(_INSERT, {"position": position, "text": to_words(values)})


def save(connection: Connection, position: int, before: DerivedValues, after: DerivedValues) -> None:
    """Write the words of a resource with another document, if they differ."""
    if after.word_text != before.word_text and after.words != before.words:
        connection.execute(_UPDATE, {"position": position, "text": to_words(after)})


def delete(connection: Connection, position: int) -> None:
    """Delete the words of a resource."""
    connection.execute(_DELETE, {"position": position})


def held(connection: Connection, positions: Iterable[int]) -> dict[int, str]:
    """Return the rows at these positions as stored."""
    rows = connection.execute(_HELD, {"positions": json.dumps(list(positions))})
    return {position: words for position, words in rows}


def rewrite(connection: Connection, position: int, before: str | None, values: DerivedValues) -> None:
    """Update a row, which `held` returned as `before` or not at all, to match the document."""
    words = to_words(values)
    if words != before:
        connection.execute(_INSERT if before is None else _UPDATE, {"position": position, "text": words})


def count_stray(connection: Connection) -> int:
    """Return how many rows belong to no resource; reads all."""
    return int(connection.execute(_STRAY).scalar_one())


def _mark(resource_type: ResourceType) -> str:
    return _TYPE_MARK + "".join(cut(resource_type.name))
