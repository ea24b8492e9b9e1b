"""This module declares the resource types and validates their documents (RFC 7643 §6)."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError

from app.scim import entra_quirks, quick_check, value_comparison, word_splitting
from app.scim.attribute import Attribute, AttributeTree, Characteristics, is_unassigned
from app.scim.data_types import Identifier, Reference, ResourceId
from app.scim.errors import Code, Mismatch, ScimError, shown
from app.scim.fields import NO_VALUE, Complex, ScimSchema, Values
from app.scim.recnice_mapping import MAPPING
from app.scim.schemas import EnterpriseUserSchema, GroupSchema, UserSchema

MISMATCHES_SHOWN = 3


@dataclass(frozen=True)
class ResourceType:
    """One kind of resource: its endpoint, its core schema and the extensions that it may have.

    `required_extensions` are the URNs of those that it must have.
    """

    name: str
    endpoint: str
    description: str
    schema: type[ScimSchema]
    extensions: tuple[type[ScimSchema], ...] = ()
    required_extensions: frozenset[str] = frozenset()

    def __hash__(self) -> int:  # that of all fields would be computed at each lookup of what is kept for a type
        return hash(self.name)

    @cached_property
    def tree(self) -> AttributeTree:
        """All valid attribute names in such a resource."""
        return AttributeTree(
            core_urn=self.schema.urn,
            core=attributes_of(self.schema),
            extensions={extension.urn.lower(): _container(extension) for extension in self.extensions},
        )

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """The top attributes in declared order: core first, then one complex attribute per extension."""
        return (*self.tree.core.values(), *self.tree.extensions.values())

    @cached_property
    def membership(self) -> Attribute | None:
        """The attribute whose values are memberships: a group's `members`, a user's `groups`."""
        return next((a for a in self.tree.core.values() if a.traits.storage == "membership"), None)

    @property
    def has_members(self) -> bool:
        """Whether clients can change its memberships, as those of a group."""
        return self.membership is not None and not self.membership.is_read_only

    @cached_property
    def identifying(self) -> Mapping[str, Attribute]:
        """The attributes that identify a resource, by path: the id, unique names, and the client's own identifier."""
        return {
            attribute.path: attribute
            for attribute in self.tree.core.values()
            if (attribute.traits.uniqueness != "none" or attribute.name == "externalId")
            and attribute.is_simple
            and len(attribute.keys) == 1
            and attribute.type == "string"
        }

    @cached_property
    def lookups(self) -> tuple[Attribute, ...]:
        """The attributes on which a client may match through an index."""
        return tuple(attribute for attribute in self.tree.walk() if attribute.traits.lookup)

    @cached_property
    def search_attributes(self) -> tuple[Attribute, ...]:
        """The attributes by whose words a search finds a resource."""
        return tuple(word_splitting.search_attributes(self.attributes))

    @cached_property
    def document_names(self) -> tuple[str, ...]:
        """The names of the attributes that are in a stored document, in declared order."""
        return tuple(a.name for a in self.attributes if a.traits.storage == "document" or a.name == "id")

    @cached_property
    def keeps_values(self) -> bool:
        """Whether a client cannot replace some stored value: an immutable one, or one that it cannot read."""
        return any(a.traits.mutability in ("immutable", "writeOnly") for a in self._stored)

    @cached_property
    def hides_values(self) -> bool:
        """Whether a stored document may have a value that is never returned."""
        return any(attribute.traits.returned == "never" for attribute in self._stored)

    def urns_of(self, values: Mapping[str, Any]) -> list[str]:
        """Return `schemas` of a document with these values: the core schema, and the extensions that have values."""
        return [self.schema.urn, *(extension.urn for extension in self.extensions if values.get(extension.urn))]

    @property
    def _stored(self) -> list[Attribute]:
        return [attribute for attribute in self.tree.walk() if attribute.traits.storage == "document"]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the declarations, the mapping, and the versions of normalization and of word splitting.

        These determine stored documents and the values derived from them.
        """
        declared = [
            (a.path, a.type, a.multi_valued, a.is_read_only, t.case_exact, t.uniqueness, t.storage, t.lookup)
            for a in self.tree.walk()
            if (t := a.traits)
        ]
        mapped = [row.path for row in MAPPING.get(self.name, ())]
        urns = [self.schema.urn, sorted(self.tree.extension_urns)]
        declarations = json.dumps([value_comparison.VERSION, word_splitting.VERSION, *urns, declared, mapped])
        return hashlib.sha256(declarations.encode()).hexdigest()

    @cached_property
    def _loaders(self) -> tuple[ScimSchema, Mapping[str, ScimSchema]]:
        return self.schema(), {extension.urn.lower(): extension() for extension in self.extensions}

    @cached_property
    def _accept(self) -> quick_check.Accept:
        return quick_check.acceptor(self.schema, self.extensions, self.required_extensions)

    def load_sent(self, document: object) -> dict[str, Any]:
        """Return the document of a POST or PUT as `load` does, after Entra's quirks in it are corrected."""
        return self._accept(document) or self.load(entra_quirks.correct_document(self.tree, document))

    def load(self, document: object, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return a client's document as it is stored: known names in declared case and order, valid assigned values.

        `schemas` is derived: the core schema and the extensions that have values; the client's own only has to be a
        list of texts. `id` and `meta` are left out, since the client cannot set them (RFC 7644 §3.3). Attributes stored
        elsewhere (`members`) are in the result under their names. A required attribute that was already missing in
        `before` may be missing again: a later requirement of a schema must not keep a leaver active.

        Raises invalidValue that names every wrong attribute.
        """
        if accepted := self._accept(document):
            return accepted
        if not isinstance(document, dict):
            raise ScimError(Code.INVALID_SYNTAX, "body", "an object", shown(document))
        core, extensions = self._loaders
        loaded = self._check(core, document, "", before)
        loaded["schemas"] = [self.schema.urn]
        for urn, extension in extensions.items():
            part, *more = [value for name, value in document.items() if name.lower() == urn] or [None]
            if more:
                raise ScimError(Code.INVALID_VALUE, extension.urn, "once", "twice in different letter case")
            part = {} if is_unassigned(part) else part
            if not isinstance(part, dict):
                raise ScimError(Code.INVALID_VALUE, extension.urn, "an object", shown(part))
            part_before = None if before is None else before.get(extension.urn, {})
            is_demanded = extension.urn in self.required_extensions and (before is None or part_before)
            if not part and not is_demanded:
                continue
            if values := self._check(extension, part, extension.urn + ":", part_before or None):
                loaded[extension.urn] = values
                loaded["schemas"].append(extension.urn)
            elif is_demanded:
                raise ScimError(Code.MISSING_VALUE, extension.urn, "a value", "none")
        return {a.name: loaded[a.name] for a in self.attributes if a.name in loaded and a.traits.storage != "nowhere"}

    def load_changed(self, document: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `load` returns for a changed document that is stored as `before`, with its id.

        Only attributes that are not the same object as before are checked
        (docs/decisions/0057-a-patch-checks-what-it-changes.md).
        """
        changed = [one for one in self.attributes if document.get(one.name) is not before.get(one.name)]
        try:
            values = {one.name: self._load_value(one, document.get(one.name), before.get(one.name)) for one in changed}
        except ValidationError:
            return self.load(document, before)
        loaded = {**before, **values}
        if None not in values.values() and values.keys() <= before.keys():
            return loaded
        loaded["schemas"] = self.urns_of(loaded)
        return {one.name: loaded[one.name] for one in self.attributes if loaded.get(one.name) is not None}

    def _load_value(self, attribute: Attribute, value: Any, before: Any, *, is_new: bool = False) -> Any:
        """Return a value as it is stored, None for none.

        Raises ValidationError, also where one is required that was there before, or in a new extension (`is_new`).
        """
        if attribute.is_extension:
            new, old = value or {}, before or {}
            parts = attribute.sub_attributes.values() if new else ()
            values = {
                one.name: self._load_value(one, new.get(one.name), old.get(one.name), is_new=not old) for one in parts
            }
            value = {name: part for name, part in values.items() if part is not None}
        elif value is not None and value is not before:
            value = attribute.check(value)
        if not is_unassigned(value):
            return value if attribute.traits.storage != "nowhere" else None
        is_required = attribute.required or attribute.name in self.required_extensions
        if is_required and (is_new or not is_unassigned(before)):
            raise ValidationError([NO_VALUE])
        return None

    @staticmethod
    def _check(
        schema: ScimSchema, values: dict[str, Any], prefix: str, before: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        # By the names of marshmallow's fields, which differ from those of attributes in a schema of a file.
        required = ((name, field.data_key or name) for name, field in schema.load_fields.items() if field.required)
        missing = () if before is None else [name for name, attribute in required if attribute not in before]
        try:
            loaded: dict[str, Any] = schema.load(values, partial=missing)
        except ValidationError as error:
            raise invalid(error, prefix) from None
        return _without_empty(loaded)


def attributes_of(schema: type[ScimSchema], parent: Attribute | None = None) -> Mapping[str, Attribute]:
    """Return the attributes that a schema declares, by lower-case name, in declared order.

    With a parent they are its sub-attributes; an extension's attributes have the extension as parent.
    """
    attributes: dict[str, Attribute] = {}
    for declared_name, declared in schema().fields.items():
        name = declared.data_key or declared_name
        traits: Characteristics = declared.metadata["scim"]
        joint = ":" if parent and parent.is_extension else "."
        if parent and not parent.is_extension:
            traits = replace(traits, storage=parent.traits.storage)
        each: Any = declared.inner if isinstance(declared, Values) else declared
        node = Attribute(
            name=name,
            path=f"{parent.path}{joint}{name}" if parent else name,
            keys=(*parent.keys, name) if parent else (name,),
            type=declared.scim_type,  # type: ignore[attr-defined]
            multi_valued=isinstance(declared, Values) or (isinstance(declared, Complex) and bool(declared.many)),
            required=declared.required,
            traits=traits,
            check=quick_check.quick_check(declared),
            is_identifying=isinstance(each, Identifier),
            is_reference=traits.mutability != "readOnly" and isinstance(each, ResourceId | Reference),
        )
        if isinstance(declared, Complex):
            node = replace(node, sub_attributes=attributes_of(declared.parts, node))
        else:
            node = replace(node, spelled=each.spelled)
        attributes[name.lower()] = node
    return MappingProxyType(attributes)


def is_active(document: Mapping[str, Any] | None) -> bool:
    """Return whether a user counts as active: one who was never disabled does."""
    return document is not None and document.get("active") is not False


def name_of(document: Mapping[str, Any]) -> str:
    """Return the display name of a resource: its displayName, else its userName, else its id."""
    return str(document.get("displayName") or document.get("userName") or document["id"])


def _container(extension: type[ScimSchema]) -> Attribute:
    """Return an extension as the complex attribute that it is in a document (RFC 7643 §3.3)."""
    traits = Characteristics(description=extension.schema_description, case_exact=True)
    bare = Attribute(extension.urn, extension.urn, (extension.urn,), "complex", False, False, traits)
    return replace(bare, sub_attributes=attributes_of(extension, bare))


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values without complex ones that lost all their parts: unassigned as well (RFC 7643 §2.5)."""
    return {name: value for name, value in values.items() if not is_unassigned(value)}


def checked(attribute: Attribute, value: Any) -> Any:
    """Return a received value of one attribute as it is stored. Raises invalidValue."""
    try:
        return attribute.check(value)
    except ValidationError as error:
        raise invalid(error, attribute.path) from None


def invalid(error: ValidationError, prefix: str = "") -> ScimError:
    """Return marshmallow's errors as invalidValue: `emails[0].value: expected text, got a number`."""
    first, *others = sorted(_mismatches(error.messages, prefix), key=str)
    shown_others = others[: MISMATCHES_SHOWN - 1]
    return ScimError(*first, others=shown_others, more=len(others) - len(shown_others))


def _mismatches(messages: Any, path: str) -> Iterator[Mismatch]:
    """Yield the errors that fields raised as marshmallow's messages (`wrong_value`), each with its whole path."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            if isinstance(key, int):
                here = f"{path}[{key}]"
            elif key == "_schema":
                here = path
            else:
                here = f"{path}.{key}" if path and not path.endswith(":") else f"{path}{key}"
            yield from _mismatches(inner, here)
    else:
        yield from (mismatch._replace(attribute=path or "body") for mismatch in messages)


USER = ResourceType("User", "/Users", "People, as Entra provisions them", UserSchema, (EnterpriseUserSchema,))
GROUP = ResourceType("Group", "/Groups", "Groups of people, as Entra provisions them", GroupSchema)
RESOURCE_TYPES = (USER, GROUP)
