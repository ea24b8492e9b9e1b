"""This module reads and sets which mapped attributes are required here."""

from app import clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.scim.recnice_mapping import MAPPING
from app.store.database import directory_database
from app.store.directory import strict_attribute_rows


def set_strict(type_name: str, path: str, is_strict: bool, by: Actor) -> None:
    """Set whether a mapped path is required here or only recommended. Resources without a value are kept.

    Raises Refused for a path that is not in the mapping, that a schema requires, or that is not a value of the
    resource.
    """
    row = next((row for row in MAPPING.get(type_name, ()) if row.path == path), None)
    if row is None:
        raise Refused("This attribute is not in the mapping.")
    if row.is_matching or row.type != "String":
        raise Refused(f"{path} cannot be required here.")
    with directory_database.writing() as connection:
        if (path in strict_attribute_rows.strict_paths(connection, type_name)) == is_strict:
            return
        if is_strict:
            strict_attribute_rows.add(connection, type_name, path, clock.to_wire(clock.utc_now()), by.signature)
        else:
            strict_attribute_rows.remove(connection, type_name, path)
        action = Action.STRICT_SET if is_strict else Action.STRICT_LIFTED
        audit.record(connection, by, action, path, of=type_name)
