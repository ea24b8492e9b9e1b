"""This module implements `key`, which manages SCIM Keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from app.commands.shared.aliases import AliasedGroup
from app.commands.shared.data_folder import on_data_folder, open_data_folder
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import show
from app.settings import Settings

if TYPE_CHECKING:
    from app.administration.audit import Actor
    from app.store.access.scim_key_rows import KeyRow


@click.group(cls=AliasedGroup, no_args_is_help=False)
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
@taking("data")
def list_keys(settings: Settings) -> None:
    """List all keys, including revoked ones. Secrets are never displayed."""
    with open_data_folder(settings):
        from app.administration.credentials import scim_keys

        rows = scim_keys.list_keys()
        names = {row.id: row.name for row in rows}
        show(
            ("id", "name", "begins with", "created", "by", "last used", "from", "last simulation", "from", "state"),
            [
                (
                    *(row.id, row.name, row.prefix, row.created, row.created_by),
                    *(row.last_used or "never", row.last_address or "-"),
                    *(row.last_simulated or "never", row.last_simulated_address or "-"),
                    _state(row, names),
                )
                for row in rows
            ],
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
