"""This module accepts usual documents quickly; what is unusual it leaves to marshmallow, and it refuses nothing.

Its checks are made from the same fields as those of marshmallow, so that an attribute is declared once.

See also: docs/decisions/0048-usual-documents-are-accepted-first.md (why), resource_types.py (uses it).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields

from app import bounds
from app.scim.data_types import Flag, Identifier, ReadableIdentifier, Reference, ResourceId, Text
from app.scim.fields import Complex, ScimSchema, Values

Check = Callable[[Any], Any]
"""A function that returns an assigned value as marshmallow loads it, None if nothing is left of it, or abstains."""
Accept = Callable[[object], dict[str, Any] | None]


class _AbstainError(Exception):
    """A value is unusual; it may be valid all the same."""


def acceptor(
    schema: type[ScimSchema], extensions: Iterable[type[ScimSchema]], required_extensions: Iterable[str]
) -> Accept:
    """Return a function that returns what `ResourceType.load` returns for a document, or None if it abstains.

    It abstains from all that entra_quirks.py could change, so that a document needs no correction before.
    """
    core = schema()
    checks = _checks(core, _TOP)
    for declared_name, field in core.load_fields.items():
        name = field.data_key or declared_name
        if name == "schemas" or field.metadata["scim"].storage == "nowhere":
            checks[name] = _discarded(checks[name])
    urns = [extension.urn for extension in extensions]
    for extension in extensions:
        declared = extension()
        checks[extension.urn] = _object(declared, _checks(declared, _TOP))
    whole = _object(core, checks, required_extensions)

    def accept(document: object) -> dict[str, Any] | None:
        try:
            values = whole(document) or {}
        except _AbstainError:
            return None
        return {"schemas": [schema.urn, *[urn for urn in urns if urn in values]], **values}

    return accept


def quick_check(field: fields.Field[Any]) -> Check:
    """Return a function that returns an assigned value as the field loads it. Raises marshmallow's ValidationError."""
    quick = _check(field, _TOP)

    def check(value: Any) -> Any:
        try:
            accepted = quick(value)
        except _AbstainError:
            accepted = None
        return field.deserialize(value) if accepted is None else accepted

    return check


def _checks(schema: ScimSchema, kinds: Mapping[type, Callable[[Any], Check]]) -> dict[str, Check]:
    """Return the checks of the writable attributes of a schema, by name and in declared order."""
    return {field.data_key or name: _check(field, kinds) for name, field in schema.load_fields.items()}


def _check(field: fields.Field[Any], kinds: Mapping[type, Callable[[Any], Check]]) -> Check:
    make: Callable[[Any], Check] = kinds.get(type(field), _by_field)
    return make(field)


def _object(schema: ScimSchema, checks: Mapping[str, Check], required: Iterable[str] = ()) -> Check:
    """Return the check of an object: every name declared and in its declared case, no required one without a value.

    Attributes without a check are read-only and ignored.
    """
    parts = tuple(checks.items())
    known = frozenset((*checks, *(field.data_key or name for name, field in schema.fields.items())))
    needed = (*schema.required_names, *required)

    def check(received: Any) -> dict[str, Any] | None:
        if type(received) is not dict or not received.keys() <= known:
            raise _AbstainError
        values = {}
        for name, part in parts:
            value = received.get(name)
            if value is not None and value != "" and (accepted := part(value)) is not None:
                values[name] = accepted
        for name in needed:
            if name not in values:
                raise _AbstainError
        return values or None

    return check


def _complex(field: Complex) -> Check:
    schema = field.parts()
    checks = _checks(schema, _SIMPLE)
    if "value" in checks:
        checks["value"] = _unpacked(checks["value"])
    single = _object(schema, checks)
    if not field.many:
        return single
    most, labels, is_membership = field.max_length, field.labels, field.is_membership

    def many(received: Any) -> list[dict[str, Any]] | None:
        if type(received) is not list or len(received) > most:
            raise _AbstainError
        values = []
        for one in received:
            value = single(one)
            if value and not labels.issuperset(value):
                values.append(value)
        if is_membership and (len(values) < len(received) or not all("value" in value for value in values)):
            raise _AbstainError
        return (values if _are_distinct(values) else field.distinct(values)) or None

    return many


def _unpacked(check: Check) -> Check:
    """Return a check that abstains from a role that Entra packs as JSON text into its `value` (entra_quirks.py)."""

    def unpacked(received: Any) -> Any:
        if type(received) is str and "{" in received:
            raise _AbstainError
        return check(received)

    return unpacked


def _are_distinct(values: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether `distinct` changes nothing, as far as can be seen without a comparison of whole values."""
    if len(values) < 2:
        return True
    pairs, primaries = set(), 0
    for value in values:
        pairs.add((value.get("type"), value.get("value")))
        primaries += value.get("primary") is True
    return len(pairs) == len(values) and primaries < 2


def _values(field: Values) -> Check:
    each = _check(field.inner, _SIMPLE)

    def check(received: Any) -> list[Any] | None:
        if type(received) is not list or len(received) > bounds.VALUES_PER_ATTRIBUTE:
            raise _AbstainError
        return list(dict.fromkeys(value for value in map(each, received) if value != "")) or None

    return check


def _text(field: Text) -> Check:
    most, is_readable, rest = field.max_length, isinstance(field, ReadableIdentifier), _by_field(field)

    def check(received: Any) -> Any:
        # Text that Python can print has no controls, overrides of the writing direction or half characters.
        is_usual = type(received) is str and len(received) <= most and received.isprintable()
        return received if is_usual and (not is_readable or received.strip()) else rest(received)

    return check


def _flag(field: Flag) -> Check:
    rest = _by_field(field)

    def check(received: Any) -> Any:
        return received if received is True or received is False else rest(received)

    return check


def _by_field(field: fields.Field[Any]) -> Check:
    """Return marshmallow's own check, for values and types that are rare, and for objects in objects."""

    def check(received: Any) -> Any:
        try:
            return field.deserialize(received)
        except ValidationError:
            raise _AbstainError from None

    return check


def _discarded(check: Check) -> Check:
    """Return a check whose value is not stored: `schemas` is derived, a password is only checked."""

    def discard(received: Any) -> None:
        check(received)

    return discard


_SIMPLE: Mapping[type, Callable[[Any], Check]] = {
    **dict.fromkeys((Text, Identifier, ResourceId, ReadableIdentifier, Reference), _text),
    Flag: _flag,
}
_TOP: Mapping[type, Callable[[Any], Check]] = {**_SIMPLE, Complex: _complex, Values: _values}
