"""This module declares the columns of the Users and Groups lists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

from app import bounds
from app.observation.directory import console_search, group_members
from app.observation.directory.console_search import CHANGED, Excerpt, Knowledge, Record
from app.scim.resource_types import GROUP, USER, ResourceType, is_active, name_of
from app.web.console.shared.attribute_rows import value_at
from app.web.console.shared.list_paging import Column

DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
SOURCE = "Entra"
OTHER_COLUMNS = 4
"""The number of attributes displayed for a type without columns of its own."""


class ResourceRow(NamedTuple):
    """One resource of a list, and what the request log knows about it. `unresolved` counts unresolved members."""

    record: Record | Excerpt
    document: Mapping[str, Any]
    knowledge: Knowledge
    unresolved: int = 0

    @property
    def name(self) -> str:
        """The display name of the resource."""
        return name_of(self.document)

    @property
    def state(self) -> Literal["active", "disabled", ""]:
        """The meaning of `active`; "" if it has no value, with which a user is active."""
        return "" if "active" not in self.document else "active" if is_active(self.document) else "disabled"


@dataclass(frozen=True)
class Shown(Column[ResourceRow]):
    """A column that the page has too. `order` is the order that its heading selects, "" if there is none.

    `reads`: the top attributes of the document that its value depends on.
    """

    form: Literal["text", "word", "members", "moment", "state", "problems"] = "text"
    order: str = ""
    reads: tuple[str, ...] = ()


def lines(records: Iterable[Record | Excerpt]) -> Iterator[ResourceRow]:
    """Yield the records as rows, with lookups in the log by portions."""
    remaining = iter(records)
    while portion := list(islice(remaining, bounds.EXPORT_ROWS_AT_ONCE)):
        knowledge = console_search.knowledge_of(portion)
        with_members = [record.id for record in portion if record.members]
        unresolved = group_members.count_unresolved(with_members) if with_members else {}
        for record in portion:
            yield ResourceRow(record, record.content, knowledge[record.id], unresolved.get(record.id, 0))


def columns_of(resource_type: ResourceType) -> Sequence[Shown]:
    """Return the columns of a type's page; the first one links to the resource."""
    return _COLUMNS.get(resource_type.name) or (*_own_columns(resource_type), _CONFIRMED, _PROBLEMS, _CHANGED)


def exported_columns(resource_type: ResourceType) -> Sequence[Column[ResourceRow]]:
    """Return the columns of an export: the id, those of the page, and for groups the number of unresolved members."""
    return (_ID, *columns_of(resource_type), *([_UNRESOLVED] if resource_type.has_members else []))


def attributes_read(resource_type: ResourceType) -> tuple[str, ...]:
    """Return the names of the top attributes on which the rows and their columns depend."""
    return tuple(dict.fromkeys(("active", *(name for column in columns_of(resource_type) for name in column.reads))))


def _of_path(name: str, title: str, resource_type: ResourceType, path: str, order: str = "") -> Shown:
    """Return a column with the single value at a path."""
    way = resource_type.tree.find(path)
    if way is None:
        raise LookupError(path)
    keys = way[-1].keys
    return Shown(name, title, lambda line: value_at(line.document, keys), order=order, reads=(keys[0],))


def _own_columns(resource_type: ResourceType) -> Iterator[Shown]:
    """Yield the columns of a type's first single-valued attributes, with externalId last.

    Every type has externalId, and declares it first.
    """
    single = (a for a in resource_type.tree.core.values() if a.is_simple and a.traits.storage == "document")
    first, *more = [a for a in single if a.traits.returned in ("always", "default")]
    orders = console_search.orders_of(resource_type)
    for attribute in (*more, first)[:OTHER_COLUMNS]:
        path = attribute.path
        yield _of_path(path, attribute.name, resource_type, path, path if path in orders else "")


_ID = Column[ResourceRow]("id", "ID", lambda line: line.record.id)
_UNRESOLVED = Column[ResourceRow]("unresolved", "Unresolved", lambda line: line.unresolved)
_NAME = Shown("name", "Name", lambda line: line.name, order="displayName", reads=("displayName", "userName"))
_CONFIRMED = Shown("lastConfirmed", "Last seen", lambda line: line.knowledge.confirmed, "moment")
_PROBLEMS = Shown("problems", "Problems", lambda line: len(line.knowledge.problems), "problems")
_CHANGED = Shown("lastChange", "Last change", lambda line: line.record.last_modified, "moment", CHANGED)
_COLUMNS: Mapping[str, Sequence[Shown]] = {
    USER.name: (
        _NAME,
        _of_path("userName", "userName", USER, "userName", "userName"),
        Shown("state", "State", lambda line: line.state, "state", reads=("active",)),
        _of_path("department", "Department", USER, DEPARTMENT),
        Shown("source", "Source", lambda line: SOURCE, "word"),
        _CONFIRMED,
        _PROBLEMS,
        _CHANGED,
    ),
    GROUP.name: (
        _NAME,
        Shown("members", "Members", lambda line: line.record.members, "members"),
        _CONFIRMED,
        _PROBLEMS,
        _CHANGED,
    ),
}
