"""This module declares the tables of the request log.

Identity data is elsewhere (app/store/directory/tables.py): this file can be lost without harm, and is pruned. No column
is for a key, a password or a header; `request.body` is redacted before (app/observation/redaction.py). Moments are text
in the form of `app.clock.to_wire`.
"""

from collections.abc import Mapping
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, text

from app.request_record import STORED, column_of
from app.store.database.columns import ZERO, numbers, reals, texts

LOG_VERSION = 1
"""The `PRAGMA user_version` of the file; a file with another number is renamed and replaced by a new one.

A new table, column or index does not need a new number: missing ones are added at start, and other indexes deleted.
"""

metadata = MetaData()
"""The declared tables of the request log's file."""
_texts = partial(texts, server_default="")
_numbers = partial(numbers, server_default=ZERO)
_reals = partial(reals, server_default=ZERO)
_TYPES: Mapping[Any, partial[list[Column[Any]]]] = {int: _numbers, float: _reals}


def log_table(name: str, *columns_and_indexes: Any, **options: Any) -> Table:
    """Declare a table of the request log's file."""
    return Table(name, metadata, *columns_and_indexes, **options)


request = log_table(
    "request",
    *numbers("id", primary_key=True),
    *chain.from_iterable(_TYPES.get(one.type, _texts)(column_of(one)) for one in STORED if one.name != "id"),
    Index("request_number", "number"),
    Index("request_resource_id", "resource_id", "id"),
    Index("request_conflict", "other_id", "id", sqlite_where=text("other_id <> ''")),
    Index("request_cycle_id", "cycle_id", "id"),
    Index("request_deed", "deed", "id"),
    Index("request_refused", "id", sqlite_where=text("status >= 400")),
)
"""One row per request, and one for each operation of a bulk request.

The columns are the stored fields of `app.request_record.Request`. Times, keys and IP addresses have no index: each
request would pay for it. A page that asks for them reads the rows from the newest, `bounds.REQUEST_ROWS` at most.
"""

cycle = log_table(
    "cycle",
    *numbers("id", primary_key=True),
    *_texts("started", "ended", "key_id", "dialect"),
    *_numbers("requests", "probes", "reads", "created", "changed", "disabled", "enabled", "deleted"),
    *_numbers("joined", "departed", "failed"),
    *_reals("slowest_ms"),
    Index("cycle_started", "started"),
)

problem = log_table(
    "problem",
    *numbers("id", primary_key=True),
    *_texts("kind", "attribute", "resource_type", "resource_id", "resource_name", "other_id"),
    *_texts("method", "path", "scim_type", "reason", "expected", "got", "address", "key_id", "body"),
    *_numbers("status"),
    *_texts("first", "last", "number"),
    *_numbers("count"),
    *texts("closed", "closed_by", "ignored", nullable=True),
    Index("problem_last", "last"),
    Index("problem_cause", "kind", "attribute", "resource_type", "resource_id", "resource_name"),
    Index("problem_open", "kind", "attribute", sqlite_where=text("closed IS NULL")),
    Index("problem_open_method", "method", sqlite_where=text("closed IS NULL")),
    Index("problem_resource_id", "resource_id"),
)
"""One cause for one resource; `number` is the request ID of its last request.

`closed`, `ignored`: when; `closed_by`: the request ID that closed it.
"""

problem_key = log_table(
    "problem_key",
    *texts("object_key", primary_key=True),
    *numbers("problem_id", parent="problem.id", primary_key=True),
    Index("problem_key_problem_id", "problem_id"),
    sqlite_with_rowid=False,
)
"""The keys of `Request.objects` by which a problem is found again while it is open."""

due_removal = log_table(
    "due_removal",
    *numbers("problem_id", parent="problem.id", primary_key=True),
    *texts("user_id", "group_id", primary_key=True),
    *_texts("purpose"),
    *texts("over", nullable=True),
    Index("due_removal_due", "user_id", "group_id", sqlite_where=text("over IS NULL")),
    sqlite_with_rowid=False,
)
"""A removal of access that the requests of a problem were meant to make.

`group_id` is "" unless the user was to leave a group. `over`: since when the removal is settled.
"""

setup_step = log_table("milestone", *texts("name", primary_key=True), *_texts("at", "number"), sqlite_with_rowid=False)
"""When something happened for the first time (`plain-http`: for the last time); never pruned."""

last_seen = log_table(
    "mention",
    *texts("resource_id", primary_key=True),
    *_texts("resource_type", "at"),
    Index("mention_at", "resource_type", "at"),
    sqlite_with_rowid=False,
)
"""The last time that a client matched, read or changed an existing resource."""

attribute_arrival = log_table(
    "sighting",
    *texts("resource_type", "attribute", "way", "shape", primary_key=True),
    *_texts("first", "last"),
    *_numbers("count"),
    sqlite_with_rowid=False,
)
"""The shapes in which a mapped attribute arrived; `way`: create, add, replace, remove. Never a value."""

counter = log_table("tally", *texts("name", primary_key=True), *_numbers("number"), sqlite_with_rowid=False)
"""Counters of requests that have no row."""
