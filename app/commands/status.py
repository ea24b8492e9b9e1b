"""This module implements `status`, which asks the running server whether it can store changes.

See also: app/doctor/running_server.py (the question), app/web/console/system/health_endpoints.py (the answer).
"""

import click

from app import data_folder
from app.commands.shared.options import taking
from app.doctor.running_server import ask
from app.exit_codes import TRY_AGAIN, CommandError
from app.settings import Settings


@click.command()
@taking("data")
def status(settings: Settings) -> None:
    """Ask the running server whether it can store changes. Exit status 75 if not, or if no server runs."""
    try:
        running = data_folder.server(settings.data, wait_s=0)
    except data_folder.FolderInUseError:
        raise CommandError(f"data folder {settings.data}: the server is starting", TRY_AGAIN) from None
    if running is None:
        raise CommandError(f"data folder {settings.data}: no server runs", TRY_AGAIN)
    reason, warnings = ask(running.address)
    if reason:
        raise CommandError(f"not ready: {reason}", TRY_AGAIN)
    click.echo(f"ready at {running.address}")
    for name, text in warnings.items():
        click.echo(f"warning: {name}: {text}")
