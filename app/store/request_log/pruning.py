"""This module deletes rows of the request log that are too old or too many.

Counters, first times and last-seen times stay.

See also: app/observation/request_recorder.py (prunes every ten minutes).
"""

from __future__ import annotations

import math

from sqlalchemy import ColumnElement, delete, func, select

from app import bounds
from app.store.database.connection import Connection
from app.store.request_log.problem_rows import LASTS
from app.store.request_log.tables import cycle, problem, request


def prune(connection: Connection, before: str, most: int, most_bytes: int) -> bool:
    """Delete rows older than a moment (wire form) and surplus requests, oldest first; return whether there are more.

    Deletes at most `bounds.REQUESTS_PRUNED_AT_ONCE` requests at a time.
    """
    at_once = bounds.REQUESTS_PRUNED_AT_ONCE
    gone = connection.execute(delete(request).where(_is_among_oldest(at_once), request.c.at < before)).rowcount
    kept = connection.execute(select(func.count()).select_from(request)).scalar_one()
    too_large = 1 - most_bytes / _used_bytes(connection)
    surplus = max(kept - most, math.ceil(kept * too_large))
    if (surplus := min(surplus, at_once - gone)) > 0:
        gone += connection.execute(delete(request).where(_is_among_oldest(surplus))).rowcount
    connection.execute(delete(cycle).where(cycle.c.ended < before))
    connection.execute(delete(problem).where(problem.c.last < before, ~LASTS))
    return gone >= at_once


def _is_among_oldest(count: int) -> ColumnElement[bool]:
    return request.c.id.in_(select(request.c.id).order_by(request.c.id).limit(count).scalar_subquery())


def give_back(connection: Connection) -> None:
    """Free the disk space of pruned rows."""
    # Each step frees one page, so all rows are fetched.
    connection.exec_driver_sql(f"PRAGMA incremental_vacuum({bounds.REQUESTS_PRUNED_AT_ONCE})").all()


def _used_bytes(connection: Connection) -> int:
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
