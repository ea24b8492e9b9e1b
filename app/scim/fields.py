"""Fields: SCIM's data types as marshmallow fields, and the one way to declare an attribute.

A schema declares an attribute once with `attribute(...)`; `attributes_of` reads the declarations back as `Attribute`s.
Not here: which attributes exist (schemas.py) and what their values mean in a comparison (match.py).
RFC 7643 §2.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load

from app import bounds
from app.scim.attribute import Attribute, Characteristics, is_unassigned
from app.scim.errors import shown

# Controls but tab and line ends are no text for people, SQLite cuts text at NUL, lone surrogates are no text at all.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# Line ends and overrides of the writing direction let one name pass for another.
_FORBIDDEN_IN_NAMES = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

FieldT = TypeVar("FieldT", bound=fields.Field[Any])


def attribute(
    kind: type[FieldT],
    description: str,
    *args: Any,
    required: bool = False,
    many: bool = False,
    name: str | None = None,
    max_length: int | None = None,
    **characteristics: Any,
) -> FieldT:
    """One SCIM attribute: a marshmallow field that knows its characteristics.

    `kind` is one of the field classes below and gives the data type; `args` are its own (a Complex takes the schema of
    its parts). `name` is needed only where the wire name is no Python name (`$ref`).
    """
    traits = Characteristics(description=description, **({"case_exact": kind.case_exact} | characteristics))  # type: ignore[attr-defined]
    options: dict[str, Any] = {"metadata": {"scim": traits}, "required": required}
    options["dump_only"] = traits.mutability == "readOnly"
    if name is not None:
        options |= {"data_key": name, "attribute": name}
    if many:
        options["many"] = True
    if max_length is not None:
        options["max_length"] = max_length
    options["error_messages"] = {"required": "expected a value, got none"}
    return kind(*args, **options)


class Text(fields.Field[str]):
    """`string` (RFC 7643 §2.3.1): text as it was sent, never trimmed or changed."""

    scim_type: ClassVar[str] = "string"
    case_exact: ClassVar[bool] = False
    forbidden: ClassVar[re.Pattern[str]] = _FORBIDDEN

    def __init__(self, *, max_length: int = bounds.TEXT_LENGTH, **options: Any) -> None:
        super().__init__(**options)
        self.max_length = max_length

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(f"expected text, got {shown(value)}")
        if len(value) > self.max_length:
            raise ValidationError(f"expected at most {self.max_length} characters, got {len(value)}")
        if found := self.forbidden.search(value):
            raise ValidationError(f"expected text without control characters, got U+{ord(found.group()):04X}")
        return value


class Name(Text):
    """A `string` that people and machines recognise somebody by: not blank, one line, no hidden direction changes."""

    forbidden: ClassVar[re.Pattern[str]] = _FORBIDDEN_IN_NAMES

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.strip():
            raise ValidationError("expected a name, got only white space")
        return text


class Reference(Text):
    """`reference` (RFC 7643 §2.3.7). Its form is not checked: Entra's validator sends free text for profileUrl."""

    scim_type: ClassVar[str] = "reference"
    case_exact: ClassVar[bool] = True

    def __init__(self, *, max_length: int = bounds.REFERENCE_LENGTH, **options: Any) -> None:
        super().__init__(max_length=max_length, **options)


class Binary(Text):
    """`binary` (RFC 7643 §2.3.6): base64 text, kept as it was sent."""

    scim_type: ClassVar[str] = "binary"
    case_exact: ClassVar[bool] = True

    def __init__(self, *, max_length: int = bounds.BINARY_LENGTH, **options: Any) -> None:
        super().__init__(max_length=max_length, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            base64.b64decode(text.translate(_URL_SAFE), validate=True)
        except (binascii.Error, ValueError):
            raise ValidationError(f"expected base64 text, got {shown(value)}") from None
        return text


_URL_SAFE = str.maketrans("-_", "+/", "\r\n \t")


class Instant(Text):
    """`dateTime` (RFC 7643 §2.3.5). Only `meta` has such values so far, and they are ours: nothing is loaded."""

    scim_type: ClassVar[str] = "dateTime"


class Flag(fields.Field[bool]):
    """`boolean` (RFC 7643 §2.3.2), and the text that Entra sends for it.

    Entra: `{"op": "Replace", "path": "active", "value": "False"}` is a disable, in any letter case. A text that is
    neither is refused, since a guess could leave a leaver active.
    """

    scim_type: ClassVar[str] = "boolean"
    case_exact: ClassVar[bool] = False
    words: ClassVar[Mapping[str, bool]] = MappingProxyType({"true": True, "false": False})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in self.words:
            return self.words[value.lower()]
        raise ValidationError(f"expected true or false, got {shown(value)}")


class Strings(fields.List[str]):
    """A multi-valued `reference` without sub-attributes; `schemas` is the only one (RFC 7643 §3)."""

    scim_type: ClassVar[str] = "reference"
    case_exact: ClassVar[bool] = True

    def __init__(self, **options: Any) -> None:
        options.pop("many")
        options["error_messages"] |= {"invalid": "expected a list"}
        super().__init__(Reference(error_messages={"null": "expected text, got null"}), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > bounds.VALUES_PER_ATTRIBUTE:
            raise ValidationError(f"expected at most {bounds.VALUES_PER_ATTRIBUTE} values, got {len(value)}")
        return super()._deserialize(value, attr, data, **kwargs)


class Complex(fields.Nested):
    """`complex` (RFC 7643 §2.3.8), single or multi-valued (§2.4)."""

    scim_type: ClassVar[str] = "complex"
    case_exact: ClassVar[bool] = False

    def __init__(self, schema: type["ScimSchema"], *, max_length: int = bounds.VALUES_PER_ATTRIBUTE, **options: Any):
        super().__init__(schema, **options)
        self.parts = schema
        self.max_length = max_length

    def _deserialize(self, value: Any, attr: str | None, data: Any, partial: Any = None, **kwargs: Any) -> Any:
        if not self.many:
            if not isinstance(value, dict):
                raise ValidationError(f"expected an object, got {shown(value)}")
            return super()._deserialize(value, attr, data, **kwargs)
        if not isinstance(value, list):
            raise ValidationError(f"expected a list, got {shown(value)}")
        if len(value) > self.max_length:
            raise ValidationError(f"expected at most {self.max_length} values, got {len(value)}")
        wrong: Any = {
            i: [f"expected an object, got {shown(v)}"] for i, v in enumerate(value) if not isinstance(v, dict)
        }
        if wrong:
            raise ValidationError(wrong)
        return distinct(super()._deserialize(value, attr, data, **kwargs))


def distinct(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Multi-valued values by RFC 7643 §2.4: none empty, none twice, at most one `primary` (the first one said so)."""
    found: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
    for value in values:
        same = identity(value)
        held = found.get(same, {})
        found[same] = {**value, **held, **({"primary": True} if value.get("primary") else {})}
    primaries = [same for same, value in found.items() if same and value.get("primary")]
    for same in primaries[1:]:
        found[same]["primary"] = False
    return [value for same, value in found.items() if same]


def identity(value: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What makes two values the same: `type` and `value`, else all but `primary`; empty where there is nothing."""
    names = ("type", "value") if "value" in value else value.keys() - {"primary"}
    return tuple(sorted((name, value[name]) for name in names if name in value))


class NamedSchema(Schema):
    """A schema whose names are matched without regard to letter case (RFC 7643 §2.1) and ignores names it has not."""

    class Meta:
        unknown = EXCLUDE

    keeps_unassigned: ClassVar[bool] = True

    @pre_load
    def canonical(self, given: Any, **_: Any) -> Any:
        """Names in the declared letter case. Two names that are the same but for case are refused."""
        if not isinstance(given, Mapping):
            return given
        named: dict[str, Any] = {}
        for name, value in given.items():
            wire_name, is_simple = self.wire_names.get(name.lower(), (None, False))
            if wire_name is None or (not self.keeps_unassigned and is_unassigned(value, is_simple=is_simple)):
                continue
            if wire_name in named:
                raise ValidationError({wire_name: ["expected once, got twice in different letter case"]})
            named[wire_name] = value
        return named

    @cached_property
    def wire_names(self) -> Mapping[str, tuple[str, bool]]:
        """Lower-case name -> declared name, and whether it takes one simple value; of what can be loaded."""
        named = ((field.data_key or name, field) for name, field in self.load_fields.items())
        return {name.lower(): (name, not isinstance(field, Complex | Strings)) for name, field in named}


class ScimSchema(NamedSchema):
    """A schema of attributes: null, empty text and empty list mean unassigned (RFC 7643 §2.5) and are left out."""

    keeps_unassigned: ClassVar[bool] = False
    urn: ClassVar[str] = ""
    schema_name: ClassVar[str] = ""
    schema_description: ClassVar[str] = ""


def attributes_of(schema: type[ScimSchema], parent: Attribute | None = None) -> Mapping[str, Attribute]:
    """The attributes that a schema declares, by lower-case name, in declared order.

    With a parent they are its sub-attributes; an extension's attributes have the extension as parent.
    """
    found: dict[str, Attribute] = {}
    for declared_name, declared in schema().fields.items():
        name = declared.data_key or declared_name
        traits: Characteristics = declared.metadata["scim"]
        joint = ":" if parent and parent.name.startswith("urn:") else "."
        node = Attribute(
            name=name,
            path=f"{parent.path}{joint}{name}" if parent else name,
            keys=(*parent.keys, name) if parent else (name,),
            type=declared.scim_type,  # type: ignore[attr-defined]
            multi_valued=isinstance(declared, Strings) or (isinstance(declared, Complex) and bool(declared.many)),
            required=declared.required,
            traits=traits,
            check=declared.deserialize,
        )
        if isinstance(declared, Complex):
            node = replace(node, sub_attributes=attributes_of(declared.parts, node))
        found[name.lower()] = node
    return MappingProxyType(found)
