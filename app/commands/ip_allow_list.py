"""This module implements `sources`: the IP allow list, for whoever is locked out."""

import click

from app.commands.shared.data_folder import opened
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import show
from app.settings import Settings


@click.group(no_args_is_help=False)
def sources() -> None:
    """From which addresses SCIM is reached. A running server follows within a second."""


@sources.command()
@taking("data")
def off(settings: Settings) -> None:
    """Answer SCIM to every address again; the list itself stays."""
    with opened(settings):
        from app.administration import audit
        from app.administration.ip_allow_list import allow_list, enforcement

        allow_list.set_mode(enforcement.Mode.OFF, audit.HOST)


@sources.command("list")
@taking("data")
def list_networks(settings: Settings) -> None:
    """Show whether the list is enforced, and what is on it."""
    with opened(settings):
        from app.administration.ip_allow_list import allow_list

        found = allow_list.source_list()
        click.echo(f"mode: {found.mode}")
        rows = [(one.network, one.note, one.created, one.created_by) for one in found.listed]
        show(("network", "note", "created", "by"), rows)


@sources.command()
@click.argument("network", metavar="CIDR", callback=in_utf8)
@click.option("--note", metavar="TEXT", default="", callback=in_utf8, help="What it is.")
@taking("data")
def allow(settings: Settings, network: str, note: str) -> None:
    """Put an address or a network on the list."""
    with opened(settings):
        from app.administration import audit
        from app.administration.ip_allow_list import allow_list

        allow_list.allow([network], note, audit.HOST)
