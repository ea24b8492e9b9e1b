"""This module implements `setup-link`, which creates a new one-time link for the first administrator."""

import click

from app import data_folder, exit_codes
from app.commands.serve import make_setup_links, urls_of
from app.commands.shared.data_folder import open_data_folder
from app.commands.shared.options import command_line, taking
from app.settings import Settings


@click.command("setup-link")
@taking("data", "listen", "public_url")
def setup_link(settings: Settings) -> None:
    """Print a new setup link for the first administrator, valid once and for one hour."""
    with open_data_folder(settings):
        from app.administration.accounts import first_administrator

        if first_administrator.is_set_up():
            another = command_line(settings, "admin create --user-name NAME")
            raise exit_codes.CommandError(
                f"Recnice SCIM is already set up. Sign in, or create another administrator: {another}"
            )
        # Prefer the URLs of a running server: its public URL may be from a flag, its port from the system.
        running = data_folder.server(settings.data)
        urls = running.urls if running and running.urls else urls_of(settings)
        click.echo("\n".join(make_setup_links(settings, urls)))
