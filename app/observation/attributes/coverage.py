"""This module reports for each attribute of the mapping what it receives and how many users have it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from app import bounds, clock
from app.observation.attributes.attribute_arrivals import CREATE, NO_VALUE, REMOVE
from app.observation.attributes.value_shapes import EMPTY_SHAPES
from app.scim import custom_schemas
from app.scim.attribute import Attribute
from app.scim.errors import ScimError
from app.scim.recnice_mapping import MAPPING, MappedAttribute
from app.scim.resource_types import ResourceType
from app.store.database import directory_database
from app.store.directory import attribute_coverage, resource_counts, strict_attribute_rows
from app.store.directory.strict_attribute_rows import Strict
from app.store.request_log import attribute_arrival_rows, log_database
from app.store.request_log.attribute_arrival_rows import UNINDEXED, UNKNOWN, ArrivalCount


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRow:
    """One row of the attribute table; `filled` of `total` resources of the type have a value.

    `strict` is None where the attribute is not strict. `is_required`: a schema requires it in any case.
    `has_arrivals`: the log saw resources of the type being created, so a missing arrival means something.
    """

    resource_type: str
    mapped: MappedAttribute
    is_required: bool
    strict: Strict | None
    filled: int
    total: int
    arrivals: Sequence[ArrivalCount]
    has_arrivals: bool

    @property
    def path(self) -> str:
        return self.mapped.path

    @property
    def may_be_strict(self) -> bool:
        """Whether it is a mapped text that no schema requires; absent `active` and `members` have a meaning."""
        return not self.is_required and self.mapped.type == "String"

    @property
    def lacking(self) -> int:
        """The number of resources without a value."""
        return max(0, self.total - self.filled)

    @property
    def percent(self) -> int | None:
        """The share of resources with a value, rounded down so that 100 means all; None without resources."""
        return 100 * self.filled // self.total if self.total else None

    @property
    def value_arrivals(self) -> Sequence[ArrivalCount]:
        """The arrivals of a value, newest first."""
        values = (one for one in self.arrivals if one.way != REMOVE and one.shape not in (NO_VALUE, *EMPTY_SHAPES))
        return sorted(values, key=lambda one: one.last, reverse=True)

    @property
    def count(self) -> int:
        """The number of requests that brought a value."""
        return sum(one.count for one in self.value_arrivals)

    @property
    def first(self) -> str:
        """The time of the first value in wire form, or ""."""
        return min((one.first for one in self.value_arrivals), default="")

    @property
    def last(self) -> str:
        """The time of the last value in wire form, or ""."""
        return max((one.last for one in self.value_arrivals), default="")

    @property
    def shape(self) -> str:
        """The shape of the last value, or ""."""
        return self.value_arrivals[0].shape if self.value_arrivals else ""


@dataclass(frozen=True, slots=True)
class UnindexedSearch:
    """An attribute by which searches read each resource of the type. `is_custom`: a schema file declares it."""

    searches: ArrivalCount
    attribute: Attribute
    is_custom: bool

    @property
    def advice(self) -> str:
        """The way to make it a lookup, or why there is none."""
        if self.attribute.traits.lookup:
            return "Has an index, which answers only “eq”."
        if self.attribute.traits.storage == "membership":
            return "Has an index for “value eq”. Other searches read each resource."
        if self.is_custom and self.attribute.type != "complex":
            return "Set “lookup” to true in its schema file, and restart."
        return "Has no index, and cannot get one. Let the client match on an attribute with an index."


@dataclass(frozen=True, slots=True)
class Coverage:
    """The rows by resource type name, and the arrivals of names that are unknown here, last seen first.

    `unindexed` are the searches of the last `bounds.UNINDEXED_DAYS` that no index answered.
    """

    rows: Mapping[str, Sequence[MappedRow]]
    unknown: Sequence[ArrivalCount]
    unindexed: Sequence[UnindexedSearch]

    def row(self, type_name: str, path: str) -> MappedRow | None:
        return next((row for row in self.rows.get(type_name, ()) if row.path == path), None)


def read(types: Iterable[ResourceType]) -> Coverage:
    """Return the current coverage. `types` are the application's own: what a schema file declares is not unknown."""
    by_name = {one.name: one for one in types}
    known = {name: one for name, one in by_name.items() if name in MAPPING}
    seen: list[ArrivalCount] = []
    with suppress(ScimError), log_database.reading() as connection:  # without the log, no arrivals are reported
        seen = list(attribute_arrival_rows.list_all(connection))
    with directory_database.reading() as connection:
        counts = resource_counts.count_all(connection)
        filled, strict = attribute_coverage.filled(connection), strict_attribute_rows.all_strict(connection)
    of_path: dict[tuple[str, str], list[ArrivalCount]] = defaultdict(list)
    for one in seen:
        if one.way not in (UNKNOWN, UNINDEXED):
            of_path[one.resource_type, one.attribute].append(one)
    created = {one.resource_type for one in seen if one.way == CREATE}
    rows = {
        name: [
            MappedRow(
                resource_type=name,
                mapped=mapped,
                is_required=_is_required(resource_type, mapped.path),
                strict=strict.get((name, mapped.path)),
                filled=filled.get((name, mapped.path), 0),
                total=counts[name].total,
                arrivals=of_path[name, mapped.path],
                has_arrivals=name in created,
            )
            for mapped in MAPPING[name]
        ]
        for name, resource_type in known.items()
    }
    newest_first = sorted(seen, key=lambda one: one.last, reverse=True)
    unknown = [
        one
        for one in newest_first
        if one.way == UNKNOWN and one.resource_type in known and not known[one.resource_type].tree.find(one.attribute)
    ]
    since = clock.to_wire(clock.utc_now() - timedelta(days=bounds.UNINDEXED_DAYS))
    unindexed = [
        UnindexedSearch(one, way[-1], custom_schemas.is_custom(by_name[one.resource_type], way[-1]))
        for one in newest_first
        if one.way == UNINDEXED and one.last >= since and one.resource_type in by_name
        if (way := by_name[one.resource_type].tree.find(one.attribute))
    ]
    return Coverage(rows, unknown, unindexed)


def _is_required(resource_type: ResourceType, path: str) -> bool:
    way = resource_type.tree.find(path)
    return way is not None and way[-1].required
