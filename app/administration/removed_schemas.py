"""This module lists own schemas that are no longer declared, and lets an owner confirm that one was removed on purpose.

See also: app/store/declarations.py (how a missing one is found).
"""

from collections.abc import Sequence

from app.administration import audit
from app.administration.audit import Action, Actor
from app.store import db, declarations
from app.store.declarations import MissingSchema


def missing_schemas() -> Sequence[MissingSchema]:
    """Return what is no longer declared and not confirmed as removed."""
    with db.reading() as connection:
        return declarations.missing(connection)


def confirm_removal(type_name: str, urn: str, since: str, by: Actor) -> None:
    """Confirm that what was missing of a schema at the start `since` (wire form) was removed on purpose.

    Stored values stay where they are. Nothing is changed where nothing is missing, or more since a later start.
    """
    with db.writing() as connection:
        for schema in declarations.missing(connection):
            if (schema.type, schema.urn, schema.since) == (type_name, urn, since):
                audit.record(connection, by, Action.SCHEMA_REMOVED, schema.subject, of=type_name)
                declarations.confirm_removal(connection, schema)
