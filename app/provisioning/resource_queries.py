"""This module reads resources for a client: one by its id, or a page of a list (RFC 7644 §3.4).

See also: resource_operations.py (creates, changes and deletes them).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.provisioning import membership_values, unindexed_searches
from app.scim.disabling import LeftOut
from app.scim.projection import EVERYTHING, Selection
from app.scim.resource_types import ResourceType
from app.scim.search_request import Place, Search
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.database.remembered_reads import require_number
from app.store.directory import resource_reads, resource_rows, scim_lists
from app.store.directory.history_rows import Event
from app.store.directory.scim_lists import Page
from app.store.directory.stored_resource import Record


@dataclass(slots=True)  # frozen, it would take three times as long to create
class Resource:
    """A record and, if requested, the values that are stored as rows: a group's `members`, a user's `groups`.

    They are portions of JSON text, by the attribute's name (membership_values.py); `groups` returns them as objects.
    `event` is the change that an operation made; None if it only read, or changed nothing. `assigned_paths` are those
    to which a change assigned a value, `left_out` the values that it did not store.
    """

    type: ResourceType
    record: Record
    memberships: Mapping[str, Iterable[str]] = field(default_factory=dict)
    event: Event | None = None
    assigned_paths: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def groups(self) -> list[Mapping[str, Any]]:
        """The values of a user's `groups`; none if they were not requested."""
        return [group for portion in self.memberships.get("groups", ()) for group in json.loads(f"[{portion}]")]


@dataclass(slots=True)  # frozen, it would take three times as long to create
class SearchResult:
    """One page of a search, and the total number of matches. By cursor, `end` is where the next page begins, if any."""

    total: int
    resources: list[Resource]
    end: Place | None = None


def get(
    resource_type: ResourceType, resource_id: str, selection: Selection = EVERYTHING, generation: int | None = None
) -> Resource:
    """Return one resource (RFC 7644 §3.4.1); `generation` as in Author. Raises 404."""
    has_members = resource_type.has_members and _has_memberships(resource_type, selection)
    with directory_database.reading() if has_members else directory_database.reading_once() as connection:
        record = load(connection, resource_type, resource_id, selection, generation)
        return resources_of(connection, resource_type, [record], selection)[0]


def search(criteria: Search, selections: Mapping[str, Selection], generation: int | None = None) -> SearchResult:
    """Return a page of a list, in a stable order; disabled users are included.

    `selections`: the requested attributes of a resource, by the name of its type. `generation` as in Author. Raises
    invalidFilter, and UNAVAILABLE when too many searches without an index are in progress.
    """
    types = [sought.resource_type for sought in criteria.sought]
    has_memberships = [one for one in types if _has_memberships(one, selections[one.name])]
    if not any([one.has_members for one in has_memberships]):
        with directory_database.reading_once() as connection:
            if page := scim_lists.find_match(connection, criteria, has_groups=bool(has_memberships)):
                require_number(connection, generation)
                return _search_result(connection, page, types, selections)
    with unindexed_searches.limited(criteria), directory_database.reading() as connection:
        require_number(connection, generation)
        return _search_result(connection, scim_lists.find(connection, criteria), types, selections)


def _search_result(
    connection: Connection, page: Page, types: Sequence[ResourceType], selections: Mapping[str, Selection]
) -> SearchResult:
    if len(types) == 1:
        [resource_type] = types
        of_type = resources_of(connection, resource_type, page.records, selections[resource_type.name])
        return SearchResult(page.total, of_type, page.end)
    resources: list[Resource] = []
    for resource_type in types:
        records = [record for record in page.records if record.type == resource_type.name]
        resources += resources_of(connection, resource_type, records, selections[resource_type.name])
    by_id = {resource.record.id: resource for resource in resources}
    return SearchResult(page.total, [by_id[record.id] for record in page.records], page.end)


def load(
    connection: Connection, resource_type: ResourceType, resource_id: str, selection: Selection, generation: int | None
) -> Record:
    """Return a record, with a user's groups if the selection requests them; `generation` as in Author. Raises 404."""
    has_groups = not resource_type.has_members and _has_memberships(resource_type, selection)
    record = resource_reads.by_id(connection, resource_type.name, resource_id, has_groups=has_groups)
    require_number(connection, generation)
    if record is None:
        raise resource_rows.not_found(resource_type)
    return record


def resources_of(
    connection: Connection,
    resource_type: ResourceType,
    records: Sequence[Record],
    selection: Selection,
    event: Event | None = None,
) -> list[Resource]:
    """Return resources for records, with memberships if the selection requests them; others are not read."""
    memberships = memberships_of(connection, resource_type, records, selection)
    return [Resource(resource_type, one, values, event) for one, values in zip(records, memberships, strict=True)]


def memberships_of(
    connection: Connection, resource_type: ResourceType, records: Sequence[Record], selection: Selection
) -> list[Mapping[str, Iterable[str]]]:
    """Return the memberships of each record, as Resource has them."""
    membership = resource_type.membership
    if not records or membership is None:
        return [{}] * len(records)
    if not [one for one in records if one.groups is None]:  # they were requested, and read along
        return [{membership.name: (one.groups,) if one.groups else ()} for one in records]
    if not _has_memberships(resource_type, selection):
        return [{}] * len(records)
    values = membership_values.load(connection, resource_type, records)
    return [{membership.name: values[record.id]} for record in records]


def _has_memberships(resource_type: ResourceType, selection: Selection) -> bool:
    """Return whether a selection includes `members` or `groups`, whichever resources of the type have."""
    return resource_type.membership is not None and selection.includes(resource_type.membership)
