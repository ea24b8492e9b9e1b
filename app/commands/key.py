"""This module implements `key`: SCIM Keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from app.commands.shared.data_folder import opened
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import show
from app.settings import Settings

if TYPE_CHECKING:
    from app.store.access.scim_key_rows import KeyRow

NEVER = "never"


@click.group(no_args_is_help=False)
def key() -> None:
    """SCIM Keys: what Entra's field Secret Token wants."""


@key.command()
@click.option(
    "--name",
    metavar="N",
    default="Microsoft Entra",
    show_default=True,
    callback=in_utf8,
    help="A name to know it by.",
)
@click.option(
    "--beside", is_flag=True, help="For another client: the active key does not hand over to this one, and stays."
)
@taking("data")
def create(settings: Settings, name: str, beside: bool) -> None:
    """Make a key and print it, this once and nothing else.

    A key that is active hands over to it: both work, and the old one retires by itself when only the new one was used
    for a day.
    """
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import scim_keys

        click.echo(scim_keys.create_key(name, audit.HOST, is_beside=beside).text)


@key.command("list")
@taking("data")
def list_keys(settings: Settings) -> None:
    """Show all keys, also stopped ones; never a key itself."""
    with opened(settings):
        from app.administration.credentials import scim_keys

        rows = scim_keys.list_keys()
        names = {row.id: row.name for row in rows}
        show(
            ("id", "name", "begins with", "created", "by", "last used", "from", "last simulation", "from", "state"),
            [
                (
                    row.id,
                    row.name,
                    row.prefix,
                    row.created,
                    row.created_by,
                    row.last_used or NEVER,
                    row.last_address or "-",
                    row.last_simulated or NEVER,
                    row.last_simulated_address or "-",
                    _state(row, names),
                )
                for row in rows
            ],
        )


@key.command()
@click.argument("key_id", metavar="ID", callback=in_utf8)
@taking("data")
def stop(settings: Settings, key_id: str) -> None:
    """Stop a key: from now on it is refused."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import scim_keys

        scim_keys.stop_key(key_id, audit.HOST)


def _state(row: KeyRow, names: Mapping[str, str]) -> str:
    """What a key does now. `names` of the keys by their ids."""
    if row.stopped:
        return f"{'retired' if row.is_retired else 'stopped'} {row.stopped}"
    return f"hands over to {names.get(row.successor, '')} ({row.successor})" if row.successor else "active"
