"""This module reads resources by their id or by one value, with the groups of each, in one statement.

The statement also reads the generation number (app/store/database/remembered_reads.py): a request whose key is
remembered needs no other statement, and no transaction.
"""

from contextlib import closing
from operator import attrgetter
from typing import Any

from sqlalchemy import FromClause, Select, and_, bindparam, func, null, select

from app import bounds
from app.store.database.connection import Connection
from app.store.database.remembered_reads import generation
from app.store.directory.membership_rows import group_value
from app.store.directory.stored_resource import COLUMNS, Record, to_record
from app.store.directory.tables import lookup, membership, resource

_group = resource.alias("own_group")
_group_values = (
    select(group_value(_group).label("value"))
    .select_from(membership.join(_group, _group.c.id == membership.c.group_id))
    .where(membership.c.member_id == resource.c.id)
    .order_by(membership.c.group_id)
    .correlate(resource)
    .subquery()
)
_GROUPS = select(func.group_concat(_group_values.c.value, ",")).scalar_subquery()


def _reading(source: FromClause, has_groups: bool) -> Select[Any]:
    """Return a statement with a row for each resource, and one row without a resource if there is none."""
    groups = _GROUPS if has_groups else null()
    return select(*COLUMNS, groups.label("groups"), generation.c.number).select_from(source)


_is_resource = and_(resource.c.id == bindparam("id"), resource.c.type == bindparam("type"))
_has_value = and_(
    lookup.c.type == bindparam("type"), lookup.c.attribute == bindparam("path"), lookup.c.value == bindparam("value")
)
_by_id = generation.outerjoin(resource, _is_resource)
_by_value = generation.outerjoin(lookup, _has_value).outerjoin(resource, resource.c.position == lookup.c.position)
_BY_ID = {has_groups: _reading(_by_id, has_groups) for has_groups in (False, True)}
# No LIMIT: SQLite would prepare a statement with a bound limit again each time. No ORDER BY: to set up a sort takes
# longer than to read one row.
_BY_VALUE = {has_groups: _reading(_by_value, has_groups) for has_groups in (False, True)}


def by_id(connection: Connection, type_name: str, resource_id: str, *, has_groups: bool) -> Record | None:
    """Return the resource of a type with an id, or None; with its groups if `has_groups`."""
    rows = connection.tuples(_BY_ID[has_groups], {"id": resource_id, "type": type_name})
    row = rows.fetchone()
    rows.close()
    connection.generation = row[-1]
    return None if row[0] is None else _record(row, has_groups)


def by_value(
    connection: Connection, type_name: str, path: str, value: str, count: int, *, has_groups: bool
) -> list[Record] | None:
    """Return all resources with a value of an attribute that has an index, in the order of lists.

    None if there may be more than `count`, or more than one page takes.
    """
    records: list[Record] = []
    parameters = {"type": type_name, "path": path, "value": value}
    with closing(connection.tuples(_BY_VALUE[has_groups], parameters)) as rows:
        for row in rows:
            connection.generation = row[-1]
            if row[0] is None or len(records) == count:
                break
            records.append(_record(row, has_groups))
    if len(records) < 2 <= count:
        return records
    is_large = sum(len(one.document.encode()) for one in records) > bounds.PAGE_BYTES
    return None if is_large or len(records) >= count else sorted(records, key=attrgetter("position"))


def _record(row: Any, has_groups: bool) -> Record:
    return to_record((*row[:-2], (row[-2] or "") if has_groups else None))
