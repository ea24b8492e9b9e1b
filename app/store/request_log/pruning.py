"""This module deletes rows of the request log that are too old or too many.

Counters, first times and last-seen times stay.

See also: app/observation/request_recorder.py (prunes a part at a time).
"""

import json
import math

from sqlalchemy import bindparam, delete, func, or_, select

from app import bounds
from app.store.database.connection import Connection
from app.store.database.list_parameter import many_named
from app.store.request_log.problem_rows import LASTS
from app.store.request_log.tables import cycle, problem, request

_ENDS = select(func.min(request.c.id), func.max(request.c.id))
# Times may be out of order: rows of a clock that was ahead must not keep the older ones behind them. No index has the
# times, so some rows tell how far to look.
_LAST_OLD = select(func.max(request.c.id)).where(
    request.c.id.in_(many_named("samples")), request.c.at < bindparam("before")
)
_OLD = (
    select(request.c.id)
    .where(request.c.id < bindparam("end"), request.c.at < bindparam("before"))
    .order_by(request.c.id)
    .limit(bindparam("count"))
)
_REQUESTS = delete(request).where(
    or_(request.c.id.in_(_OLD.scalar_subquery()), request.c.id < bindparam("surplus_end"))
)
_CYCLES, _PROBLEMS = (
    delete(table).where(table.c.id.in_(select(table.c.id).where(*is_old).limit(bindparam("count")).scalar_subquery()))
    for table, is_old in (
        (cycle, (cycle.c.started < bindparam("before"), cycle.c.ended < bindparam("before"))),
        (problem, (problem.c.last < bindparam("before"), ~LASTS)),
    )
)


def prune(connection: Connection, before: str, most: int, most_bytes: int) -> bool:
    """Delete rows older than a moment (wire form) and surplus requests, oldest first; return whether there are more.

    Deletes about `bounds.LOG_ROWS_PRUNED_AT_ONCE` rows of each table at a time, so that it takes milliseconds.
    """
    at_once = bounds.LOG_ROWS_PRUNED_AT_ONCE
    first, last = connection.execute(_ENDS).one()
    gone = 0
    if first is not None:
        kept = last - first + 1  # rows are appended, and only deleted here
        surplus = max(kept - most, math.ceil(kept * (1 - most_bytes / _used_bytes(connection))))
        step = kept // bounds.LOG_ROWS_SAMPLED + 1
        samples = {"samples": json.dumps(list(range(first, last + 1, step))), "before": before}
        end = (connection.execute(_LAST_OLD, samples).scalar() or first) + step
        limits = {"end": end, "before": before, "count": at_once, "surplus_end": first + min(surplus, at_once)}
        gone = connection.execute(_REQUESTS, limits).rowcount
    for statement in (_CYCLES, _PROBLEMS):
        gone = max(gone, connection.execute(statement, {"before": before, "count": at_once}).rowcount)
    return gone >= at_once


def give_back(connection: Connection) -> None:
    """Free the disk space of pruned rows."""
    # Each step frees one page, so all rows are fetched.
    connection.exec_driver_sql(f"PRAGMA incremental_vacuum({bounds.LOG_ROWS_PRUNED_AT_ONCE})").all()


def _used_bytes(connection: Connection) -> int:
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
