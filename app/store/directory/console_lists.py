"""This module lists resources for the console: by words, state and order.

Skipped rows are never read: a page is first found in an index, as positions, and then loaded.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select, bindparam, func, select, text

from app.scim.derived_values import DerivedValues
from app.scim.resource_types import ResourceType
from app.store.database.connection import Connection
from app.store.database.list_parameter import many_named
from app.store.directory import list_positions, resource_counts, word_index
from app.store.directory.stored_resource import COLUMNS, Record, to_record
from app.store.directory.tables import DISABLED, resource

State = Literal["", "active", "disabled"]

MADE = "meta.created"
CHANGED = "meta.lastModified"
"""The order by an attribute that every resource has; other orders are paths of single attributes with lookups."""


@dataclass(frozen=True, slots=True)
class Order:
    """A path to sort by, and the direction. Resources without a value are last, in order of creation."""

    path: str = MADE
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """The identifiers of a resource in other tables and in the request log, and its last change."""

    position: int
    id: str
    last_modified: str


class Excerpt(NamedTuple):
    """A stored resource with some attributes of its document, as `Record` has all of them. `content` has the id."""

    id: str
    last_modified: str
    members: int
    content: Mapping[str, Any]


_DISABLED = f"type = :type AND {DISABLED}"  # as in the partial index


def _in_state(state: State, column: str) -> str:
    """Return a condition on a position (`rowid` of words).

    A `+` before the column makes SQLite use the index that has the order.
    """
    if not state:
        return ""
    is_among = "IN" if state == "disabled" else "NOT IN"
    return f"AND +{column} {is_among} (SELECT position FROM resource WHERE {_DISABLED})"


# As text, since SQLite's own syntax selects the index: `+column`, and conditions as in a partial index.
_PAGE = "LIMIT :count OFFSET :offset"
_IN_ORDER_OF_CREATION = (
    f"SELECT position FROM resource WHERE type = :type AND position >= :first ORDER BY position {_PAGE}"
)
_COUNT_DISABLED = text(f"SELECT count(*) FROM resource WHERE {_DISABLED}")
_COUNT_VALUES = "SELECT count(*) FROM lookup WHERE type = :type AND attribute = :path"
_VALUES = "SELECT position FROM lookup WHERE type = :type AND attribute = :path"
_WITHOUT_VALUE = f"SELECT position FROM resource WHERE type = :type AND position NOT IN ({_VALUES})"
_IS_OF_TYPE = resource.c.type == bindparam("type")
_WITH_IDS = select(resource.c.id, resource.c.position).where(_IS_OF_TYPE, resource.c.id.in_(many_named("ids")))
_AMONG = "{0} IN (SELECT value FROM json_each(:among))"
_AMONG_BY_CHANGE = """SELECT position FROM resource WHERE position IN (SELECT value FROM json_each(:among))
    ORDER BY last_modified {0}, position {0}"""
_IS_AMONG = _IS_OF_TYPE, resource.c.position.in_(many_named("positions"))
_KEYS = (
    select(resource.c.position, resource.c.id, resource.c.last_modified).where(*_IS_AMONG).order_by(resource.c.position)
)
_LOAD = select(*COLUMNS).where(*_IS_AMONG)


def page(
    connection: Connection, resource_type: ResourceType, state: State, order: Order, offset: int, count: int
) -> tuple[int, list[int]]:
    """Return how many resources of a type there are, or are in a state, and the positions of those on a page."""
    parameters = {"type": resource_type.name, "path": order.path, "offset": offset, "count": count}
    total = count_in(connection, resource_type, state)
    if order == Order() and not state:
        sought = parameters | list_positions.seek(connection, resource_type, offset)
        positions = _numbers(connection, _IN_ORDER_OF_CREATION, sought)
    elif order.path in (MADE, CHANGED):
        positions = _numbers(connection, _in_own_order(state, order), parameters)
    else:
        by = f"ORDER BY value {_direction(order)}, position {_direction(order)} {_PAGE}"
        positions = _numbers(connection, f"{_VALUES} {_in_state(state, 'position')} {by}", parameters)
        if len(positions) < count and offset + len(positions) < total:
            counted = f"{_COUNT_VALUES} {_in_state(state, 'position')}"
            behind = max(0, offset - _numbers(connection, counted, parameters)[0])
            more = f"{_WITHOUT_VALUE} {_in_state(state, 'position')} ORDER BY position {_PAGE}"
            positions += _numbers(connection, more, parameters | {"offset": behind, "count": count - len(positions)})
    return total, positions


def _in_own_order(state: State, order: Order) -> str:
    direction = _direction(order)
    if order.path == CHANGED:
        condition, by = _in_state(state, "position"), f"last_modified {direction}, position {direction}"
    else:
        condition = f"AND {_DISABLED}" if state == "disabled" else _in_state(state, "position")
        by = f"position {direction}"
    return f"SELECT position FROM resource WHERE type = :type {condition} ORDER BY {by} {_PAGE}"


def count_in(connection: Connection, resource_type: ResourceType, state: State) -> int:
    """Return the number of resources of a type in a state."""
    if not state:
        return resource_counts.count(connection, resource_type)
    disabled = int(connection.execute(_COUNT_DISABLED, {"type": resource_type.name}).scalar_one())
    return disabled if state == "disabled" else resource_counts.count(connection, resource_type) - disabled


def positions_with(
    connection: Connection, resource_type: ResourceType, sought: str, state: State, after: int = 0, count: int = -1
) -> list[int]:
    """Return the positions after `after` of resources that contain the words (all with ""), in order of creation.

    A search that contains no word finds nothing. `count` -1: all of them.
    """
    parameters: dict[str, Any] = {"type": resource_type.name, "after": after, "count": count}
    if not sought:
        every = f"SELECT position FROM resource WHERE type = :type AND position > :after {_in_state(state, 'position')}"
        return _numbers(connection, f"{every} ORDER BY position LIMIT :count", parameters)
    expression = word_index.expression(resource_type, sought)
    if expression is None:
        return []
    matching = f"{word_index.MATCHING} AND rowid > :after {_in_state(state, 'rowid')} ORDER BY rowid LIMIT :count"
    return _numbers(connection, matching, parameters | {"words": expression})


def positions_among(
    connection: Connection, resource_type: ResourceType, ids: Sequence[str], sought: str, state: State
) -> list[int]:
    """Return the positions of existing ids, in their order, that are in the state and contain the words ("": any).

    Costs one walk over all resources that contain the words, so many ids at once are cheaper.
    """
    by_id = dict(connection.tuples(_WITH_IDS, {"type": resource_type.name, "ids": json.dumps(list(ids))}))
    positions = [by_id[id] for id in ids if id in by_id]
    if not (sought or state) or not positions:
        return positions
    parameters = {"type": resource_type.name, "among": json.dumps(positions)}
    if not sought:
        fitting = f"SELECT position FROM resource WHERE {_AMONG.format('position')} {_in_state(state, 'position')}"
    elif expression := word_index.expression(resource_type, sought):
        # The `+` keeps SQLite from searching the words again for every position.
        fitting = f"{word_index.MATCHING} AND {_AMONG.format('+rowid')} {_in_state(state, 'rowid')}"
        parameters["words"] = expression
    else:
        return []
    those = set(_numbers(connection, fitting, parameters))
    return [position for position in positions if position in those]


def page_among(
    connection: Connection, resource_type: ResourceType, positions: Sequence[int], order: Order, offset: int, count: int
) -> list[int]:
    """Return the positions of a page of these resources in an order."""
    in_order = sorted(positions, reverse=order.is_descending)
    if order.path == CHANGED:
        by_change = _AMONG_BY_CHANGE.format(_direction(order))
        in_order = _numbers(connection, by_change, {"among": json.dumps(in_order)})
    elif order.path != MADE:
        in_order = _by_own_value(resource_type, load(connection, resource_type, sorted(positions)), order)
    return in_order[offset : offset + count]


def _by_own_value(resource_type: ResourceType, records: Sequence[Record], order: Order) -> list[int]:
    """Return the positions of a few records, given in order of creation, in the order of `page`."""
    lookups = ((one.id, sorted(DerivedValues(resource_type, one.content).lookups)) for one in records)
    texts = {id: text for id, values in lookups for path, text, _ in values if path == order.path}
    filled = [record for record in records if record.id in texts]
    filled.sort(key=lambda record: (texts[record.id], record.position), reverse=order.is_descending)
    return [record.position for record in (*filled, *(one for one in records if one.id not in texts))]


def load(connection: Connection, resource_type: ResourceType, positions: Sequence[int]) -> list[Record]:
    """Return the records at these positions, in the same order."""
    rows = connection.tuples(_LOAD, {"positions": json.dumps(list(positions)), "type": resource_type.name})
    by_position = {record.position: record for record in map(to_record, rows)}
    return [by_position[position] for position in positions if position in by_position]


@cache
def _excerpts(names: tuple[str, ...]) -> Select[Any]:
    paths = ["$.id", *(f'$."{name}"' for name in names)]  # the value of a single path would not be a list
    values = func.json_extract(resource.c.document, *paths).label("texts")
    return select(resource.c.position, resource.c.id, resource.c.last_modified, resource.c.members, values).where(
        *_IS_AMONG
    )


def excerpts(
    connection: Connection, resource_type: ResourceType, positions: Sequence[int], names: tuple[str, ...]
) -> list[Excerpt]:
    """Return the resources at these positions, in the same order, with only the attributes that have these names.

    Most of the time of a page or an export would be the parsing of whole documents.
    """
    parameters = {"positions": json.dumps(list(positions)), "type": resource_type.name}
    rows = connection.tuples(_excerpts(names), parameters).fetchall()
    names = ("id", *names)
    contents = json.loads(f"[{','.join(row[-1] for row in rows)}]")
    by_position = {}
    for (position, id, at, members, _), values in zip(rows, contents, strict=True):
        content = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        by_position[position] = Excerpt(id, at, members, content)
    return [by_position[position] for position in positions if position in by_position]


def keys(connection: Connection, resource_type: ResourceType, positions: Sequence[int]) -> list[Key]:
    """Return the keys at these positions, in order of creation."""
    parameters = {"positions": json.dumps(list(positions)), "type": resource_type.name}
    return [Key(*row) for row in connection.execute(_KEYS, parameters)]


def _direction(order: Order) -> str:
    return "DESC" if order.is_descending else "ASC"


def _numbers(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[int]:
    return [number for (number,) in connection.tuples(_text(statement), parameters)]


_text = cache(text)  # the statements are few, and each is built once
