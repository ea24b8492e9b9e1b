"""This module serves POST /Bulk (RFC 7644 §3.7)."""

from flask import Blueprint, Response

from app.provisioning import bulk_execution
from app.provisioning.bulk_execution import OperationResult
from app.scim.bulk_message import read_bulk
from app.scim.resource_types import ResourceType
from app.web.request_log import resource_changes
from app.web.request_log.record_draft import Draft
from app.web.scim.request_response import add, below_root, current, message_response


def add_routes(blueprint: Blueprint, types: tuple[ResourceType, ...]) -> None:
    """Add the endpoint for operations on resources of these types.

    Its response always has the status 200; each operation has its own.
    """

    def view() -> Response:
        request = current()
        bulk = bulk_execution.run(read_bulk(request.body()), types, request.base, request.author(), below_root)
        draft = request.draft
        share_bytes = len(draft.body) // (len(bulk.outcomes) or 1)
        results = bulk.response["Operations"]
        draft.parts += [
            _part(outcome, int(result["status"]), share_bytes)
            for outcome, result in zip(bulk.outcomes, results, strict=True)
        ]
        if refused := next((part for part in reversed(draft.parts) if part.error), None):
            refused.undone = bulk.undone
        return message_response(bulk.response)

    add(blueprint, "/Bulk", "bulk", view, ("POST",))


def _part(outcome: OperationResult, status: int, share_bytes: int) -> Draft:
    """Return the draft of one operation for the log. `share_bytes` is its share of the message."""
    operation = outcome.operation
    draft = Draft(number="", method=operation.method, status=status, error=outcome.error)
    draft.sent, draft.sent_bytes = operation.body, share_bytes
    if outcome.target:
        resource_changes.record_target(draft, operation.method, *outcome.target)
    if outcome.resource:
        resource_changes.record_result(draft, outcome.resource)
    return draft
