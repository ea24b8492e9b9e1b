"""This module implements `allowlist`, which changes the IP allow list, also for a locked-out administrator."""

import click

from app.commands.shared.command_group import CommandGroup
from app.commands.shared.data_folder import open_data_folder
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import objects, printing_json, show, show_object
from app.settings import Settings

COLUMNS = ("network", "note", "created", "by")


@click.group(cls=CommandGroup, no_args_is_help=False)
def allowlist() -> None:
    """Manage the IP allow list. A running server applies each change to the next request."""


@allowlist.command()
@taking("data")
def off(settings: Settings) -> None:
    """Turn the list off: every IP address can call SCIM. The list itself is kept."""
    with open_data_folder(settings):
        from app.administration import audit
        from app.administration.ip_allow_list import allow_list, enforcement

        allow_list.set_mode(enforcement.Mode.OFF, audit.HOST)


@allowlist.command("list")
@printing_json("mode", "networks")
@taking("data")
def list_networks(settings: Settings, is_json: bool) -> None:
    """Show the mode and the allowed networks."""
    with open_data_folder(settings):
        from app.administration.ip_allow_list import allow_list

        current = allow_list.source_list()
        rows = [(one.network, one.note, one.created, one.created_by) for one in current.listed]
        if is_json:
            show_object({"mode": current.mode.value, "networks": list(objects(COLUMNS, rows))})
            return
        click.echo(f"mode: {current.mode.label}")
        show(COLUMNS, rows)


@allowlist.command()
@click.argument("network", metavar="CIDR", callback=in_utf8)
@click.option("--note", metavar="TEXT", default="", callback=in_utf8, help="What the network is.")
@taking("data")
def allow(settings: Settings, network: str, note: str) -> None:
    """Add an IP address or a network to the list."""
    with open_data_folder(settings):
        from app.administration import audit
        from app.administration.ip_allow_list import allow_list

        allow_list.allow([network], note, audit.HOST)
