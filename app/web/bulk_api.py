"""POST to /Bulk (RFC 7644 §3.7).

Not here: the message (app/scim/bulk.py), and what is done with it (app/bulk.py).
"""

from flask import Blueprint, Response

from app import bulk
from app.bulk import Outcome
from app.scim.bulk import read_bulk
from app.scim.resource_types import ResourceType
from app.web import draft, facts
from app.web.draft import Facts, Part
from app.web.exchange import add, answered, author, base, below_root, body


def add_routes(blueprint: Blueprint, types: tuple[ResourceType, ...]) -> None:
    """The endpoint for operations on resources of these types. It always answers 200; each operation has a status."""

    def view() -> Response:
        done = bulk.run(read_bulk(body()), types, base(), author(), below_root)
        noted = draft.current()
        share_bytes = len(noted.body) // (len(done.outcomes) or 1)
        results = done.response["Operations"]
        noted.parts += [
            _part(outcome, int(result["status"]), share_bytes)
            for outcome, result in zip(done.outcomes, results, strict=True)
        ]
        if refused := next((part.facts for part in reversed(noted.parts) if part.facts.error), None):
            refused.undone = done.undone
        return answered(done.response)

    add(blueprint, "/Bulk", "bulk", view, ("POST",))


def _part(outcome: Outcome, status: int, share_bytes: int) -> Part:
    """An operation as the log notes it. `share_bytes`: its share of the message."""
    operation = outcome.operation
    noted = Facts(error=outcome.error, sent=operation.body, sent_bytes=share_bytes)
    if outcome.target:
        facts.aim(noted, operation.method, *outcome.target)
    if outcome.resource:
        facts.done(noted, outcome.resource)
    return Part(operation.method, status, noted)
