"""POST to /Bulk (RFC 7644 §3.7).

Not here: the message (app/scim/bulk.py), and what is done with it (app/bulk.py).
"""

from flask import Blueprint, Response

from app import bulk
from app.scim.bulk import read_bulk
from app.scim.resource_types import ResourceType
from app.web.exchange import add, answered, base, body


def add_routes(blueprint: Blueprint, types: tuple[ResourceType, ...]) -> None:
    """The endpoint for operations on resources of these types. It always answers 200; each operation has a status."""

    def view() -> Response:
        return answered(bulk.run(read_bulk(body()), types, base()))

    add(blueprint, "/Bulk", "bulk", view, ("POST",))
