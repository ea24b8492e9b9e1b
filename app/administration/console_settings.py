"""This module stores the settings that an owner changes in the console, with an audit entry for each.

See also: app/settings.py (the options, `console_changes`), app/web/console/system/settings.py (the page).
"""

from collections.abc import Mapping

from app.administration import audit
from app.administration.audit import Action, Actor
from app.store.access import setting_rows
from app.store.database import directory_database
from app.store.database.directory_database import Row


def stored() -> Mapping[str, Row]:
    """Return the row of each option that the console has set."""
    with directory_database.reading_once() as connection:
        return {row.name: row for row in setting_rows.list_all(connection)}


def save(changes: Mapping[str, str], before: Mapping[str, str], actor: Actor) -> None:
    """Store new values as text, "" for the default. `before` has the values that counted until now."""
    with directory_database.writing() as connection:
        for name, value in changes.items():
            new = value or "the default"
            at = audit.record(connection, actor, Action.SETTING_CHANGED, name, old=before[name] or "none", new=new)
            if value:
                setting_rows.save(connection, name=name, value=value, changed=at, changed_by=actor.signature)
            else:
                setting_rows.remove(connection, name)


def unset(name: str, actor: Actor) -> bool:
    """Let the default of an option count again, and return whether the console had set it."""
    row = stored().get(name)
    if row is not None:
        save({name: ""}, {name: row.value}, actor)
    return row is not None
