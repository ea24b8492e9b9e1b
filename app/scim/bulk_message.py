"""This module reads a Bulk message and resolves its `bulkId:` references (RFC 7644 §3.7)."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app import bounds
from app.scim.attribute import by_name
from app.scim.errors import Code, ScimError, shown
from app.scim.protocol_messages import read_operations

REQUEST_URN = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE_URN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
METHODS = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """One operation as it was sent; `fault` is what is wrong with its form, so that it can fail alone."""

    method: str = ""
    path: str = ""
    bulk_id: str | None = None
    version: str | None = None
    body: Any = None
    fault: ScimError | None = None

    @property
    def promises(self) -> str | None:
        """The bulkId to which others can refer once this operation has succeeded."""
        return self.bulk_id if self.method == "POST" else None


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """All operations, and the number of failures after which the rest is not processed (None: no limit)."""

    operations: tuple[BulkOperation, ...]
    fail_on_errors: int | None = None


_REQUIRED = ("method", "path")
_TEXTS = (*_REQUIRED, "bulkId", "version")
_AFTER_PATH = re.compile("[?#]")


def read_bulk(body: Any) -> BulkRequest:
    """Read the body of a bulk request.

    A `failOnErrors` of 0 counts as absent: some clients send every number. Raises invalidSyntax for a body that is not
    a bulk request, 413 for more than `bounds.BULK_OPERATIONS` operations.
    """
    operations = read_operations(body, REQUEST_URN)
    fail_on_errors, *others = by_name(body)["failonerrors"] or [None]
    if others or isinstance(fail_on_errors, bool) or not isinstance(fail_on_errors, int | None):
        raise ScimError(Code.INVALID_SYNTAX, "failOnErrors", "a whole number, once")
    if len(operations) > bounds.BULK_OPERATIONS:
        raise ScimError(Code.TOO_MANY_OPERATIONS, "Operations", f"at most {bounds.BULK_OPERATIONS}")
    if fail_on_errors is not None and fail_on_errors < 0:
        raise ScimError(Code.INVALID_SYNTAX, "failOnErrors", "a number of errors", fail_on_errors)
    return BulkRequest(tuple(map(read_operation, operations)), fail_on_errors or None)


def read_operation(message: Any) -> BulkOperation:
    """Return one operation with all that can be read of it, and a fault if its form is wrong.

    `bulkId` is read with POST only (RFC 7644 §3.7). The query in a path is ignored.
    """
    if not isinstance(message, dict):
        return BulkOperation(fault=ScimError(Code.INVALID_SYNTAX, "operation", "an object", shown(message)))
    named = by_name(message)
    values = {name: [one for one in named[name.lower()] if one is not None] for name in (*_TEXTS, "data")}
    read = {
        name: next((one for one in present if name == "data" or isinstance(one, str)), None)
        for name, present in values.items()
    }
    method = (read["method"] or "").strip().upper()
    if method != "POST":
        del values["bulkId"]
    fault = None
    for name, present in values.items():
        if present != [read[name]] and (present or name in _REQUIRED) and fault is None:
            fault = ScimError(Code.INVALID_SYNTAX, name, f"a {'value' if name == 'data' else 'text'}, once")
    path = _AFTER_PATH.split((read["path"] or "").strip())[0]
    return BulkOperation(method, path, read["bulkId"], read["version"] or None, read["data"], fault)


def in_order(operations: Sequence[BulkOperation], references: Sequence[Collection[str]]) -> Iterator[list[int]]:
    """Yield the operations by their numbers, each after those to which it refers; circles as in `grouped_by_needs`.

    `references` are the bulkIds to which each operation refers.
    """
    creators: dict[str, int] = {}
    for number, operation in enumerate(operations):
        if operation.promises is not None:
            creators.setdefault(operation.promises, number)
    return grouped_by_needs([sorted({creators[one] for one in named if one in creators}) for named in references])


def grouped_by_needs(needs: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield all numbers, each after those that it needs, otherwise in their order; `needs[3]` is what 3 needs.

    Numbers that need each other in a circle are in one list; every other list has one number. These are the strongly
    connected components as Tarjan's algorithm completes them, without recursion since a chain may be long.
    """
    index: dict[int, int] = {}
    earliest: dict[int, int] = {}
    incomplete: dict[int, None] = {}
    for start in range(len(needs)):
        path = [] if start in index else [start]
        remaining = {start: iter(needs[start])}
        while path:
            number = path[-1]
            if number not in index:
                index[number] = earliest[number] = len(index)
                incomplete[number] = None
            for needed in remaining[number]:
                if needed not in index:
                    remaining[needed] = iter(needs[needed])
                    path.append(needed)
                    break
                if needed in incomplete:
                    earliest[number] = min(earliest[number], index[needed])
            else:
                path.pop()
                if path:
                    earliest[path[-1]] = min(earliest[path[-1]], earliest[number])
                if earliest[number] == index[number]:
                    circle = []
                    while number in incomplete:
                        circle.append(incomplete.popitem()[0])
                    yield sorted(circle)
