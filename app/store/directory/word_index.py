"""This module stores the words by which resources are found in a full-text index.

The index contains only words that this server has split; SQLite's tokenizer only separates them at spaces. So both
sides of a search agree on every letter. A request does not write words: the thread of the request log does, soon after
it, for the events behind a mark (`write_due`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import TextClause, bindparam, func, select, text, update

from app import bounds, clock
from app.scim.derived_values import DerivedValues
from app.scim.resource_types import ResourceType
from app.scim.word_splitting import cut
from app.store.database import directory_database
from app.store.database.connection import Connection, Row
from app.store.database.list_parameter import many_named
from app.store.directory.tables import event, job, resource

DECLARED = (
    "CREATE VIRTUAL TABLE word USING fts5(text, tokenize = 'ascii', detail = none, columnsize = 0, prefix = '1 2 3')"
)
"""The statement by which the migrations create it. `prefix`: the lengths of word beginnings that are indexed."""

_TYPE_MARK = "¦"  # no word begins with it, and outside of ASCII it separates nothing
# As text: SQLAlchemy has no operator for MATCH, and does not know the rowid of a virtual table.
_INSERT = text("INSERT INTO word (rowid, text) VALUES (:position, :text)")
_UPDATE = text("UPDATE word SET text = :text WHERE rowid = :position")
_DELETE = text("DELETE FROM word WHERE rowid = :position")
_STORED = text("SELECT rowid, text FROM word WHERE rowid IN (SELECT value FROM json_each(:positions))")
_STRAY = text("SELECT rowid FROM word WHERE rowid NOT IN (SELECT position FROM resource)")
_JOB = "words"
_MARK = select(job.c.done).where(job.c.name == _JOB).scalar_subquery()
_EVENTS = (
    select(event.c.id, event.c.position, event.c.verb, event.c.resource_type, event.c.changes)
    .where(event.c.id > _MARK)
    .order_by(event.c.id)
    .limit(bindparam("count"))
)
_DOCUMENTS = select(resource.c.position, resource.c.type, resource.c.document).where(
    resource.c.position.in_(many_named("positions"))
)
_DONE = update(job).where(job.c.name == _JOB).values(done=bindparam("last"), ran=bindparam("ran"), failure=None)
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
    terms = []
    for piece in sought.split():
        words = cut(piece)
        terms += [f'"{word}"' for word in words[:-1]] + [f'"{word}"*' for word in words[-1:]]
    return " AND ".join((f'"{_mark(resource_type)}"', *terms)) if terms else None


def stored_words(connection: Connection, positions: Iterable[int]) -> dict[int, str]:
    """Return the rows at these positions as stored."""
    return dict(connection.tuples(_STORED, {"positions": json.dumps(list(positions))}))


def write(connection: Connection, words: Mapping[int, str | None]) -> None:
    """Write the rows at these positions. None means no row."""
    before = stored_words(connection, words)
    rows: dict[TextClause, list[Mapping[str, Any]]] = {_DELETE: [], _INSERT: [], _UPDATE: []}
    for position, after in words.items():
        if after != before.get(position):
            statement = _DELETE if after is None else _UPDATE if position in before else _INSERT
            rows[statement].append({"position": position, "text": after})
    for statement, values in rows.items():
        if values:
            connection.execute(statement, values)


def write_due(types: Sequence[ResourceType]) -> bool:
    """Write the words of resources that changed since they were written last; return whether more of them wait.

    The resources of some events are read, and their words are written in a transaction of their own. A resource that
    changes in between has a later event, which does not wait: a busy server would write a few words in each of many
    transactions. Call it in one thread at a time.
    """
    by_name = {one.name: one for one in types}
    with directory_database.reading() as connection:
        events = connection.execute(_EVENTS, {"count": bounds.EVENTS_PER_BATCH}).all()
        if not events:
            return False
        due = dict.fromkeys(one.position for one in events if _may_change_words(by_name, one))
        words: dict[int, str | None] = {**due}
        for position, type_name, document in connection.execute(_DOCUMENTS, {"positions": json.dumps(list(due))}):
            try:
                words[position] = to_words(DerivedValues(by_name[type_name], json.loads(document)))
            except (AttributeError, LookupError, TypeError, ValueError):
                # A document that cannot be read is reported by `check`; a type that is not declared keeps its words.
                del words[position]
    with directory_database.writing() as connection:
        write(connection, words)
        connection.execute(_DONE, {"last": events[-1].id, "ran": clock.to_wire(clock.utc_now())})
    return len(events) == bounds.EVENTS_PER_BATCH


def _may_change_words(types: Mapping[str, ResourceType], row: Row) -> bool:
    """Return whether the words of a resource may differ after an event: not after a change of other attributes."""
    if row.verb != "change":
        return True
    if row.resource_type not in types or not row.changes:
        return False
    return any(name in row.changes for name in _names_in_changes(types[row.resource_type]))


@cache
def _names_in_changes(resource_type: ResourceType) -> Sequence[str]:
    """Return the attributes that a search finds, as the JSON text of an event's changes names them."""
    top = (one.sub_attributes.values() if one.is_extension else (one,) for one in resource_type.attributes)
    searched = frozenset(resource_type.search_attributes)
    return [json.dumps(one.path) for one in chain.from_iterable(top) if not searched.isdisjoint(one.walk())]


def due_positions(connection: Connection) -> set[int]:
    """Return the positions of the resources whose words are not written yet, also of deleted ones."""
    return set(connection.execute(select(event.c.position).where(event.c.id > _MARK)).scalars())


def is_mark_sound(connection: Connection) -> bool:
    """Return whether it is known which words are written, and no event that is not there is among them."""
    last = select(func.coalesce(func.max(event.c.id), 0)).scalar_subquery()
    number = connection.execute(select(func.count()).where(job.c.name == _JOB, job.c.done <= last)).scalar_one()
    return bool(number == 1)


def count_stray(connection: Connection) -> int:
    """Return how many rows belong to no resource, also to none that is deleted and due; reads all."""
    return len(set(connection.execute(_STRAY).scalars()) - due_positions(connection))


@cache
def _mark(resource_type: ResourceType) -> str:
    return _TYPE_MARK + "".join(cut(resource_type.name))
