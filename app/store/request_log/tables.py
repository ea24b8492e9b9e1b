"""This module declares the tables of the request log.

Identity data is elsewhere (app/store/directory/tables.py): this file may be lost without loss, and is pruned. No
column is made for a key, a password or a header; `request.body` is redacted before it comes here
(app/observation/redaction.py). Moments are text in the form of `app.clock.to_wire`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import Column, Index, text

from app.request_record import STORED
from app.store.database.columns import ZERO, numbers, reals, texts
from app.store.database.directory_database import db
from app.store.request_log.log_database import BIND

LOG_VERSION = 1
"""`PRAGMA user_version` of the file; a file with another number is put aside and begun anew. A new table, column or
index asks for no new number: what is missing is added at start."""

log_table = partial(db.Table, bind_key=BIND)
"""Declares a table of the request log's file."""
_texts = partial(texts, server_default="")
_numbers = partial(numbers, server_default=ZERO)
_reals = partial(reals, server_default=ZERO)
_TYPES: Mapping[Any, partial[list[Column[Any]]]] = {int: _numbers, float: _reals}

request = log_table(
    "request",
    *numbers("id", primary_key=True),
    *chain.from_iterable(_TYPES.get(one.type, _texts)(one.name) for one in STORED if one.name != "id"),
    Index("request_at", "at"),
    Index("request_number", "number"),
    Index("request_resource_id", "resource_id", "id"),
    Index("request_other_id", "other_id", "id"),
    Index("request_cycle_id", "cycle_id", "id"),
    Index("request_deed", "deed", "id"),
    Index("request_key_id", "key_id", "id"),
    Index("request_refused", "id", sqlite_where=text("status >= 400")),
)
"""One row a request, and one for each operation of a bulk request. The columns are the fields of
`app.request_record.Request` that are stored."""

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
    Index("problem_resource_id", "resource_id"),
)
"""One cause for one resource; `number` is that of its last request. `closed`, `ignored`: when; `closed_by`: which
request's number."""

problem_key = log_table(
    "problem_key",
    *texts("object_key", primary_key=True),
    *numbers("problem_id", parent="problem.id", primary_key=True),
    Index("problem_key_problem_id", "problem_id"),
    sqlite_with_rowid=False,
)
"""By which keys of `Request.objects` a problem is found again while it is open."""

due_removal = log_table(
    "due_removal",
    *numbers("problem_id", parent="problem.id", primary_key=True),
    *texts("user_id", "group_id", primary_key=True),
    *_texts("purpose"),
    *texts("over", nullable=True),
    Index("due_removal_due", "user_id", "group_id", sqlite_where=text("over IS NULL")),
    sqlite_with_rowid=False,
)
"""Whose access the requests of a problem were meant to take away; `group_id` is "" unless the user was to leave one.
`over`: since when it need not be done any more."""

milestone = log_table(
    "milestone",
    *texts("name", primary_key=True),
    *_texts("at", "number"),
    sqlite_with_rowid=False,
)
"""When something happened for the first time (`plain-http`: for the last time); never pruned."""

mention = log_table(
    "mention",
    *texts("resource_id", primary_key=True),
    *_texts("resource_type", "at"),
    Index("mention_at", "resource_type", "at"),
    sqlite_with_rowid=False,
)
"""When a client last spoke of a resource that is here: matched, read or changed it."""

sighting = log_table(
    "sighting",
    *texts("resource_type", "attribute", "way", "shape", primary_key=True),
    *_texts("first", "last"),
    *_numbers("count"),
    sqlite_with_rowid=False,
)
"""In which shape a mapped attribute arrived; `way` is how: create, add, replace, remove. Never a value."""

tally = log_table(
    "tally",
    *texts("name", primary_key=True),
    *_numbers("number"),
    sqlite_with_rowid=False,
)
"""Counts that no row tells any more: requests that were not written down."""

metadata = db.metadatas[BIND]
