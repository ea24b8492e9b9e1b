"""This module declares what a search requests (RFC 7644 §3.4.2)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from app import bounds
from app.scim.attribute import Attribute
from app.scim.filter_match import matches
from app.scim.filter_tree import And, Compare, Node, Not, Or, ValuePath, comparisons, equalities
from app.scim.grammar import parse
from app.scim.resource_types import ResourceType
from app.scim.value_comparison import normalize_value


@dataclass(slots=True)  # frozen, it would take three times as long to create
class TypeSearch:
    """The search among the resources of one type.

    `where` None means all of them. `sort_by` leads to the attribute that determines the order; None: no value there.
    """

    resource_type: ResourceType
    where: Node | None = None
    sort_by: tuple[Attribute, ...] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The end of a page of a list: the sort key of its last resource (None: it has none), and its position."""

    key: str | int | float | None
    position: int


@dataclass(slots=True)  # frozen, it would take three times as long to create
class Search:
    """One page of a list. A type that is not in `sought` has nothing in the list.

    By index it begins with the `start_index`-th resource (1-based). If that is None, it is by cursor (RFC 9865) and
    begins after the place `after`, or at the list's beginning. `base` is the URL that `meta.location` begins with.
    """

    sought: tuple[TypeSearch, ...]
    is_descending: bool = False
    count: int = bounds.PAGE_SIZE
    start_index: int | None = 1
    after: Place | None = None
    base: str = ""

    def with_filter(self, where: Node) -> "Search":
        """Return the same search of one type with another filter."""
        [sought] = self.sought
        criterion = TypeSearch(sought.resource_type, where, sought.sort_by)
        return Search((criterion,), self.is_descending, self.count, self.start_index, self.after, self.base)

    @property
    def unindexed(self) -> tuple[tuple[str, str], ...]:
        """The resource types of which each resource is read, with a path that the search compares or sorts by.

        None where an equality on an indexed attribute selects the resources.
        """
        paths = [(one.resource_type.name, path) for one in self.sought for path in _unindexed_paths(one)]
        return tuple(dict.fromkeys(paths))


def _unindexed_paths(sought: TypeSearch) -> list[str]:
    paths = [] if sought.where is None else _unindexed(sought.where)
    if sought.sort_by and (paths or sought.where is None):
        paths = [*paths, sought.sort_by[-1].path]
    return paths


def _unindexed(node: Node) -> list[str]:
    """Return the compared paths of a filter that no index answers, as app/store/directory/filter_sql.py uses them."""
    match node:
        case And(left, right):
            sides = _unindexed(left), _unindexed(right)
            return [*sides[0], *sides[1]] if all(sides) else []
        case Or(left, right):
            return [*_unindexed(left), *_unindexed(right)]
        case Compare(path, "eq") if path[-1].traits.lookup or path[-1].path == "id":
            return []
        case ValuePath(attribute, where) if attribute.traits.storage == "membership":
            return [] if any(one.path[-1].name == "value" for one in equalities(where)) else [attribute.path]
        case ValuePath(_, where):
            return [] if any(one.path[-1].traits.lookup for one in equalities(where)) else _paths(node)
    return _paths(node)


def _paths(node: Node) -> list[str]:
    return [one.path[-1].path for one in comparisons(node)]


def read_filter(text: str, types: Sequence[ResourceType]) -> Iterator[tuple[ResourceType, Node | None]]:
    """Yield a filter for each resource type that can match it; None if all of a type's resources do.

    An attribute that only other types have is absent: every comparison with it is false (RFC 7644 §3.4.2.1). Raises
    invalidFilter, also for a name that no type knows.
    """
    if len(types) == 1:
        yield types[0], parse(text, types[0].tree)
        return
    for resource_type in types:
        others = [other.tree for other in types if other is not resource_type]
        known = frozenset(resource_type.tree.walk())
        node = _narrow(parse(text, resource_type.tree, others), resource_type.name, known)
        if node is not False:
            yield resource_type, None if node is True else node


def _narrow(node: Node, type_name: str, known: Collection[Attribute]) -> Node | bool:
    """Return what a filter is for the resources of a type that knows these attributes: a smaller one, true or false."""
    match node:
        case And(left, right) | Or(left, right):
            sides = _narrow(left, type_name, known), _narrow(right, type_name, known)
            decisive = isinstance(node, Or)
            if decisive in sides:
                return decisive
            rest = [side for side in sides if not isinstance(side, bool)]
            if len(rest) == 2:
                return type(node)(*rest)
            return rest[0] if rest else not decisive
        case Not(inner):
            narrowed = _narrow(inner, type_name, known)
            return not narrowed if isinstance(narrowed, bool) else Not(narrowed)
        case ValuePath(attribute, _):
            return node if attribute in known else False
        case Compare(path):
            if path[0] not in known:
                return False
            if path[-1].path != "meta.resourceType":
                return node
            return matches(node, {"meta": {"resourceType": normalize_value(path[-1], type_name)}})
