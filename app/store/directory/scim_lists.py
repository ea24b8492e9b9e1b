"""This module lists resources for SCIM: filtered, sorted, by index or cursor (RFC 7644 §3.4.2, RFC 9865)."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, literal, or_, select

from app import bounds
from app.scim.attribute import Attribute
from app.scim.resource_types import ResourceType
from app.scim.search_request import Place, Search, TypeSearch
from app.store.database.connection import Connection
from app.store.directory import filter_sql, list_positions, resource_counts, resource_reads
from app.store.directory.stored_resource import COLUMNS, Record, to_record
from app.store.directory.tables import resource

_CUT_TYPES = ("string", "reference", "binary")
_DOCUMENT = [column.name for column in COLUMNS].index("document")


@dataclass(slots=True)  # frozen, it would take three times as long to create
class Page:
    """A page of records; `total` counts all matches. By cursor, `end` is where the next page starts."""

    total: int
    records: list[Record]
    end: Place | None = None


_PAGE = (
    select(*COLUMNS)
    .where(resource.c.type == bindparam("type"), resource.c.position >= bindparam("first"))
    .order_by(resource.c.position)
    .limit(bindparam("count"))
    .offset(bindparam("offset"))
)


def find(connection: Connection, search: Search) -> Page:
    """Return at most `search.count` matching records in a stable order; fewer if their documents are large.

    Without a sort key that is the order of creation. With one, resources without the attribute are last ascending and
    first descending (RFC 7644 §3.4.2.3), and equal ones in order of creation. Texts with the same first
    `bounds.SORT_TEXT_LENGTH` characters are equal.

    Raises invalidFilter and invalidValue for attributes that cannot be compared or sorted by.
    """
    if not search.sought:
        return Page(0, [])
    if search.start_index is None:
        return _page_by_cursor(connection, search)
    return _page_by_index(connection, search, max(search.start_index, 1) - 1)


def find_match(connection: Connection, search: Search, *, has_groups: bool) -> Page | None:
    """Return the page of a search for one value of an attribute, by one statement; with the groups of each resource.

    None if the search is another one, or needs more statements.
    """
    if len(search.sought) != 1 or search.start_index != 1:
        return None
    criterion = search.sought[0]
    match = filter_sql.exact_match(criterion.where)
    if match is None or criterion.sort_by:
        return None
    type_name = criterion.resource_type.name
    records = resource_reads.by_value(connection, type_name, *match, search.count, has_groups=has_groups)
    return None if records is None else Page(len(records), records)


def _page_by_index(connection: Connection, search: Search, offset: int) -> Page:
    rows, is_cut = _rows_by_index(connection, search, offset) if search.count > 0 else ([], False)
    records = list(map(to_record, rows))
    is_filtered = any(sought.where is not None for sought in search.sought)
    if is_filtered and not is_cut and len(records) < search.count and (records or offset == 0):
        # The last page itself gives the total: a lookup needs no second statement.
        return Page(offset + len(records), records)
    return Page(_total(connection, search), records)


def _rows_by_index(connection: Connection, search: Search, offset: int) -> tuple[list[tuple[Any, ...]], bool]:
    parameters = {"count": search.count, "offset": offset}
    if plain := _whole_type(search):
        return _fitting(connection, _PAGE, search.count, parameters | list_positions.seek(connection, plain, offset))
    key = _key(search)
    rows = select(*COLUMNS).where(_condition(search)).order_by(*_order(key, search.is_descending))
    return _fitting(connection, rows.limit(search.count).offset(offset), search.count)


def _fitting(
    connection: Connection, statement: Select[Any], count: int, parameters: Mapping[str, Any] | None = None
) -> tuple[list[tuple[Any, ...]], bool]:
    """Return the first rows, at most `count`, whose documents fit on a page; and whether the statement has more.

    A page may be shorter than requested (RFC 7644 §3.4.2.4), but has one record, or the client could not continue.
    """
    taken: list[tuple[Any, ...]] = []
    size = 0
    with closing(connection.tuples(statement, parameters or {})) as rows:
        for row in rows:
            document = row[_DOCUMENT]
            size += len(document) if document.isascii() else len(document.encode())
            if len(taken) == count or (taken and size > bounds.PAGE_BYTES):
                return taken, True
            taken.append(row)
    return taken, False


def _page_by_cursor(connection: Connection, search: Search) -> Page:
    """Return a page by the keys themselves: deletions and additions before the place do not affect what follows."""
    if search.count == 0:
        return Page(_total(connection, search), [])
    key = _key(search)
    if plain := _whole_type(search):
        first = search.after.position + 1 if search.after else 0
        parameters = {"type": plain.name, "first": first, "count": search.count + 1, "offset": 0}
        page_rows, is_more = _fitting(connection, _PAGE, search.count, parameters)
    else:
        rows = select(*COLUMNS, *([] if key is None else [key.label("sort_key")])).where(_condition(search))
        if search.after is not None:
            rows = rows.where(_beyond(key, search.after, search.is_descending))
        rows = rows.order_by(*_order(key, search.is_descending)).limit(search.count + 1)
        page_rows, is_more = _fitting(connection, rows, search.count)
    records = [to_record(row[: len(COLUMNS)]) for row in page_rows]
    if not is_more:
        total = len(page_rows) if search.after is None else _total(connection, search)
        return Page(total, records)
    last_key = None if key is None else page_rows[-1][-1]
    return Page(_total(connection, search), records, Place(last_key, records[-1].position))


def _total(connection: Connection, search: Search) -> int:
    """Return the number of matches. A type without a filter has a stored count."""
    total = sum(
        resource_counts.count(connection, sought.resource_type) for sought in search.sought if sought.where is None
    )
    if filtered := [sought for sought in search.sought if sought.where is not None]:
        holds = or_(*(_holds(sought, search.base) for sought in filtered))
        total += connection.execute(select(func.count()).select_from(resource).where(holds)).scalar_one()
    return total


def _whole_type(search: Search) -> ResourceType | None:
    """Return the type whose resources the search lists all, in order of creation; None for any other search."""
    [sought, *others] = search.sought
    return None if others or sought.where is not None or sought.sort_by else sought.resource_type


def _condition(search: Search) -> ColumnElement[bool]:
    return or_(*(_holds(sought, search.base) for sought in search.sought))


def _holds(sought: TypeSearch, base: str) -> ColumnElement[bool]:
    of_type = resource.c.type == sought.resource_type.name
    if sought.where is None:
        return of_type
    return and_(of_type, filter_sql.condition(sought.where, sought.resource_type, base))


def _key(search: Search) -> ColumnElement[Any] | None:
    """Return the sort key: for each type its own attribute, NULL for a type that has none."""
    keys = {
        sought.resource_type.name: _cut(
            sought.sort_by, filter_sql.sort_key(sought.sort_by, sought.resource_type, search.base)
        )
        for sought in search.sought
        if sought.sort_by
    }
    if not keys:
        return None
    return next(iter(keys.values())) if len(search.sought) == 1 else case(keys, value=resource.c.type)


def _cut(path: tuple[Attribute, ...], key: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the beginning of a text: a cursor contains the key, and a URL has no room for a certificate."""
    leaf = path[-1].value_attribute or path[-1]
    return func.substr(key, 1, bounds.SORT_TEXT_LENGTH, type_=key.type) if leaf.type in _CUT_TYPES else key


def _order(key: ColumnElement[Any] | None, is_descending: bool) -> list[ColumnElement[Any]]:
    if key is None:
        return [resource.c.position]
    return [key.desc().nulls_first() if is_descending else key.asc().nulls_last(), resource.c.position]


def _beyond(key: ColumnElement[Any] | None, place: Place, is_descending: bool) -> ColumnElement[bool]:
    """Return the condition for rows after a place in the order of `_order`."""
    later = resource.c.position > place.position
    if key is None:
        return later
    if place.key is None:
        among_missing = and_(key.is_(None), later)
        return or_(among_missing, key.is_not(None)) if is_descending else among_missing
    value = literal(place.key)
    among_equal = and_(key == value, later)
    return or_(key < value, among_equal) if is_descending else or_(key > value, among_equal, key.is_(None))
