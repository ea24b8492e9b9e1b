"""This module lists and deletes the files that restores replaced, which stay until an owner deletes them."""

from pathlib import Path

from app import file_swap
from app.administration import audit
from app.administration.audit import Action, Actor
from app.store.database import directory_database


def folders(data: Path) -> list[str]:
    """Return the names of the folders with replaced files, oldest first."""
    return [path.name for path in file_swap.replaced_folders(data)]


def delete(data: Path, name: str, by: Actor) -> None:
    """Delete the folder with this name, if it is one, with an audit entry. Needs an application context."""
    if name not in folders(data):
        return
    with directory_database.writing() as connection:
        audit.record(connection, by, Action.REPLACED_DELETED, name)
    file_swap.remove_replaced(data / name)
