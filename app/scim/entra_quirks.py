"""This module normalizes what Entra sends outside RFC 7643 and 7644, one named rule per quirk.

See also: data_types.py (`Flag`: booleans as text), attribute.py (`is_unassigned`: empty text that clears a value).
"""

from collections.abc import Mapping
from typing import Any, Literal

from app import bounds
from app.scim.attribute import Attribute, AttributeTree, is_unassigned, simple_value, single_value
from app.scim.json_body import examine_json

USUAL_FILTER = ("type", "primary")
_CONTAINERS = (list, dict)


def correct_document(tree: AttributeTree, document: Any) -> Any:
    """Return a posted document with each value in the place and shape of its attribute; unknown names stay.

    Identifying values are not changed: a list for a userName is refused.
    """
    if not isinstance(document, dict):
        return document
    return _correct_named({**tree.core, **tree.extensions}, tree.placed(document))


def _correct_named(attributes: Mapping[str, Attribute], values: Mapping[str, Any]) -> dict[str, Any]:
    corrected = dict(values)
    for name, value in values.items():
        attribute = attributes.get(name.lower())
        if attribute is not None and not attribute.is_identifying:
            value = correct_value(attribute, value)
            is_object = attribute.is_extension and isinstance(value, dict)
            corrected[name] = _correct_named(attribute.sub_attributes, value) if is_object else value
    return corrected


def correct_value(attribute: Attribute, value: Any, *, is_one: bool = False) -> Any:
    """Return a value in its attribute's shape: a list for many values, an object or a simple value for a single one.

    `is_one`: the value is a single one of a multi-valued attribute.

    Entra: `{"op": "Add", "path": "…:User:manager", "value": "<id>"}`, `"manager": [{"value": "<id>"}]`,
    `"roles": "Editor"`, `{"op": "Add", "path": "members", "value": {"value": "<id>"}}`,
    `{"op": "Replace", "path": "active", "value": [{"value": "False"}]}`; for a custom list of texts
    `[{"value": "a"}, {"value": "b"}]`.
    """
    if attribute.type != "complex" and not isinstance(value, _CONTAINERS):
        return value
    if is_unassigned(value):
        return value
    if not attribute.multi_valued or is_one:
        return _correct_one(attribute, single_value(value))
    if not isinstance(value, list):
        return _correct_one(attribute, value) if attribute.type != "complex" else [_correct_one(attribute, value)]
    pairs = ((one, _correct_one(attribute, one)) for one in value)
    keeps_null = attribute.type != "complex" or attribute.traits.storage == "membership"  # to be refused later
    return [after for before, after in pairs if after is not None or (before is None and keeps_null)]


def _correct_one(attribute: Attribute, value: Any) -> Any:
    if attribute.type != "complex":
        return simple_value(value)
    if isinstance(value, str) and attribute.value_attribute:
        value = {"value": value}
    return _unpack_role(attribute, value) if attribute.name == "roles" else value


def _unpack_role(attribute: Attribute, value: Any) -> Any:
    r"""Return a role that was received as JSON text inside `value`; text that is not a JSON object stays unchanged.

    Entra: `{"op": "Add", "path": "roles", "value": [{"value": "{\"id\":\"…\",\"value\":\"Editor\",…}"}]}` from the
    expression AppRoleAssignmentsComplex.
    """
    if not isinstance(value, dict):
        return value
    inner = value.get("value")
    if not isinstance(inner, str) or not inner.lstrip().startswith("{") or len(inner) > bounds.TEXT_LENGTH:
        return value
    unpacked, fault = examine_json(inner)
    if fault or not isinstance(unpacked, dict) or not isinstance(unpacked.get("value"), str):
        return value
    unpacked = {name: part for name, part in unpacked.items() if isinstance(part, str | bool)}
    return {name: part for name, part in value.items() if name != "value"} | unpacked


def may_be_created(attribute: Attribute, parts: dict[str, Any]) -> bool:
    r"""Return whether `replace` creates a value that its filter does not find (RFC 7644 §3.5.2.3 demands noTarget).

    Entra: `{"op": "Replace", "path": "addresses[type eq \"work\"].locality", "value": "Leeds"}` for a user without
    addresses, `roles[primary eq "True"].value`, `entitlements[type eq "license"].value`. `parts` is what the filter
    demands of the value. If RFC 7643 names the attribute's types, `parts` must be one of these, or primary. Otherwise
    all types are equal and any equalities may be used.
    """
    kind = attribute.sub_attributes.get("type")
    usual = kind.traits.canonical_values if kind else ()
    if not usual or parts == {"primary": True}:
        return True
    return set(parts) == {"type"} and str(parts["type"]).lower() in usual


def is_empty_shell(value: dict[str, Any]) -> bool:
    """Return whether a value has no content left after its parts were cleared one by one.

    Entra: null for `emails[type eq "work"].value` leaves only the `type` and `primary` that the filter once created.
    """
    return set(value) <= set(USUAL_FILTER)


def dialect_of(message: Any) -> Literal["", "default", "compliant"]:
    """Return in which of Entra's two dialects a PATCH message is written; "" if that is not visible.

    `message` is the JSON as received. Entra, without the flag: `{"op": "Replace", "path": "active", "value": "False"}`,
    so a capital verb or a boolean as text. With `aadOptscim062020`:
    `{"op": "replace", "value": {"active": false, "name.givenName": "Ada"}}`, so verbs in lower case only.
    """
    named = {str(name).lower(): value for name, value in message.items()} if isinstance(message, dict) else {}
    operations = named.get("operations")
    objects = [one for one in operations if isinstance(one, dict)] if isinstance(operations, list) else []
    if any(map(_is_of_default, objects)):
        return "default"
    is_patch = any(name.lower() == "op" and isinstance(verb, str) for one in objects for name, verb in one.items())
    return "compliant" if is_patch else ""


def _is_of_default(operation: dict[str, Any]) -> bool:
    """Return whether an operation has a capital verb, or a boolean as text."""
    for name, value in operation.items():
        member = name.lower()
        if member == "op" and isinstance(value, str) and value[:1].isupper():
            return True
        if member == "value" and value in ("True", "False"):
            return True
    return False
