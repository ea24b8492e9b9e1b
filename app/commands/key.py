"""This module implements `key`, which manages SCIM Keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from app.commands.shared.command_group import CommandGroup
from app.commands.shared.data_folder import on_data_folder, open_data_folder
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import Row, listing, or_never
from app.settings import Settings

if TYPE_CHECKING:
    from app.administration.audit import Actor
    from app.store.access.scim_key_rows import KeyRow


@click.group(cls=CommandGroup, no_args_is_help=False)
def key() -> None:
    """Manage SCIM Keys, for Entra's field Secret Token."""


@key.command()
@click.option(
    "--name", metavar="N", default="", show_default="Key 1, Key 2, …", callback=in_utf8, help="The name of the key."
)
@click.option("--separate", is_flag=True, help="Create a key for another client: the active key is not replaced.")
@click.option("--beside", is_flag=True, hidden=True)  # the former name, until 0.3
@on_data_folder
def create(host: Actor, name: str, separate: bool, beside: bool) -> None:
    """Create a SCIM Key and print only the key. It cannot be displayed again.

    The new key replaces the active one: both are valid, and the old one is deactivated automatically when only the new
    one was used for a day.
    """
    from app.administration.credentials import scim_keys

    click.echo(scim_keys.create_key(name, host, is_beside=separate or beside).text)


@key.command("list")
@listing(
    *("id", "name", "prefix", "created", "by", "last_used", "last_address"),
    *("last_simulated", "last_simulated_address", "state"),
)
@taking("data")
def list_keys(settings: Settings) -> Iterator[Row]:
    """List all keys, including revoked ones. Secrets are never displayed."""
    with open_data_folder(settings):
        from app.administration.credentials import scim_keys

        rows = scim_keys.list_keys()
        names = {row.id: row.name for row in rows}
        for row in rows:
            yield (
                *(row.id, row.name, row.prefix, row.created, row.created_by),
                *(or_never(row.last_used), row.last_address or None),
                *(or_never(row.last_simulated), row.last_simulated_address or None),
                _state(row, names),
            )


@key.command()
@click.argument("key_id", metavar="ID", callback=in_utf8)
@on_data_folder
def revoke(host: Actor, key_id: str) -> None:
    """Revoke a key. Requests with it fail immediately."""
    from app.administration.credentials import scim_keys

    scim_keys.stop_key(key_id, host)


def _state(row: KeyRow, names: Mapping[str, str]) -> str:
    """Return the state of a key. `names` maps key ids to names."""
    if row.stopped:
        return f"{'deactivated' if row.is_retired else 'revoked'} {row.stopped}"
    return f"being replaced by {names.get(row.successor, '')} ({row.successor})" if row.successor else "active"
