"""`key`: the SCIM Keys with which Microsoft Entra signs in; what a key is says app/administration."""

import click

from app.commands.opened import opened
from app.commands.options import in_utf8, taking
from app.commands.table import show
from app.settings import Settings

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
@taking("data")
def create(settings: Settings, name: str) -> None:
    """Make a key and print it, this once and nothing else."""
    with opened(settings, may_create=True):
        from app import administration

        click.echo(administration.create_key(name, administration.HOST).text)


@key.command("list")
@taking("data")
def list_keys(settings: Settings) -> None:
    """Show all keys, also stopped ones; never a key itself."""
    with opened(settings):
        from app import administration

        show(
            ("id", "name", "begins with", "created", "by", "last used", "from", "state"),
            [
                (
                    row.id,
                    row.name,
                    row.prefix,
                    row.created,
                    row.created_by,
                    row.last_used or NEVER,
                    row.last_address or "-",
                    f"stopped {row.stopped}" if row.stopped else "active",
                )
                for row in administration.list_keys()
            ],
        )


@key.command()
@click.argument("key_id", metavar="ID", callback=in_utf8)
@taking("data")
def stop(settings: Settings, key_id: str) -> None:
    """Stop a key: from now on it is refused."""
    with opened(settings):
        from app import administration

        administration.stop_key(key_id, administration.HOST)
