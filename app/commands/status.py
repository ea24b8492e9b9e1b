"""This module implements `status`, which asks the running server whether it can store changes.

See also: app/web/console/system/health_endpoints.py (the answer).
"""

import json
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import click

from app import bounds, data_folder
from app.commands.shared.options import taking
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


def ask(address: str) -> tuple[str, dict[str, str]]:
    """Return why the server at an `http://HOST:PORT` cannot store changes ("": it can), and its warnings by name."""
    if not address:  # an older version does not note it
        return "expected a server of this version", {}
    url = urlsplit(address)
    # No proxy of the environment: the server is on this machine.
    connection = HTTPConnection(url.hostname or "", url.port, timeout=bounds.STATUS_S)
    try:
        connection.request("GET", "/readyz", headers={"Accept": "application/json"})
        answer = json.loads(connection.getresponse().read(bounds.STATUS_BYTES))
        return str(answer["reason"]), {str(name): str(text) for name, text in answer["warnings"].items()}
    except (OSError, HTTPException) as error:
        return f"no answer from {address} ({error or type(error).__name__})", {}
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"{address}: expected the answer of a server of this version", {}
    finally:
        connection.close()
