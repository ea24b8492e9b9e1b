"""This module derives from a document all that is stored in addition to it to find and count the resource.

See also: app/store/directory/resource_rows.py (writes it), app/store/integrity_check.py (compares what is stored).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.scim import recnice_mapping, resource_types
from app.scim.attribute import Attribute
from app.scim.projection import compact
from app.scim.resource_types import ResourceType
from app.scim.value_comparison import lookup_text, normalize_value, values_at
from app.scim.word_splitting import cut

LookupValue = tuple[str, str, bool]
"""The path of an attribute, a normalized value as text, and whether the value must be unique."""


@dataclass(frozen=True)
class DerivedValues:
    """The values derived from a stored document. Each value is computed once, when it is first read.

    The document must not be changed. An empty one represents a resource that does not exist: nothing is derived from
    it.
    """

    resource_type: ResourceType
    document: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The JSON text that is stored and sent."""
        return compact(self.document)

    @cached_property
    def lookups(self) -> frozenset[LookupValue]:
        """The values that have an index."""
        return self._lookups_of(self.resource_type.lookups)

    def lookup_changes(self, before: "DerivedValues") -> tuple[frozenset[LookupValue], frozenset[LookupValue]]:
        """Return the lookups of an earlier document that are gone, and the new ones, from attributes that differ."""
        earlier, document = before.document, self.document
        differing = [one for one in self.resource_type.lookups if earlier.get(one.keys[0]) != document.get(one.keys[0])]
        old, new = before._lookups_of(differing), self._lookups_of(differing)
        return old - new, new - old

    def _lookups_of(self, attributes: Iterable[Attribute]) -> frozenset[LookupValue]:
        return frozenset(
            (one.path, lookup_text(normalize_value(one, value)), one.traits.uniqueness != "none")
            for one in attributes
            for value in values_at(self.document, one.keys)
        )

    @cached_property
    def word_text(self) -> str:
        """The texts by whose words a search finds the resource, one per line."""
        texts = (text for one in self.resource_type.search_attributes for text in values_at(self.document, one.keys))
        return "\n".join(map(str, texts))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(cut(self.word_text))

    @cached_property
    def filled_paths(self) -> frozenset[str]:
        """The mapped paths that have a value."""
        return recnice_mapping.filled_paths(self.resource_type.name, self.document)

    def filled_mask(self, members: int) -> int:
        """Return the same as a number (`recnice_mapping.filled_mask`), for a resource with so many members."""
        return recnice_mapping.filled_mask(self.resource_type.name, self.document, members > 0)

    def changed_mask(self, before: "DerivedValues", mask: int) -> int:
        """Return the same from the mask of an earlier document, for a resource whose members do not change."""
        return recnice_mapping.changed_mask(self.resource_type.name, before.document, self.document, mask)

    @property
    def name(self) -> str:
        return resource_types.name_of(self.document)

    @property
    def is_active(self) -> bool:
        return resource_types.is_active(self.document or None)
