"""This module declares what an attribute is and indexes all attribute names of a resource type.

RFC 7643 §2 (data types, characteristics) and §7 (how they are published).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

OF_SERVER = ("schemas", "id")
"""The attributes of a stored document that this server sets; the client determines the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristics:
    """The characteristics of RFC 7643 §2.2 and §7 under their own names, and three that this server adds.

    `storage` says where values are stored: "document" (the resource's own document), "row" (columns of its row: id and
    meta), "membership" (separate rows: members, groups) or "nowhere" (accepted, checked, discarded: password). Parts of
    a complex value are stored where it is. `lookup` attributes have an index, so that a client may match on them. If
    `is_clearable` is false, a value stays until a client sends another one: null, empty text, remove and a PUT without
    it change nothing.
    """

    description: str
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    case_exact: bool = False
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    storage: str = "document"
    lookup: bool = False
    is_clearable: bool = True


_AFTER_ROOT = (".", "/", "#", ":")


def is_unassigned(value: object, *, is_simple: bool = False) -> bool:
    """Return whether a value means "no value": RFC 7643 §2.5, and the empty text with which Entra clears a value.

    For an attribute with one simple value, an empty list or object is a wrong type, not an absent value.
    """
    return not value and (value is None or value == "" or (not is_simple and value in ([], {})))


def single_value(value: Any) -> Any:
    """Return the only value of a list with one value, any other value unchanged."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def simple_value(value: Any) -> Any:
    """Return the `value` of an object that has one, any other value unchanged."""
    if not isinstance(value, dict):
        return value
    return next((part for name, part in value.items() if name.strip().lower() == "value"), value)


def by_name(document: Mapping[str, Any]) -> defaultdict[str, list[Any]]:
    """Return the values of an object by their names in lower case."""
    values: defaultdict[str, list[Any]] = defaultdict(list)
    for name, value in document.items():
        values[name.lower()].append(value)
    return values


def is_within(path: str, whole: str) -> bool:
    """Return whether a path leads to an attribute, an extension or a filtered value, or into it."""
    return path == whole or path.startswith((f"{whole}.", f"{whole}[", f"{whole}:"))


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Attribute:
    """One attribute as all code but validation uses it.

    `path` is what a client writes (`name.givenName`, `urn:…:User:department`). `keys` lead from the document's root to
    the value. `check` returns a received value as it is stored, or raises marshmallow's ValidationError. `spelled`
    converts one simple value in another spelling to the declared type (data_types.py). `is_identifying`: the value is
    never guessed. `is_reference`: it refers to another resource by its id or its URL. An extension is an Attribute too:
    a complex one named by its URN.
    """

    name: str
    path: str
    keys: tuple[str, ...]
    type: str
    multi_valued: bool
    required: bool
    traits: Characteristics
    sub_attributes: Mapping[str, "Attribute"] = field(default_factory=dict, compare=False, repr=False)
    check: Callable[[Any], Any] = field(default=_as_it_is, compare=False, repr=False)
    spelled: Callable[[Any], Any] = field(default=_as_it_is, compare=False, repr=False)
    is_identifying: bool = field(default=False, compare=False, repr=False)
    is_reference: bool = field(default=False, compare=False, repr=False)

    @cached_property
    def value_attribute(self) -> "Attribute | None":
        """The sub-attribute that represents a complex value where only one value is meant (RFC 7643 §2.4: `value`)."""
        return self.sub_attributes.get("value")

    @cached_property
    def is_simple(self) -> bool:
        return self.type != "complex" and not self.multi_valued

    @cached_property
    def is_extension(self) -> bool:
        """Whether the attribute is a whole extension, named by its URN (RFC 7643 §3.3)."""
        return self.name.startswith("urn:")

    @cached_property
    def is_read_only(self) -> bool:
        return self.traits.mutability == "readOnly"

    @cached_property
    def has_hidden_values(self) -> bool:
        """Whether it or a part of it is never returned (RFC 7643 §7)."""
        return any(one.traits.returned == "never" for one in self.walk())

    def says_false(self, value: Any) -> bool:
        """Return whether a received value of a boolean is false, in any accepted spelling and shape."""
        return self.spelled(simple_value(single_value(value))) is False

    def decisive(self, values: Iterable[Any]) -> Any:
        """Return the decisive value of those that one object has for an attribute that cannot be cleared.

        It is false if any of them is false, so that a user who should be disabled is disabled. Otherwise it is the
        first assigned value.
        """
        return min(values, key=lambda value: (not self.says_false(value), is_unassigned(value, is_simple=True)))

    def assigned_paths(self, value: Any) -> list[str]:
        """Return the paths to which a received value assigns something: those of its parts if it is one object."""
        if is_unassigned(value):
            return []
        if self.type != "complex" or self.multi_valued or not isinstance(value, dict):
            return [self.path]
        parts = ((self.sub_attributes.get(name.lower()), part) for name, part in value.items())
        return [path for attribute, part in parts if attribute for path in attribute.assigned_paths(part)]

    def walk(self) -> Iterator["Attribute"]:
        """Yield this attribute and its parts, depth first."""
        yield self
        for part in self.sub_attributes.values():
            yield from part.walk()


@dataclass(frozen=True, eq=False)
class AttributeTree:
    """All valid attribute names in a resource of one type: core attributes, and extensions by their URN.

    Keys are lower case; a core attribute's name may have `core_urn` as its prefix. A tree equals only itself, so that
    it can be the key of what is cached.
    """

    core_urn: str
    core: Mapping[str, Attribute]
    extensions: Mapping[str, Attribute]

    @property
    def extension_urns(self) -> frozenset[str]:
        """The URNs of the extensions as a document writes them."""
        return frozenset(extension.name for extension in self.extensions.values())

    def find(self, path: str) -> tuple[Attribute, ...] | None:
        """Return the attributes along a path (`name.givenName` -> (name, givenName)), or None for an unknown name.

        A path is `attribute` or `attribute.part`, either with a URN as its prefix, or only an extension's URN. Matching
        is case-insensitive. Surrounding blanks are ignored, so that a client with `"active "` in its mapping disables
        users; so is a prefix that names the whole resource (`$.active`). The dot of `2.0` in a URN is not a separator
        (RFC 7644 §3.10). `active.value` is `active`, as `{"value": …}` is. Entra: `manager` without its URN is the
        extension's.
        """
        lower = path.strip().lower()
        if extension := self.extensions.get(lower):
            return (extension,)
        if ":" in lower:
            scopes = {self._lower_core_urn: self.core}
            scopes |= {urn: extension.sub_attributes for urn, extension in self.extensions.items()}
            if named := [urn for urn in scopes if lower.startswith(urn + ":")]:
                urn = max(named, key=len)  # one URN may be the prefix of another
                return _find_in(scopes[urn], lower[len(urn) + 1 :])
        scopes_of_names = (self.core, *(extension.sub_attributes for extension in self.extensions.values()))
        ways = (_find_in(scope, lower) for scope in scopes_of_names)
        return next((way for way in ways if way), None) or _find_in(self.core, self._below_root(lower))

    def _below_root(self, lower: str) -> str:
        """Return what follows the resource's name: `User.active`, `$.active`, `/active`, `urn:…:User#active`."""
        urn = self._lower_core_urn
        roots = (root for root in (urn, urn.rpartition(":")[2], "$", "") if lower.startswith(root))
        names = (lower[len(root) :] for root in roots)
        return next((name[1:] for name in names if name.startswith(_AFTER_ROOT)), "")

    def is_whole(self, path: str) -> bool:
        """Return whether a path is the core schema's URN: its value is for the whole resource, as without a path."""
        return path.strip().lower() == self._lower_core_urn

    @cached_property
    def _lower_core_urn(self) -> str:
        return self.core_urn.lower()

    def named(self, value: Any, *, is_below: bool = False) -> Iterator[tuple[str, Any, bool]]:
        """Yield the names in a value for the whole resource: each with its own value, and `is_below`.

        The value is one object or a list of objects. A name below the core schema's URN counts as if it were at the top
        level.
        """
        for one in value if isinstance(value, list) else (value,):
            for name, inner in one.items() if isinstance(one, dict) else ():
                if self.is_whole(name):
                    yield from self.named(inner, is_below=True)
                else:
                    yield name, inner, is_below

    def placed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document with each value in the place of its attribute, found by name as in a PATCH without a path.

        Other clients: `"department": "R"`, `"urn:…:User:department": "R"`, `"name.givenName": "Ada"`, and core
        attributes below the core schema's URN. An assigned value in its own place wins over one that is elsewhere; for
        `active`, any false wins. Unknown names stay, and so do parts of multi-valued attributes.
        """
        own: dict[str, Any] = {}
        elsewhere: dict[tuple[str, ...], Any] = {}
        lasting: defaultdict[Attribute, list[Any]] = defaultdict(list)
        for name, value, is_below in sorted(self.named(document), key=itemgetter(2)):
            is_in_place = not is_below and (name.lower() in self.core or name.lower() in self.extensions)
            way = self.find(name)
            if way and not way[0].traits.is_clearable:
                lasting[way[0]].append(value)
            elif is_in_place or way is None or any(one.multi_valued for one in way[:-1]):
                own.setdefault(name, value)
            elif not is_unassigned(value, is_simple=way[-1].is_simple):
                elsewhere.setdefault(way[-1].keys, value)
        own |= {attribute.name: attribute.decisive(values) for attribute, values in lasting.items()}
        return _with_values(own, elsewhere) if elsewhere else own

    def walk(self) -> Iterator[Attribute]:
        """Yield every attribute and sub-attribute, core first."""
        for top in (*self.core.values(), *self.extensions.values()):
            yield from top.walk()


def _with_values(document: dict[str, Any], values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Return a document with values added, by their keys, where it has none; each level is read once."""
    names = {name.lower(): name for name in document}
    inner: dict[str, dict[tuple[str, ...], Any]] = {}
    for (key, *rest), value in values.items():
        name = names.setdefault(key.lower(), key)
        if rest:
            inner.setdefault(name, {})[tuple(rest)] = value
        elif is_unassigned(document.get(name)):
            document[name] = value
    for name, parts in inner.items():
        whole = {} if is_unassigned(document.get(name)) else document[name]
        if isinstance(whole, dict):
            document[name] = _with_values(dict(whole), parts)
    return document


def _find_in(scope: Mapping[str, Attribute], names: str) -> tuple[Attribute, ...] | None:
    """Return the attributes along `attribute` or `attribute.part`, in lower case, within one schema."""
    name, dot, part = names.partition(".")
    attribute = scope.get(name)
    if attribute is None or not dot:
        return (attribute,) if attribute else None
    if attribute.is_simple and part == "value":
        return (attribute,)
    sub_attribute = attribute.sub_attributes.get(part)
    return (attribute, sub_attribute) if sub_attribute else None
