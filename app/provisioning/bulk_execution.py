"""This module runs the operations of a Bulk request, one transaction each (RFC 7644 §3.7).

An operation runs after those to which it refers. Resources that refer to each other in a circle get their ids before
they are created; if one of them cannot be created, all of them are deleted.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.provisioning.resource_queries import Resource
from app.scim import disabling, projection
from app.scim.bulk_message import METHODS, RESPONSE_URN, BulkOperation, BulkRequest, in_order
from app.scim.bulk_references import references, resolve, with_references
from app.scim.errors import Code, ScimError, detach, shown, unresolved_reference
from app.scim.precondition import Precondition
from app.scim.projection import Selection
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import USER, ResourceType

_NOTHING = Selection(attributes=frozenset())


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The result of one operation: the `resource`, or the `error`.

    `target` is the type and id of its resource, if known; the id is "" for a new one.
    """

    operation: BulkOperation
    target: tuple[ResourceType, str] | None
    resource: Resource | None = None
    error: ScimError | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The BulkResponse, and the outcome of every processed operation; both in the order of the request.

    `undone`: the operations that were not processed, since too many others had failed.
    """

    response: dict[str, Any]
    outcomes: tuple[OperationResult, ...]
    undone: tuple[BulkOperation, ...] = ()


def run(
    request: BulkRequest,
    types: Sequence[ResourceType],
    base: str,
    author: Author,
    below_root: Callable[[str], str] = str,
) -> Done:
    """Run all operations until `failOnErrors` is reached. `base` is the public URL of the request's `/scim`.

    `below_root` returns what follows the SCIM root in an operation's path.
    """
    bulk = _Bulk(request, {known.endpoint.removeprefix("/"): known for known in types}, base, author, below_root)
    bulk.run()
    numbers = sorted(bulk.results)
    response = {"schemas": [RESPONSE_URN], "Operations": [bulk.results[number] for number in numbers]}
    undone = tuple(one for number, one in enumerate(request.operations) if number not in bulk.results)
    return Done(response, tuple(bulk.outcomes[number] for number in numbers), undone)


@dataclass(slots=True)
class _Bulk:
    """One request during its processing: the ids of the bulkIds, and the outcomes so far, by an operation's number."""

    request: BulkRequest
    types: Mapping[str, ResourceType]
    base: str
    author: Author
    below_root: Callable[[str], str]
    ids: dict[str, str] = field(default_factory=dict)
    posts: set[str] = field(default_factory=set)
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    outcomes: dict[int, OperationResult] = field(default_factory=dict)
    failures: int = 0

    @property
    def operations(self) -> Sequence[BulkOperation]:
        return self.request.operations

    def run(self) -> None:
        limit = self.request.fail_on_errors
        references = [self.references(operation) for operation in self.operations]
        for numbers in in_order(self.operations, references):
            if limit is not None and self.failures >= limit:
                return
            first = self.operations[numbers[0]]
            if len(numbers) > 1 or (first.promises is not None and first.promises in references[numbers[0]]):
                self.perform_circle(numbers)
            else:
                self.perform(numbers[0])

    def perform_circle(self, numbers: Sequence[int]) -> None:
        """Run all or none of a circle: a single remaining resource would refer to one that does not exist."""
        for number in numbers:
            self.ids[self.operations[number].bulk_id or ""] = resource_operations.new_id()
        failed = next((number for number in numbers if not self.perform(number)), None)
        if failed is None:
            return
        for number in numbers:
            operation = self.operations[number]
            resource_id = self.ids.pop(operation.bulk_id or "", "")
            if number < failed:
                with suppress(ScimError):  # another client may have deleted it first
                    resource_operations.delete(self.target(operation)[0], resource_id, self.author)
            if number != failed:
                self.refuse(number, unresolved_reference(self.operations[failed].bulk_id or ""))

    def perform(self, number: int) -> bool:
        """Run one operation and store its result; return whether it succeeded."""
        operation = self.operations[number]
        try:
            result, resource = self.done(operation)
        except ScimError as error:
            self.refuse(number, error)
            return False
        self.results[number] = self.named(operation) | result
        self.outcomes[number] = OperationResult(operation, (resource.type, resource.record.id), resource)
        return True

    def refuse(self, number: int, error: ScimError) -> None:
        """Store an error as the operation's result, with the URL of the affected resource if that is known."""
        operation = self.operations[number]
        self.failures += 1
        result = self.named(operation)
        target = None
        if operation.method in METHODS:
            with suppress(ScimError):
                target = self.target(operation)
        if target and target[1]:
            result["location"] = projection.location(self.base, *target)
        self.outcomes[number] = OperationResult(operation, target, error=detach(error))
        self.results[number] = result | {"status": str(error.status), "response": error.to_scim()}

    @staticmethod
    def named(operation: BulkOperation) -> dict[str, Any]:
        """Return the members by which a result identifies its operation."""
        named = {"method": operation.method}
        return named if operation.bulk_id is None else named | {"bulkId": operation.bulk_id}

    def done(self, operation: BulkOperation) -> tuple[dict[str, Any], Resource]:
        """Run the method; return `location`, `version` and `status`, and the affected resource. Raises ScimError."""
        if operation.fault is not None:
            raise operation.fault
        if operation.method not in METHODS:
            raise ScimError(Code.INVALID_SYNTAX, "method", f"one of {', '.join(METHODS)}", shown(operation.method))
        resource_type, resource_id = self.target(operation)
        if operation.method == "POST":
            resource = self.create(resource_type, operation)
            return self.shown(resource, "201"), resource
        precondition = Precondition(if_match=operation.version)
        if operation.method == "DELETE":
            resource = resource_operations.delete(resource_type, resource_id, self.author, precondition)
            return {"location": projection.location(self.base, resource_type, resource_id), "status": "204"}, resource
        body, unresolved = self.body(resource_type, operation)
        try:
            options = (self.author, precondition, _NOTHING)
            if operation.method == "PUT":
                resource = resource_operations.replace(resource_type, resource_id, body, *options)
            else:
                resource = resource_operations.change(resource_type, resource_id, read_patch(body), *options)
        except ScimError as error:
            if unresolved and disabling.may_leave_out(resource_type, error):
                raise unresolved_reference(unresolved[0]) from None
            raise
        return self.shown(resource, "200"), resource

    def create(self, resource_type: ResourceType, operation: BulkOperation) -> Resource:
        """Run a POST. It must have a bulkId of its own (RFC 7644 §3.7.2)."""
        bulk_id = operation.promises
        if not bulk_id:
            raise ScimError(Code.INVALID_SYNTAX, "bulkId", "one with POST", "none")
        if bulk_id in self.posts:
            raise ScimError(Code.INVALID_SYNTAX, "bulkId", "one that no other POST has", shown(bulk_id))
        self.posts.add(bulk_id)
        resource_id = self.ids.get(bulk_id)
        body, _ = self.body(resource_type, operation)
        resource = resource_operations.create(resource_type, body, self.author, _NOTHING, resource_id)
        self.ids[bulk_id] = resource.record.id
        return resource

    def body(self, resource_type: ResourceType, operation: BulkOperation) -> tuple[Any, list[str]]:
        """Return the body with ids for its references, and the bulkIds without an id.

        A request that disables a user does not fail because of these (app/scim/disabling.py); any other is refused.
        Raises 409.
        """
        unresolved: list[str] = []

        def read(text: str) -> str:
            unresolved.extend(one for one in references(text) if one not in self.ids)
            return resolve(text, self.ids)

        body = with_references(operation.method, operation.body, resource_type.tree, read)
        if unresolved and (operation.method == "POST" or resource_type.name != USER.name):
            raise unresolved_reference(unresolved[0])
        return body, unresolved

    def references(self, operation: BulkOperation) -> set[str]:
        """Return the bulkIds to which an operation refers, in its path and in its body."""
        resource_type, resource_id = self.located(operation)
        bulk_ids = set(references(resource_id))

        def read(text: str) -> str:
            bulk_ids.update(references(text))
            return text

        if resource_type is not None:
            with_references(operation.method, operation.body, resource_type.tree, read)
        return bulk_ids

    def shown(self, resource: Resource, status: str) -> dict[str, Any]:
        location = projection.location(self.base, resource.type, resource.record.id)
        return {"location": location, "version": projection.entity_tag(resource.record.version), "status": status}

    def target(self, operation: BulkOperation) -> tuple[ResourceType, str]:
        """Return the type and id of `/Groups` (POST), `/Groups/<id>` or `/Groups/bulkId:<bulkId>` (other methods).

        Other clients: the same as a full URL, or with the path of the SCIM root as its prefix. Raises invalidPath, 409.
        """
        resource_type, resource_id = self.located(operation)
        if resource_type is None or bool(resource_id) == (operation.method == "POST"):
            example = "/Users" if operation.method == "POST" else "/Users/<id>"
            raise ScimError(Code.INVALID_PATH, "path", f"a path like {example}", shown(operation.path))
        if unresolved := [one for one in references(resource_id) if one not in self.ids]:
            raise unresolved_reference(unresolved[0])
        return resource_type, resolve(resource_id, self.ids)

    def located(self, operation: BulkOperation) -> tuple[ResourceType | None, str]:
        """Return the resource type of a path, None if it leads to none, and the id in it, or ""."""
        path = self.below_root(operation.path)
        endpoint, _, rest = path.removeprefix("/").partition("/")
        return self.types.get(endpoint), unquote(rest.removesuffix("/"))
