"""This module implements multi-valued and complex attributes as marshmallow fields (RFC 7643 §2.3.8, §2.4).

A schema declares an attribute once with `attribute(...)`; `attributes_of` in resource_types.py reads the declarations
back as `Attribute`s.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load

from app import bounds
from app.scim.attribute import Characteristics, is_unassigned
from app.scim.data_types import wrong_value
from app.scim.errors import Code, Mismatch, shown

NO_VALUE = Mismatch(Code.MISSING_VALUE, "", "a value", "none")


def attribute(
    kind: Callable[..., fields.Field[Any]],
    description: str,
    *args: Any,
    required: bool = False,
    many: bool = False,
    name: str | None = None,
    max_length: int | None = None,
    **characteristics: Any,
) -> fields.Field[Any]:
    """Return one SCIM attribute: a marshmallow field that has SCIM characteristics.

    `kind` is a class of data_types.py or Complex and determines the data type; `args` are its own (a Complex takes the
    schema of its parts). `name` is needed only if the wire name is not a Python name (`$ref`).
    """
    traits = Characteristics(description=description, **({"case_exact": kind.case_exact} | characteristics))  # type: ignore[attr-defined]
    options: dict[str, Any] = {"metadata": {"scim": traits}, "required": required}
    options["dump_only"] = traits.mutability == "readOnly"
    if name is not None:
        options |= {"data_key": name, "attribute": name}
    options["error_messages"] = {"required": [NO_VALUE]}
    own: dict[str, Any] = {} if max_length is None else {"max_length": max_length}
    if many and kind is Complex:
        own["many"] = True
    elif many:
        return Values(kind(*args, **own), **options)
    return kind(*args, **own, **options)


class Values(fields.List[Any]):
    """A multi-valued attribute without sub-attributes (RFC 7643 §2.4): no value is empty, and no value occurs twice."""

    def __init__(self, each: fields.Field[Any], **options: Any) -> None:
        super().__init__(each, **options)
        self.scim_type: str = each.scim_type  # type: ignore[attr-defined]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_value("a list", shown(value))
        if len(value) > bounds.VALUES_PER_ATTRIBUTE:
            raise wrong_value(f"at most {bounds.VALUES_PER_ATTRIBUTE} values", len(value), Code.VALUE_TOO_LONG)
        return list(dict.fromkeys(one for one in super()._deserialize(value, attr, data, **kwargs) if one != ""))


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
                raise wrong_value("an object", shown(value))
            return super()._deserialize(value, attr, data, **kwargs)
        if not isinstance(value, list):
            raise wrong_value("a list", shown(value))
        if len(value) > self.max_length:
            raise wrong_value(f"at most {self.max_length} values", len(value), Code.VALUE_TOO_LONG)
        wrong: Any = {
            i: wrong_value("an object", shown(v)).messages for i, v in enumerate(value) if not isinstance(v, dict)
        }
        if wrong:
            raise ValidationError(wrong)
        loaded: list[dict[str, Any]] = super()._deserialize(value, attr, data, **kwargs)
        if self.is_membership and (wrong := [i for i, one in enumerate(loaded) if "value" not in one]):
            raise ValidationError({i: {"value": [NO_VALUE]} for i in wrong})
        return self.distinct([one for one in loaded if one.keys() - self.labels])

    @property
    def is_membership(self) -> bool:
        """Whether each value names a member: one that names none is a mistake, which must not empty a group."""
        return bool(self.metadata["scim"].storage == "membership")

    @cached_property
    def labels(self) -> frozenset[str]:
        """The names of parts that mean nothing alone, so that a value of only these is unassigned.

        Entra: `"emails": [{"type": "work", "value": null}]`. `type` is such a name if the attribute has a `value`, or
        if RFC 7643 names its types. In another custom list it may be the whole content of a value.
        """
        parts = {field.data_key or name: field.metadata["scim"] for name, field in self.schema.fields.items()}
        is_label = not self.is_membership and ("value" in parts or ("type" in parts and parts["type"].canonical_values))
        return frozenset({"primary", "type"} if is_label else {"primary"})

    def distinct(self, values: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return multi-valued values by RFC 7643 §2.4: none empty, none twice, at most one `primary` (the first).

        The parts stay in declared order: a value that is read again must not differ from the stored one.
        """
        by_identity: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
        for value in values:
            same = identity(value)
            if earlier := by_identity.get(same):
                value = {**value, **earlier, **({"primary": True} if value.get("primary") else {})}
                names = (field.data_key or name for name, field in self.schema.fields.items())
                value = {name: value[name] for name in names if name in value}
            by_identity[same] = {**value}
        primaries = [same for same, value in by_identity.items() if same and value.get("primary")]
        for same in primaries[1:]:
            by_identity[same]["primary"] = False
        return [value for same, value in by_identity.items() if same]


def identity(value: Any) -> tuple[tuple[str, Any], ...]:
    """Return what makes two values the same: `type` and `value`, else all but `primary`; empty if there is nothing."""
    if not isinstance(value, Mapping):
        return (("value", value),)
    names = ("type", "value") if "value" in value else value.keys() - {"primary"}
    return tuple(sorted((name, value[name]) for name in names if name in value))


class ScimSchema(Schema):
    """A schema of attributes, whose names are matched case-insensitively (RFC 7643 §2.1); unknown ones are ignored.

    Null, empty text and empty list mean unassigned (RFC 7643 §2.5) and are left out.
    """

    class Meta:
        """The options of marshmallow."""

        unknown = EXCLUDE

    urn: ClassVar[str] = ""
    schema_name: ClassVar[str] = ""
    schema_description: ClassVar[str] = ""

    @pre_load
    def canonical(self, document: Any, **_: Any) -> Any:
        """Return names in the declared case. Two names that differ only by case are refused."""
        if not isinstance(document, Mapping):
            return document
        named: dict[str, Any] = {}
        for name, value in document.items():
            wire_name, is_simple = self.wire_names.get(name.lower(), (None, False))
            if wire_name is None or is_unassigned(value, is_simple=is_simple):
                continue
            if wire_name in named:
                raise ValidationError({wire_name: wrong_value("once", "twice in different letter case").messages})
            named[wire_name] = value
        return named

    @cached_property
    def wire_names(self) -> Mapping[str, tuple[str, bool]]:
        """The declared name by lower-case name, and whether it takes one simple value; only of what can be loaded."""
        named = ((field.data_key or name, field) for name, field in self.load_fields.items())
        return {name.lower(): (name, not isinstance(field, Complex | Values)) for name, field in named}

    @cached_property
    def required_names(self) -> tuple[str, ...]:
        return tuple(field.data_key or name for name, field in self.load_fields.items() if field.required)
