"""This module reads PATCH and search messages and renders list responses (RFC 7644)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, post_load

from app import bounds
from app.scim.data_types import wrong_value
from app.scim.errors import Code, ScimError, shown
from app.scim.fields import NO_VALUE, NamedSchema

PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
VERBS = ("add", "remove", "replace")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a PATCH (RFC 7644 §3.5.2); `op` is lower case, an empty path means none.

    `value` is None if it is missing or null; `has_value` distinguishes the two.
    """

    op: str
    path: str | None = None
    value: Any = None
    has_value: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_value", self.has_value or self.value is not None)


class OperationSchema(NamedSchema):
    """One operation of a PATCH; names and `op` are case-insensitive. Entra: `{"op": "Replace", …}`."""

    op = fields.Raw(required=True, allow_none=True)
    path = fields.Raw(allow_none=True, load_default=None)
    value = fields.Raw(allow_none=True)

    @post_load
    def operation(self, loaded: dict[str, Any], **_: Any) -> Operation:
        op, path = loaded["op"], loaded["path"]
        if not isinstance(op, str) or op.lower() not in VERBS:
            raise ValidationError({"op": wrong_value(f"one of {', '.join(VERBS)}", shown(op)).messages})
        if path is not None and not isinstance(path, str):
            raise ValidationError({"path": wrong_value("text", shown(path)).messages})
        return Operation(op.lower(), path if path and path.strip() else None, loaded.get("value"), "value" in loaded)


class MessageSchema(NamedSchema):
    """The body of a PATCH, and what that of a bulk request has in common with it."""

    schemas = fields.Raw(allow_none=True, load_default=None)
    Operations = fields.Raw(required=True)


_MEMBERS = {"schemas": "a list", "Operations": "a list of operations", "failOnErrors": "a whole number"}
_PATCH = MessageSchema()
_OPERATION = OperationSchema()


def read_message(schema: MessageSchema, body: Any, urn: str) -> dict[str, Any]:
    """Return the members of a message with `Operations`. Raises invalidSyntax that names the member.

    `schemas` may be missing, as some clients leave it out, but not name another message than `urn`.
    """
    if not isinstance(body, dict):
        raise ScimError(Code.INVALID_SYNTAX, "body", "an object", shown(body))
    try:
        message: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        name = next(iter(error.messages_dict))
        raise ScimError(Code.INVALID_SYNTAX, name, f"{_MEMBERS[name]}, once") from None
    urns = message["schemas"]
    has_urn = isinstance(urns, list) and any(isinstance(one, str) and one.lower() == urn.lower() for one in urns)
    if urns is not None and not has_urn:
        raise ScimError(Code.INVALID_SYNTAX, "schemas", f"[{shown(urn)}]", shown(urns))
    if not isinstance(message["Operations"], list):
        raise ScimError(Code.INVALID_SYNTAX, "Operations", "a list", shown(message["Operations"]))
    return message


def read_patch(body: Any) -> tuple[Operation, ...]:
    """Return the operations of a PATCH's JSON body. An empty list is allowed: Entra's validator sends such a message.

    Raises invalidSyntax that names the operation, tooMany for more than `bounds.PATCH_OPERATIONS`.
    """
    operations = read_message(_PATCH, body, PATCH_URN)["Operations"]
    if len(operations) > bounds.PATCH_OPERATIONS:
        raise ScimError(Code.TOO_MANY, "Operations", f"at most {bounds.PATCH_OPERATIONS}", len(operations))
    return tuple(_read_operation(number, operation) for number, operation in enumerate(operations))


def _read_operation(number: int, message: Any) -> Operation:
    if not isinstance(message, dict):
        raise ScimError(Code.INVALID_SYNTAX, f"Operations[{number}]", "an object", shown(message))
    try:
        operation: Operation = _OPERATION.load(message)
    except ValidationError as error:
        name, problems = next(iter(error.messages_dict.items()))
        _, _, expected, got = problems[0] if name in message else NO_VALUE
        raise ScimError(Code.INVALID_SYNTAX, f"Operations[{number}].{name}", expected, got) from None
    return operation


def list_response(total: int, start_index: int | None, resources: Sequence[str], next_cursor: str | None = None) -> str:
    """Return a ListResponse (RFC 7644 §3.4.2) as JSON text, of resources that are JSON text already.

    A page by cursor (RFC 9865 §2) has no `start_index`, and the last one no `next_cursor`.
    """
    index = "" if start_index is None else f'"startIndex":{start_index},'
    cursor = f'"nextCursor":"{next_cursor}",' if next_cursor else ""
    return (
        f'{{"schemas":["{LIST_URN}"],"totalResults":{total},{index}{cursor}'
        f'"itemsPerPage":{len(resources)},"Resources":[{",".join(resources)}]}}'
    )
