"""This module reports for each attribute of the mapping what it receives and how many users have it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.observation.attributes.attribute_arrivals import CREATE, NO_VALUE, REMOVE
from app.observation.attributes.value_shapes import EMPTY_SHAPES
from app.scim.errors import ScimError
from app.scim.recnice_mapping import MAPPING, MappedAttribute
from app.scim.resource_types import ResourceType
from app.store.database import directory_database
from app.store.directory import attribute_coverage, resource_counts, strict_attribute_rows
from app.store.directory.strict_attribute_rows import Strict
from app.store.request_log import attribute_arrival_rows, log_database
from app.store.request_log.attribute_arrival_rows import UNKNOWN, ArrivalCount


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
class Coverage:
    """The rows by resource type name, and the arrivals of names that are unknown here, last seen first."""

    rows: Mapping[str, Sequence[MappedRow]]
    unknown: Sequence[ArrivalCount]

    def row(self, type_name: str, path: str) -> MappedRow | None:
        return next((row for row in self.rows.get(type_name, ()) if row.path == path), None)


def read(types: Iterable[ResourceType]) -> Coverage:
    """Return the current coverage. `types` are the application's own: what a schema file declares is not unknown."""
    known = {one.name: one for one in types if one.name in MAPPING}
    seen: list[ArrivalCount] = []
    with suppress(ScimError), log_database.reading() as connection:  # without the log, no arrivals are reported
        seen = list(attribute_arrival_rows.list_all(connection))
    with directory_database.reading() as connection:
        counts = resource_counts.count_all(connection)
        filled, strict = attribute_coverage.filled(connection), strict_attribute_rows.all_strict(connection)
    of_path: dict[tuple[str, str], list[ArrivalCount]] = defaultdict(list)
    for one in seen:
        if one.way != UNKNOWN:
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
    unknown = [
        one
        for one in seen
        if one.way == UNKNOWN and one.resource_type in known and not known[one.resource_type].tree.find(one.attribute)
    ]
    return Coverage(rows, sorted(unknown, key=lambda one: one.last, reverse=True))


def _is_required(resource_type: ResourceType, path: str) -> bool:
    way = resource_type.tree.find(path)
    return way is not None and way[-1].required
