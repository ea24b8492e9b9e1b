"""This module lists custom schemas that are no longer declared, and confirms that one was removed.

See also: app/store/directory/declared_attributes.py (how a missing schema is found).
"""

from collections.abc import Sequence

from app.administration import audit
from app.administration.audit import Action, Actor
from app.store.database import directory_database
from app.store.directory import declared_attributes
from app.store.directory.declared_attributes import MissingSchema


def missing_schemas() -> Sequence[MissingSchema]:
    """Return the schemas that are no longer declared and not confirmed as removed."""
    with directory_database.reading() as connection:
        return declared_attributes.missing(connection)


def confirm_removal(type_name: str, urn: str, since: str, by: Actor) -> None:
    """Confirm that what a schema lacked at the server start `since` (wire form) was removed intentionally.

    Stored values are kept. Nothing is changed if nothing is missing, or if more is missing since a later start.
    """
    with directory_database.writing() as connection:
        for schema in declared_attributes.missing(connection):
            if (schema.type, schema.urn, schema.since) == (type_name, urn, since):
                audit.record(connection, by, Action.SCHEMA_REMOVED, schema.subject, of=type_name)
                declared_attributes.confirm_removal(connection, schema)
