"""`sources`: the allow list of addresses for SCIM, from the machine itself; the way back when it refuses too much.

Not here: what the list does (app/administration/sources.py).
"""

import click

from app.commands.opened import opened
from app.commands.options import in_utf8, taking
from app.commands.table import show
from app.settings import Settings


@click.group(no_args_is_help=False)
def sources() -> None:
    """From which addresses SCIM is reached. A running server follows within a second."""


@sources.command()
@taking("data")
def off(settings: Settings) -> None:
    """Answer SCIM to every address again; the list itself stays."""
    with opened(settings):
        from app import administration

        administration.set_sources_mode(administration.Mode.OFF, administration.HOST)


@sources.command("list")
@taking("data")
def list_networks(settings: Settings) -> None:
    """Show whether the list is enforced, and what is on it."""
    with opened(settings):
        from app import administration

        found = administration.source_list()
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
        from app import administration

        administration.allow_networks([network], note, administration.HOST)
