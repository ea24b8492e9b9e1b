"""This module reads PATCH and search messages and renders list responses (RFC 7644)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from app import bounds
from app.scim.attribute import by_name
from app.scim.errors import Code, ScimError, shown

PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
VERBS = ("add", "remove", "replace")
_MEMBERS = frozenset({"op", "path", "value"})


class Operation(NamedTuple):
    """One operation of a PATCH (RFC 7644 §3.5.2); `op` is lower case, an empty path means none.

    `value` is None if it is missing or null; `has_null` distinguishes the two.
    """

    op: str
    path: str | None = None
    value: Any = None
    has_null: bool = False

    @property
    def has_value(self) -> bool:
        return self.value is not None or self.has_null


def read_operations(body: Any, urn: str) -> list[Any]:
    """Return `Operations` of the body of a PATCH or a bulk request; names are matched case-insensitively.

    `schemas` may be missing, as some clients leave it out, but not name another message than `urn`. Raises
    invalidSyntax that names the member.
    """
    if not isinstance(body, dict):
        raise ScimError(Code.INVALID_SYNTAX, "body", "an object", shown(body))
    named = by_name(body)
    schemas, *others = named["schemas"] or [None]
    urns = [one.lower() for one in schemas if isinstance(one, str)] if isinstance(schemas, list) else []
    if others or (schemas is not None and urn.lower() not in urns):
        raise ScimError(Code.INVALID_SYNTAX, "schemas", f"[{shown(urn)}]", shown(schemas))
    operations, *others = named["operations"] or [None]
    if others or operations is None:
        raise ScimError(Code.INVALID_SYNTAX, "Operations", "a list of operations, once")
    if not isinstance(operations, list):
        raise ScimError(Code.INVALID_SYNTAX, "Operations", "a list", shown(operations))
    return operations


def read_patch(body: Any) -> tuple[Operation, ...]:
    """Return the operations of a PATCH's JSON body. An empty list is allowed: Entra's validator sends such a message.

    Raises invalidSyntax that names the operation, tooMany for more than `bounds.PATCH_OPERATIONS`.
    """
    operations = read_operations(body, PATCH_URN)
    if len(operations) > bounds.PATCH_OPERATIONS:
        raise ScimError(Code.TOO_MANY, "Operations", f"at most {bounds.PATCH_OPERATIONS}", len(operations))
    return tuple(_read_operation(number, operation) for number, operation in enumerate(operations))


def _read_operation(number: int, message: Any) -> Operation:
    """Return one operation; names and `op` are case-insensitive. Entra: `{"op": "Replace", …}`."""
    if not isinstance(message, dict):
        raise _invalid(number, "", "an object", shown(message))
    members = message if message.keys() <= _MEMBERS else _in_lower_case(number, message)
    op, path, value = members.get("op"), members.get("path"), members.get("value")
    if "op" not in members:
        raise _invalid(number, ".op", "a value", "none")
    if not isinstance(op, str) or (verb := op.lower()) not in VERBS:
        raise _invalid(number, ".op", f"one of {', '.join(VERBS)}", shown(op))
    if path is not None and not isinstance(path, str):
        raise _invalid(number, ".path", "text", shown(path))
    return Operation(verb, path if path and path.strip() else None, value, value is None and "value" in members)


def _in_lower_case(number: int, message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the members of an operation by their names in lower case. Raises invalidSyntax for two of a name."""
    named = by_name(message)
    for name in sorted(_MEMBERS):
        if len(named[name]) > 1:
            raise _invalid(number, f".{name}", "once", "twice in different letter case")
    return {name: values[0] for name, values in named.items() if values}


def _invalid(number: int, member: str, expected: str, got: str) -> ScimError:
    return ScimError(Code.INVALID_SYNTAX, f"Operations[{number}]{member}", expected, got)


def list_response(
    total: int, start_index: int | None, count: int, resources: Iterable[Iterable[str]], next_cursor: str | None = None
) -> Iterator[str]:
    """Yield a ListResponse (RFC 7644 §3.4.2) as JSON text, of `count` resources that are pieces of JSON text already.

    A page by cursor (RFC 9865 §2) has no `start_index`, and the last one no `next_cursor`.
    """
    index = "" if start_index is None else f'"startIndex":{start_index},'
    cursor = f'"nextCursor":"{next_cursor}",' if next_cursor else ""
    yield f'{{"schemas":["{LIST_URN}"],"totalResults":{total},{index}{cursor}"itemsPerPage":{count},"Resources":['
    for number, pieces in enumerate(resources):
        if number:
            yield ","
        yield from pieces
    yield "]}"
