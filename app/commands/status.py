"""This module implements `status`, which asks the running server whether it can store changes.

See also: app/doctor/running_server.py (the question), app/web/console/system/health_endpoints.py (the answer).
"""

import click

from app import data_folder
from app.commands.shared.color import colored
from app.commands.shared.options import taking
from app.commands.shared.table import printing_json, show_object
from app.doctor.running_server import ask
from app.exit_codes import TRY_AGAIN, CommandError
from app.settings import Settings


@click.command()
@printing_json("ready", "address", "reason", "warnings")
@taking("data")
def status(settings: Settings, is_json: bool) -> None:
    """Ask the running server whether it can store changes. Exit status 75 if not, or if no server runs."""
    address = ""
    warnings: dict[str, str] = {}
    try:
        running = data_folder.server(settings.data, wait_s=0)
    except data_folder.FolderInUseError:
        reason = f"data folder {settings.data}: the server is starting"
    else:
        reason = f"data folder {settings.data}: no server runs"
        if running:
            address = running.address
            reason, warnings = ask(address)
            reason = f"not ready: {reason}" if reason else ""
    if is_json:
        values = {"address": address or None, "reason": reason or None, "warnings": warnings}
        show_object({"ready": not reason, **values})
    if reason:
        raise CommandError(reason, TRY_AGAIN)
    if is_json:
        return
    click.echo(f"{colored('ready', 'green')} at {address}")
    for name, text in warnings.items():
        click.echo(f"{colored('warning', 'yellow')}: {name}: {text}")
